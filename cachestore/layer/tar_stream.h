#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cachestore/layer/byte_sink.h"
#include "cachestore/layer/tar_writer.h"
#include "cachestore/layer/tree_walk.h"

namespace slipway::cachestore {

/// Writes an archive in large pieces. Errors are causes only.
class TarStream {
 public:
  explicit TarStream(ByteSink& out) : out_(out) {}

  Status header(const TarItem& item) { return put(tar_header(item)); }
  /// Header and content of a regular file. The header promises a size: a file that grows, shrinks or is replaced
  /// meanwhile is kUnavailable.
  Status file(const TreeItem& item, TarItem tar);
  Status link(const TreeItem& item, TarItem tar);
  Status finish();

 private:
  Status put(std::string_view data);
  Status flush();

  ByteSink& out_;
  std::string buffer_;
  std::vector<char> chunk_;
};

}  // namespace slipway::cachestore
