#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/digest.h"

namespace slipway::runner {

/// Digests of files' contents, remembered from build to build by what changes with every change of content: device,
/// inode, size, mtime and ctime. Size and mtime alone would not do: anybody can set a time, nobody a ctime. A file
/// changed so lately that a further change could leave the same ctime is not remembered. Not thread-safe.
class StatCache {
 public:
  /// `tree` names whose files these are. An empty `state_dir`: nothing is loaded or saved.
  StatCache(const std::string& state_dir, const std::string& tree);

  std::optional<Digest> find(const struct stat& info);
  /// `before`: the time when reading of the content began. See coarse_now().
  void remember(const struct stat& info, const Digest& digest, timespec before);
  /// Writes what has become known. Not being able to is no error: the files are hashed again.
  void save();

  /// The clock that gives files their ctime.
  static timespec coarse_now();

 private:
  struct Record {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t mtime = 0;  ///< ns
    std::int64_t ctime = 0;
    std::uint64_t day = 0;  ///< Of the last use, since 1970.
    std::array<std::uint8_t, Digest::kBytes> digest{};
  };
  static Record record_of(const struct stat& info);
  void load();
  std::size_t index_of(const Record& wanted);

  std::string path_;
  std::vector<Record> records_;
  std::unordered_map<std::uint64_t, std::size_t> by_inode_;
  bool indexed_ = false;
  std::size_t next_ =
      0;  ///< Files are asked for in the order of the last time: a guess that is nearly always right.
  bool changed_ = false;
};

}  // namespace slipway::runner
