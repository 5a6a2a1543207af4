#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <isa-l/igzip_lib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zstd.h>

#include <string>
#include <string_view>

#include "base/files.h"
#include "base/sys.h"
#include "cachestore/archive.h"
#include "cachestore/store.h"
#include "tests/support/tar_writer.h"

namespace slipway::testing {

/// Value of a Result, or a failed test.
template <typename T>
T must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().text();
    std::abort();
  }
  return *std::move(result);
}
inline void must(Status status) { ASSERT_TRUE(status) << status.error().text(); }

/// A directory that goes at the end of the test.
struct Scratch {
  TempDir dir = must(TempDir::make("/tmp", "slipway-test-"));
  std::string path(const std::string& name = "") const {
    return name.empty() ? dir.path() : dir.path() + "/" + name;
  }
  Fd open(const std::string& name, int flags = O_RDONLY) const {
    return must(open_file(path(name), flags, 0644));
  }
  Fd make_dir(const std::string& name) const {
    must(make_dirs(path(name), 0755));
    return open(name, O_RDONLY | O_DIRECTORY);
  }
  /// A file with this content, opened at its beginning.
  Fd file(const std::string& name, std::string_view content) const {
    Fd fd = open(name, O_RDWR | O_CREAT | O_TRUNC);
    must(write_all(fd.get(), content, name));
    EXPECT_EQ(::lseek(fd.get(), 0, SEEK_SET), 0);
    return fd;
  }
};

inline std::string content_of(const std::string& path) { return must(read_file(path, 64_MiB)); }

inline struct stat lstat_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info;
}

inline std::string link_of(const std::string& path) {
  std::string text(4096, '\0');
  const ssize_t n = ::readlink(path.c_str(), text.data(), text.size());
  EXPECT_GE(n, 0) << path;
  text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  return text;
}

inline std::string xattr_of(const std::string& path, const std::string& name) {
  std::string value(256, '\0');
  const ssize_t n = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
  value.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  return n < 0 ? "(none)" : value;
}

inline std::string gzip(std::string_view data) {
  std::string out(data.size() + data.size() / 8 + 1024, '\0');
  isal_zstream stream;
  isal_deflate_stateless_init(&stream);
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  stream.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<std::uint32_t>(data.size());
  stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
  stream.avail_out = static_cast<std::uint32_t>(out.size());
  EXPECT_EQ(isal_deflate_stateless(&stream), COMP_OK);
  out.resize(stream.total_out);
  return out;
}

inline std::string zstd(std::string_view data) {
  std::string out(ZSTD_compressBound(data.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 1));
  return out;
}

/// Unpacks bytes below `target`.
inline Result<cachestore::UnpackStats> unpack_bytes(
    const Scratch& scratch, std::string_view archive, int target_fd,
    cachestore::UnpackPolicy policy = cachestore::UnpackPolicy::kLayer,
    const cachestore::LayerLimits& limits = {}) {
  const Fd fd = scratch.file("archive", archive);
  return cachestore::unpack(fd.get(), "test.tar", target_fd, policy, limits, CancelToken());
}

}  // namespace slipway::testing
