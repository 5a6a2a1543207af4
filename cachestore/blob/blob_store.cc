// Blobs on disk: placing, reading with verification, removing. Which blobs are needed is the
// index's business.
#include "cachestore/blob/blob_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

namespace slipway::cachestore {
namespace {

Status ensure_dir(int dir_fd, const char* name, const std::string& shown) {
  if (::mkdirat(dir_fd, name, 0700) != 0 && errno != EEXIST) return fail_errno("create " + shown);
  return {};
}

}  // namespace

Result<BlobStore> BlobStore::open(const std::string& root, int root_fd) {
  BlobStore store;
  store.path_ = root + "/blobs/sha256";
  Fd fd(::openat(root_fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno != ENOENT) return fail_errno("open " + store.path_);
    SLIP_TRY(ensure_dir(root_fd, "blobs", root + "/blobs"));
    SLIP_TRY(ensure_dir(root_fd, "blobs/sha256", store.path_));
    fd = SLIP_TRY(open_at(root_fd, "blobs/sha256", O_RDONLY | O_DIRECTORY));
  }
  store.fd_ = std::move(fd);
  return store;
}

Status BlobStore::place(int from_dir, const std::string& from_name, const Digest& digest) const {
  const std::string name = digest.hex();
  // Same digest, same bytes; replacing also heals a blob that was damaged on disk.
  if (::renameat(from_dir, from_name.c_str(), fd_.get(), name.c_str()) != 0) {
    return fail_errno("place blob " + path_ + "/" + name);
  }
  return {};
}

Status BlobStore::sync_names() const {
  if (::fsync(fd_.get()) != 0) return fail_errno("sync " + path_);
  return {};
}

Result<std::string> BlobStore::read(const Digest& digest, ByteCount limit) const {
  const std::string name = digest.hex();
  const std::string shown = path_ + "/" + name;
  const Fd fd = SLIP_TRY(open_at(fd_.get(), name, O_RDONLY | O_NOFOLLOW));
  std::string data = SLIP_TRY(read_fd(fd.get(), limit, shown));
  if (Digest::of(data) != digest) {
    return fail(ErrorCode::kCorrupt,
                "read blob " + shown + ": its content does not match its digest");
  }
  return data;
}

bool BlobStore::has(const Digest& digest) const {
  return ::faccessat(fd_.get(), digest.hex().c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void BlobStore::remove(const Digest& digest) const {
  ::unlinkat(fd_.get(), digest.hex().c_str(), 0);
}

}  // namespace slipway::cachestore
