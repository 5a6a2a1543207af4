// Blobs that are arriving: files that survive their process, locks that join two pulls of one blob.
#include "cachestore/transfer/ingest.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

namespace slipway::cachestore {
namespace {

constexpr const char* kDirectory = "ingest";
// flock(2) cannot be waited for together with a cancel; nobody notices a twentieth of a second after a download.
constexpr int kLockPollMillis = 50;
// Of the second name by which a file goes to the blob store.
constexpr std::string_view kLinkSuffix = ".blob";
// The reader is woken for this much: the network's own pieces are too small to be worth a change of threads.
constexpr std::uint64_t kPiece = std::uint64_t{128} << 10;

std::string shown_dir(const StoreCore& core) { return core.root + "/" + kDirectory; }

Result<Fd> open_directory(const StoreCore& core) {
  if (::mkdirat(core.root_fd.get(), kDirectory, 0700) != 0 && errno != EEXIST) {
    return fail_errno("create " + shown_dir(core));
  }
  return open_at(core.root_fd.get(), kDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// The name may have gone to the blob store, or to a sweep, while the lock was waited for.
bool still_named(int dir_fd, const std::string& name, const struct stat& locked) {
  struct stat named {};
  return ::fstatat(dir_fd, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         named.st_ino == locked.st_ino && named.st_dev == locked.st_dev;
}

}  // namespace

Result<IngestFile> IngestFile::lock(const StoreCore& core, const Digest& digest,
                                    const std::function<void(std::uint64_t have)>& waiting,
                                    const CancelToken& cancel) {
  IngestFile file;
  file.name_ = digest.hex();
  file.shown_ = shown_dir(core) + "/" + file.name_;
  file.dir_ = SLIP_TRY(open_directory(core));
  for (;;) {
    file.fd_ = SLIP_TRY(open_at(file.dir_.get(), file.name_, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    while (::flock(file.fd_.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno("lock " + file.shown_);
      struct stat growing {};
      if (::fstat(file.fd_.get(), &growing) == 0) {
        waiting(static_cast<std::uint64_t>(growing.st_size));
      }
      pollfd stop{cancel.poll_fd(), POLLIN, 0};
      if (::poll(&stop, 1, kLockPollMillis) > 0) {
        return fail(ErrorCode::kCancelled, "wait for " + file.shown_ + ": cancelled");
      }
    }
    struct stat info {};
    if (::fstat(file.fd_.get(), &info) != 0) return fail_errno("stat " + file.shown_);
    if (!still_named(file.dir_.get(), file.name_, info)) continue;
    if (info.st_nlink >
        1) {  // a blob already, whose maker was killed before it took this name away
      file.discard();
      continue;
    }
    file.size_ = static_cast<std::uint64_t>(info.st_size);
    return file;
  }
}

Status IngestFile::restart() {
  if (::ftruncate(fd_.get(), 0) != 0) return fail_errno("empty " + shown_);
  size_ = 0;
  return {};
}

void IngestFile::discard() const { ::unlinkat(dir_.get(), name_.c_str(), 0); }

void IngestFile::discard_if_empty() const {
  struct stat info {};
  if (::fstat(fd_.get(), &info) == 0 && info.st_size == 0) discard();
}

Status IngestFile::place(const StoreCore& core, const Digest& digest) const {
  const std::string link = name_ + std::string(kLinkSuffix);
  ::unlinkat(dir_.get(), link.c_str(), 0);
  if (::linkat(dir_.get(), name_.c_str(), dir_.get(), link.c_str(), 0) != 0) {
    return fail_errno("link " + shown_);
  }
  return core.blobs.place(dir_.get(), link, digest);
}

Result<std::uint64_t> sweep_ingest(const StoreCore& core, Millis age) {
  Fd dir(::openat(core.root_fd.get(), kDirectory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.valid()) return std::uint64_t{0};
  const WallTime oldest = real_clock().wall() - age;
  const std::int64_t before =
      std::chrono::duration_cast<std::chrono::seconds>(oldest.time_since_epoch()).count();
  std::uint64_t freed = 0;
  for (const std::string& name : SLIP_TRY(list_dir(dir.get(), shown_dir(core)))) {
    const Fd fd(::openat(dir.get(), name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!fd.valid() || ::fstat(fd.get(), &info) != 0 || info.st_mtim.tv_sec > before) continue;
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 || !still_named(dir.get(), name, info)) continue;
    if (::unlinkat(dir.get(), name.c_str(), 0) == 0) {
      freed += static_cast<std::uint64_t>(info.st_size);
    }
  }
  return freed;
}

void Arrival::grew(std::uint64_t have) {
  const bool wake = bytes_.with([&](State& state) {
    const std::uint64_t before = std::exchange(state.have, have);
    return before / kPiece != have / kPiece;
  });
  if (wake) bytes_.notify_all();
}

void Arrival::end(Status how) {
  bytes_.with([&](State& state) {
    state.ended = true;
    if (!how) state.error = std::move(how).error();
  });
  bytes_.notify_all();
}

Result<std::uint64_t> Arrival::wait_for_more(std::uint64_t than) {
  const std::uint64_t enough = (than / kPiece + 1) * kPiece;
  return bytes_.wait([&](const State& state) { return state.have >= enough || state.ended; },
                     [&](State& state) -> Result<std::uint64_t> {
                       if (state.have <= than && state.error) return fail(state.error->clone());
                       return state.have;
                     });
}

ArrivingSource::ArrivingSource(int fd, std::string name, Arrival& arrival, CancelToken cancel,
                               Millis total)
    : fd_(fd),
      name_(std::move(name)),
      arrival_(arrival),
      cancel_(std::move(cancel)),
      deadline_(real_clock().mono() + total) {}

Result<std::size_t> ArrivingSource::read(std::span<char> out) {
  const std::uint64_t at = at_.load(std::memory_order_relaxed);
  if (cancel_.cancelled()) return fail(ErrorCode::kCancelled, "read " + name_ + ": cancelled");
  if (real_clock().mono() >= deadline_) {
    return fail(ErrorCode::kTimeout, "read " + name_ + ": it takes too long");
  }
  if (at == have_) have_ = SLIP_TRY(arrival_.wait_for_more(at));
  if (at == have_) return std::size_t{0};
  const std::size_t most = std::min<std::uint64_t>(out.size(), have_ - at);
  for (;;) {
    const ssize_t n = ::pread(fd_, out.data(), most, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("read " + name_);
    if (n == 0) return fail(ErrorCode::kCorrupt, "read " + name_ + ": somebody cut it off");
    sha_.update(std::string_view(out.data(), static_cast<std::size_t>(n)));
    at_.store(at + static_cast<std::uint64_t>(n), std::memory_order_relaxed);
    return static_cast<std::size_t>(n);
  }
}

}  // namespace slipway::cachestore
