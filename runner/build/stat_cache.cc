// The file of remembered content digests, and when not to trust a stat.
// Format, in the machine's byte order: "slipstat", version, number of records, checksum of them; records.
#include "runner/build/stat_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/files.h"
#include "base/random.h"

namespace slipway::runner {
namespace {

constexpr char kMagic[8] = {'s', 'l', 'i', 'p', 's', 't', 'a', 't'};
constexpr std::uint64_t kVersion = 1;
struct Header {
  char magic[8];
  std::uint64_t version;
  std::uint64_t records;
  std::uint64_t sum;
};

// The kernel stamps files with the time of its last tick, at most 10 ms old; file systems of other kinds round to
// whole seconds, FAT to two. The larger bound costs one more hashing of files that were just written.
constexpr std::int64_t kSettled = 2'500'000'000;
constexpr std::uint64_t kDaysKept = 30;
constexpr std::uint64_t kMaxRecords = 2'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kDay = 86'400;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

std::int64_t nanoseconds(timespec time) { return time.tv_sec * kSecond + time.tv_nsec; }

// A power cut may leave a file of zeros: this only has to notice damage, not malice (the directory is ours alone).
std::uint64_t checksum(const void* data, std::size_t size) {
  std::uint64_t sum = 0xcbf29ce484222325U;  // FNV-1a's start, over words instead of bytes
  for (std::size_t at = 0; at + sizeof sum <= size; at += sizeof sum) {
    std::uint64_t word = 0;
    std::memcpy(&word, static_cast<const char*>(data) + at, sizeof word);
    sum = (sum ^ word) * 0x100000001b3U;
    sum ^= sum >> 29;
  }
  return sum;
}

std::uint64_t today() { return static_cast<std::uint64_t>(StatCache::coarse_now().tv_sec) / kDay; }

bool read_whole(int fd, void* data, std::size_t size) {
  auto* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t n = ::read(fd, at, size);
    if (n <= 0) return false;
    at += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

timespec StatCache::coarse_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now;
}

StatCache::StatCache(const std::string& state_dir, const std::string& tree) {
  if (state_dir.empty()) return;
  path_ = state_dir + "/build/stat/" + Digest::of(tree).hex().substr(0, 32);
  load();
}

void StatCache::load() {
  const Fd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  Header header{};
  if (!fd || !read_whole(fd.get(), &header, sizeof header)) return;
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 || header.version != kVersion ||
      header.records > kMaxRecords) {
    return;
  }
  records_.resize(header.records);
  const std::size_t bytes = records_.size() * sizeof(Record);
  if (!read_whole(fd.get(), records_.data(), bytes) ||
      checksum(records_.data(), bytes) != header.sum) {
    records_.clear();
  }
}

StatCache::Record StatCache::record_of(const struct stat& info) {
  Record record;
  record.device = info.st_dev;
  record.inode = info.st_ino;
  record.size = static_cast<std::uint64_t>(info.st_size);
  record.mtime = nanoseconds(info.st_mtim);
  record.ctime = nanoseconds(info.st_ctim);
  return record;
}

std::size_t StatCache::index_of(const Record& wanted) {
  const auto is_it = [&](std::size_t at) {
    return at < records_.size() && records_[at].inode == wanted.inode &&
           records_[at].device == wanted.device;
  };
  if (is_it(next_)) return next_++;
  if (!indexed_) {
    by_inode_.reserve(records_.size());
    for (std::size_t i = 0; i < records_.size(); ++i) by_inode_[records_[i].inode] = i;
    indexed_ = true;
  }
  const auto found = by_inode_.find(wanted.inode);
  if (found == by_inode_.end() || !is_it(found->second)) return kNone;
  next_ = found->second + 1;
  return found->second;
}

std::optional<Digest> StatCache::find(const struct stat& info) {
  const Record wanted = record_of(info);
  const std::size_t at = index_of(wanted);
  if (at == kNone) return std::nullopt;
  Record& known = records_[at];
  if (known.size != wanted.size || known.mtime != wanted.mtime || known.ctime != wanted.ctime) {
    return std::nullopt;
  }
  known.day = today();
  return Digest(known.digest);
}

void StatCache::remember(const struct stat& info, const Digest& digest, timespec before) {
  Record record = record_of(info);
  if (nanoseconds(before) - std::max(record.ctime, record.mtime) < kSettled) return;
  record.day = today();
  record.digest = digest.bytes();
  changed_ = true;
  const std::size_t at = index_of(record);
  if (at != kNone) {
    records_[at] = record;
    return;
  }
  if (records_.size() >= kMaxRecords) return;
  by_inode_[record.inode] = records_.size();
  records_.push_back(record);
}

void StatCache::save() {
  if (!changed_ || path_.empty()) return;
  const std::uint64_t day = today();
  std::erase_if(records_, [&](const Record& record) { return record.day + kDaysKept < day; });
  by_inode_.clear();
  indexed_ = false;
  next_ = 0;
  changed_ = false;
  if (!make_dirs(path_.substr(0, path_.rfind('/')), 0700)) return;
  const std::string temporary = path_ + ".tmp-" + random_hex(6);
  const std::size_t bytes = records_.size() * sizeof(Record);
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.version = kVersion;
  header.records = records_.size();
  header.sum = checksum(records_.data(), bytes);
  const Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return;
  const std::string_view head(reinterpret_cast<const char*>(&header), sizeof header);
  const std::string_view body(reinterpret_cast<const char*>(records_.data()), bytes);
  // Not synced: the checksum tells a torn file.
  const bool written = write_all(fd.get(), head, temporary) && write_all(fd.get(), body, temporary);
  if (!written || ::rename(temporary.c_str(), path_.c_str()) != 0) ::unlink(temporary.c_str());
}

}  // namespace slipway::runner
