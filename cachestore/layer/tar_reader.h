#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cachestore/layer/byte_source.h"
#include "cachestore/layer/pax.h"
#include "cachestore/layer/tar_header.h"
#include "cachestore/store.h"

namespace slipway::cachestore {

enum class EntryType { kFile, kHardLink, kSymlink, kCharDevice, kBlockDevice, kDirectory, kFifo };

struct TarEntry {
  EntryType type = EntryType::kFile;
  std::string name;  ///< As in the archive: any bytes but NUL, perhaps absolute or with "..".
  std::string link;
  std::uint32_t mode = 0;
  std::int64_t uid = 0;
  std::int64_t gid = 0;
  timespec mtime{};
  std::uint64_t stored = 0;  ///< Bytes of content in the archive.
  std::vector<std::pair<std::string, std::string>> xattrs;
  std::optional<SparseMap> sparse;  ///< Where the stored bytes go; checked.
};

/// Streaming reader of ustar, pax, GNU and v7 archives. Checks every header's checksum and the limits on entries, names
/// and bytes; the archive must end in a zero block with nothing but zeros behind it.
class TarReader {
 public:
  TarReader(ChunkStream& chunks, std::string source, const LayerLimits& limits);

  /// The next entry (what was not read of the last one is skipped); false at the end, when all is consumed.
  Result<bool> next(TarEntry& entry);
  /// The next piece of the entry's content, empty at its end. Valid until the next call.
  Result<std::string_view> data();
  /// An error that names the archive and the current entry.
  Error error(ErrorCode code, std::string_view cause) const;
  Error wrap(Error inner) const;

 private:
  Result<std::string_view> take(std::size_t most);
  Result<std::size_t> take_full(char* out, std::size_t size);
  Result<std::string> take_text(std::uint64_t size, std::uint64_t limit);
  Status skip_rest();
  Result<bool> read_block(std::array<char, TarHeader::kSize>& block);
  Status finish();

  /// What long-name and pax headers said about the entry that follows them.
  struct Pending {
    std::optional<std::string> name;
    std::optional<std::string> link;
    PaxRecords pax;
    bool any = false;
  };
  Result<bool> read_extension(const TarHeader& header, Pending& pending);
  Status build(TarHeader& header, Pending& pending, std::string_view block, TarEntry& entry);
  Status build_sparse(const TarHeader& header, const Pending& pending, std::string_view block,
                      TarEntry& entry);
  Status read_old_sparse(std::string_view block, SparseMap& map);
  Status read_sparse_from_data(SparseMap& map);
  Status check_limits(const TarEntry& entry);

  ChunkStream& chunks_;
  std::string source_;
  const LayerLimits limits_;
  std::string_view chunk_;
  std::uint64_t offset_ = 0;   ///< Of the next byte in the archive.
  std::uint64_t left_ = 0;     ///< Content still unread.
  std::uint64_t padding_ = 0;  ///< Zeros behind it.
  std::uint64_t headers_ = 0;
  std::uint64_t total_ = 0;
  std::string current_;
  bool done_ = false;
};

}  // namespace slipway::cachestore
