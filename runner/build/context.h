#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "cachestore/store.h"
#include "pipeline/source.h"
#include "runner/build/copy.h"
#include "runner/build/input_tree.h"
#include "runner/registry/access.h"

namespace slipway::runner {

/// Where a build's files come from.

struct ContextRequest {
  std::string
      context;  ///< Directory, "-", git URL, URL of a tarball or Dockerfile, or a tarball's path.
  std::string
      dockerfile;  ///< -f: path, "-", or empty for Dockerfile, dockerfile, Containerfile of the context.
  int stdin_fd = -1;      ///< For "-"; a tar or a Dockerfile by content. Borrowed.
  std::string state_dir;  ///< Temporary files go below it.
  bool keep_git_dir = false;
};
/// An opened context: its tree (empty when the Dockerfile came alone) and the Dockerfile's text. Its temporary files go
/// with it.
struct BuildContext {
  std::unique_ptr<InputTree> tree;
  pipeline::SourceFile dockerfile;
  pipeline::IgnorePatterns ignore;  ///< `<Dockerfile>.dockerignore`, else `.dockerignore`.
  std::string ignore_path;          ///< Where it was read, or empty.
  std::shared_ptr<void> files;
};
/// kNotFound names what was looked for. Nothing outside the context is read but a Dockerfile that -f names.
Result<BuildContext> open_context(cachestore::Store& store, const ContextRequest& request,
                                  const CancelToken& cancel);

/// `--build-context NAME=VALUE` with a directory, git or URL; images and targets are the solver's.
Result<BuildContext> open_named_context(cachestore::Store& store, const std::string& value,
                                        const std::string& state_dir, const CancelToken& cancel);

/// ADD of a URL: fetched (conditionally when known), verified against `checksum` ("sha256:…") when given.
struct FetchedUrl {
  Digest digest;
  std::string path;  ///< In the store's temporary files; lives as long as `files`.
  std::string name;  ///< From Content-Disposition or the URL.
  std::optional<WallTime> modified;
  std::shared_ptr<void> files;
};
struct UrlCredentials {
  std::string
      authorization;  ///< Header value from the secrets HTTP_AUTH_HEADER_host, HTTP_AUTH_TOKEN_host.
};
Result<FetchedUrl> fetch_url(cachestore::Store& store, const std::string& url,
                             const std::string& checksum, const UrlCredentials& credentials,
                             const CancelToken& cancel);

/// ADD or context of a git repository: `url#ref:subdir` and its query forms.
struct GitSource {
  std::string url;
  std::string ref;
  std::string subdir;
  std::string checksum;
  bool keep_git_dir = false;
  bool submodules = true;
  bool maybe_path = false;  ///< "github.com/x/y": ADD takes it for a path of the context.
};
std::optional<GitSource> parse_git_url(const std::string& text);
struct GitCheckout {
  std::string commit;
  std::unique_ptr<InputTree> tree;
  std::shared_ptr<void> files;
};
Result<GitCheckout> checkout_git(cachestore::Store& store, const GitSource& source,
                                 const CancelToken& cancel);

}  // namespace slipway::runner
