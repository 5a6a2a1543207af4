#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"
#include "base/units.h"

namespace slipway::cachestore {

/// A file from an http(s) server that is no registry (ADD of a URL, a context by URL).
struct DownloadRequest {
  std::string url;
  int fd = -1;  ///< A regular file, written from its beginning. Borrowed.
  std::string accept = "*/*";
  std::string
      authorization;  ///< Header's value; sent to the URL's own scheme, host and port only. Never shown.
  std::string
      etag;  ///< Of what is here already ("" and nothing: none): the server may say "not modified".
  std::string last_modified;
  ByteCount limit = 16_GiB;
};
struct Downloaded {
  bool not_modified = false;  ///< Nothing was written; the rest below is empty.
  Digest digest;
  std::uint64_t size = 0;
  std::string etag;
  std::string last_modified;         ///< As sent.
  std::optional<WallTime> modified;  ///< The same, read.
  std::string file_name;  ///< Of Content-Disposition: the last part of its path; may be empty.
};
/// Follows at most ten redirects, but none from elsewhere to this machine. Transient failures are tried again. Stalls
/// of 30 s end it. kNotFound for 404 and 410; errors name the URL without its query.
Result<Downloaded> download(const DownloadRequest& request, const CancelToken& cancel);

}  // namespace slipway::cachestore
