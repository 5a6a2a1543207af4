// Importing the same archive again costs one hash instead of unpacking it to throw the files away.
#include "cachestore/image/known_layer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "base/files.h"
#include "cachestore/index/image_rows.h"

namespace slipway::cachestore {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10;

struct Hashed {
  Digest digest;
  std::uint64_t size = 0;
  std::array<char, 4> start{};
};

// From the current position to the end; the position is put back.
Result<Hashed> hash_rest(int fd, off_t from, const std::string& source, const CancelToken& cancel) {
  Hashed hashed;
  Sha256 sha;
  std::vector<char> chunk(kChunk);
  for (;;) {
    if (cancel.cancelled()) return fail(ErrorCode::kCancelled, "read " + source + ": cancelled");
    const off_t at = from + static_cast<off_t>(hashed.size);
    const ssize_t n = ::pread(fd, chunk.data(), chunk.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("read " + source);
    if (n == 0) break;
    const std::string_view data(chunk.data(), static_cast<std::size_t>(n));
    if (hashed.size == 0) data.copy(hashed.start.data(), hashed.start.size());
    sha.update(data);
    hashed.size += data.size();
  }
  hashed.digest = sha.finish();
  return hashed;
}

Compression compression_of(const std::array<char, 4>& start) {
  const std::string_view text(start.data(), start.size());
  if (text.starts_with("\x1f\x8b")) return Compression::kGzip;
  if (text == "\x28\xb5\x2f\xfd") return Compression::kZstd;
  return Compression::kNone;
}

}  // namespace

Result<std::optional<KnownLayer>> find_known_layer(StoreCore& core, int fd,
                                                   const std::string& source,
                                                   const CancelToken& cancel) {
  using Maybe = std::optional<KnownLayer>;
  struct stat info {};
  const off_t from = ::lseek(fd, 0, SEEK_CUR);
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || from < 0) return Maybe();
  const bool likely = SLIP_TRY(core.index.with([&](Database& database) {
    return blob_rows::any_layer_of_size(database, info.st_size - from);
  }));
  if (!likely) return Maybe();
  const Hashed hashed = SLIP_TRY(hash_rest(fd, from, source, cancel));
  return core.index.with([&](Database& database) -> Result<std::optional<KnownLayer>> {
    const auto blob = SLIP_TRY(blob_rows::get(database, hashed.digest.str()));
    if (!blob || blob->diff_id.empty() || !core.blobs.has(hashed.digest)) return Maybe();
    const auto row = SLIP_TRY(snapshot_rows::by_key(database, SnapshotKind::kLayer, blob->diff_id));
    // Not of a pull that still runs: nobody has synced it yet.
    if (!row || !row->boot.empty() || !usable(core, *row)) return Maybe();
    Fd lease(
        ::openat(core.snapshots_fd.get(), row->id.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lease.valid() || ::flock(lease.get(), LOCK_SH | LOCK_NB) != 0) return Maybe();
    KnownLayer known;
    known.blob = hashed.digest;
    known.blob_size = hashed.size;
    known.diff_id = SLIP_TRY(Digest::parse(blob->diff_id));
    known.compression = compression_of(hashed.start);
    known.lease = std::move(lease);
    return Maybe(std::move(known));
  });
}

}  // namespace slipway::cachestore
