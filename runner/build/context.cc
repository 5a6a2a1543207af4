// Where a build's files and its Dockerfile come from.
// Spec: docker's documentation, "Build context"; Dockerfile reference, ".dockerignore file".
#include "runner/build/context.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/archive.h"
#include "cachestore/download.h"
#include "runner/build/file_tree.h"
#include "runner/build/layered_tree.h"

namespace slipway::runner {
namespace {

constexpr ByteCount kMaxDockerfile = 1_MiB;  // as the parser's limit
constexpr ByteCount kMaxIgnore = 1_MiB;
constexpr ByteCount kMaxContext = 64_GiB;  // of a tar on stdin, as a layer's limit
constexpr std::array kDockerfiles = {"Dockerfile", "dockerfile", "Containerfile"};

bool is_web_url(const std::string& text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

/// A file of a tree by its path in it; links are followed within the tree. Nothing: it is not there.
Result<std::optional<std::string>> read_in_tree(const UnionView& view, const std::string& path,
                                                ByteCount limit) {
  const UnionView::Place place = SLIP_TRY(view.resolve(path, UnionView::Last::kFollow));
  if (!place.entry) return std::nullopt;
  if (!S_ISREG(place.entry->info.st_mode)) {
    return fail(ErrorCode::kInvalid, "read " + printable(path) + ": not a regular file");
  }
  const std::size_t slash = place.path.rfind('/');
  const std::string parent = slash == std::string::npos ? "" : place.path.substr(0, slash);
  const UnionView::Place holder = SLIP_TRY(view.resolve(parent, UnionView::Last::kKeep));
  if (!holder.entry) return std::nullopt;
  const UnionDir dir = SLIP_TRY(view.open_dir(parent, holder.entry->layers));
  const Fd fd = SLIP_TRY(view.open_file(dir, *place.entry));
  return SLIP_TRY(read_fd(fd.get(), limit, printable(path)));
}

Result<std::string> real_path(const std::string& path, const char* what) {
  // A view of a workspace is mounted nowhere: its descriptor's name is the only path to it.
  if (path.starts_with("/proc/self/fd/")) return path;
  const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), &::free);
  if (!real) return fail_errno("open " + std::string(what) + " " + printable(path));
  return std::string(real.get());
}

/// "-": everything from a pipe into a file, so that it can be looked at before it is read.
Status spool(int from, int to, const CancelToken& cancel) {
  std::string buffer(std::size_t{256} << 10, '\0');
  std::uint64_t size = 0;
  while (true) {
    std::array<pollfd, 2> polls{pollfd{from, POLLIN, 0}, pollfd{cancel.poll_fd(), POLLIN, 0}};
    if (::poll(polls.data(), polls.size(), -1) < 0) continue;  // EINTR
    if (polls[1].revents != 0) return fail(ErrorCode::kCancelled, "read context: cancelled");
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return fail_errno("read context from stdin");
    if (got == 0) return {};
    size += static_cast<std::uint64_t>(got);
    if (size > kMaxContext.value) {
      return fail(ErrorCode::kExhausted,
                  "read context from stdin: larger than " + format_size(kMaxContext));
    }
    SLIP_TRY(
        write_all(to, std::string_view(buffer.data(), static_cast<std::size_t>(got)), "context"));
  }
}

class ContextOpener {
 public:
  ContextOpener(cachestore::Store& store, const ContextRequest& request, const CancelToken& cancel)
      : store_(store), request_(request), cancel_(cancel) {}

  Result<BuildContext> open() {
    const std::string& text = request_.context;
    if (text == "-" && request_.dockerfile == "-") {
      return fail(ErrorCode::kInvalid,
                  "open context: both the context and the Dockerfile from stdin; give one a path");
    }
    struct stat info {};
    const bool there = text != "-" && ::stat(text.c_str(), &info) == 0;
    if (there && S_ISDIR(info.st_mode)) {
      top_ = SLIP_TRY(real_path(text, "context"));
      local_ = true;
      return finish();
    }
    if (there && S_ISREG(info.st_mode)) {
      const Fd fd = SLIP_TRY(open_file(text, O_RDONLY | O_NONBLOCK));
      if (!cachestore::is_archive(fd.get())) {
        return fail(ErrorCode::kInvalid,
                    "open context " + printable(text) + ": neither a directory nor a tar archive");
      }
      return unpack(fd.get(), text);
    }
    if (text == "-") return from_stdin();
    if (const std::optional<GitSource> git = parse_git_url(text)) return from_git(*git);
    if (is_web_url(text)) return from_url(text);
    return fail(ErrorCode::kNotFound, "open context " + printable(text) +
                                          ": no such directory, archive, git repository or URL");
  }

  Result<BuildContext> open_tree_only() {
    need_dockerfile_ = false;
    return open();
  }

 private:
  Result<Fd> temporary() {
    if (!draft_) draft_ = std::make_shared<cachestore::Draft>(SLIP_TRY(store_.begin()));
    return open_file(draft_->upper(), O_TMPFILE | O_RDWR, 0600);
  }

  Result<BuildContext> from_stdin() {
    if (request_.stdin_fd < 0) return fail(ErrorCode::kInvalid, "open context -: no stdin");
    const Fd file = SLIP_TRY(temporary());
    SLIP_TRY(spool(request_.stdin_fd, file.get(), cancel_));
    return from_file(file.get(), "stdin");
  }

  Result<BuildContext> from_url(const std::string& url) {
    const Fd file = SLIP_TRY(temporary());
    cachestore::DownloadRequest download;
    download.url = url;
    download.fd = file.get();
    download.limit = kMaxContext;
    SLIP_TRY_WITHIN("open context", cachestore::download(download, cancel_));
    return from_file(file.get(), url);
  }

  /// A tar of files, or a Dockerfile alone.
  Result<BuildContext> from_file(int fd, const std::string& name) {
    if (::lseek(fd, 0, SEEK_SET) != 0) return fail_errno("read context");
    if (cachestore::is_archive(fd)) return unpack(fd, name);
    if (!need_dockerfile_) {
      return fail(ErrorCode::kInvalid, "open context " + printable(name) + ": no tar archive");
    }
    dockerfile_ = pipeline::SourceFile();
    dockerfile_->path = name == "stdin" ? "Dockerfile" : name;
    dockerfile_->text = SLIP_TRY(read_fd(fd, kMaxDockerfile, "Dockerfile from " + printable(name)));
    top_ = SLIP_TRY(empty_directory());
    return finish();
  }

  Result<std::string> empty_directory() {
    if (!draft_) draft_ = std::make_shared<cachestore::Draft>(SLIP_TRY(store_.begin()));
    const std::string path = draft_->upper() + "/files";
    SLIP_TRY(make_dirs(path, 0755));
    return path;
  }

  Result<BuildContext> unpack(int fd, const std::string& name) {
    top_ = SLIP_TRY(empty_directory());
    const Fd target = SLIP_TRY(open_file(top_, O_RDONLY | O_DIRECTORY));
    SLIP_TRY_WITHIN("open context",
                    cachestore::unpack(fd, printable(name), target.get(),
                                       cachestore::UnpackPolicy::kCopyModes, {}, cancel_));
    return finish();
  }

  Result<BuildContext> from_git(GitSource git) {
    git.keep_git_dir = git.keep_git_dir || request_.keep_git_dir;
    GitCheckout checkout = SLIP_TRY(checkout_git(store_, git, cancel_));
    git_files_ = checkout.files;
    std::vector<std::string> lowers = checkout.tree->lowers();
    top_ = std::move(lowers.back());
    lowers.pop_back();
    below_ = std::move(lowers);
    return finish();
  }

  Result<BuildContext> finish() {
    std::vector<std::string> all = below_;
    all.push_back(top_);
    UnionView view = SLIP_TRY(UnionView::open(all));
    BuildContext context;
    if (need_dockerfile_) {
      if (!dockerfile_) SLIP_TRY(find_dockerfile(view));
      context.dockerfile = *std::move(dockerfile_);
      SLIP_TRY(find_ignore_file(view, context));
    }
    context.tree =
        SLIP_TRY(open_layered_tree(std::move(all), "context", context.ignore,
                                   FileTree::Owners::kRoot, local_ ? request_.state_dir : ""));
    struct Files {
      std::shared_ptr<void> draft, git;
    };
    context.files = std::make_shared<Files>(Files{draft_, git_files_});
    return context;
  }

  Status find_dockerfile(const UnionView& view) {
    dockerfile_ = pipeline::SourceFile();
    const std::string& asked = request_.dockerfile;
    if (asked == "-") {
      dockerfile_->path = "Dockerfile";
      dockerfile_->text =
          SLIP_TRY(read_fd(request_.stdin_fd, kMaxDockerfile, "Dockerfile from stdin"));
      return {};
    }
    if (asked.empty()) {
      for (const char* name : kDockerfiles) {
        if (SLIP_TRY(take(view, name, name))) return {};
      }
      return fail(ErrorCode::kNotFound,
                  "find Dockerfile in " + printable(request_.context) +
                      ": none of Dockerfile, dockerfile, Containerfile; name it with -f");
    }
    // Beside a directory of this machine -f is a path of this machine; in what was sent or fetched, one of the context.
    if (!local_) {
      if (SLIP_TRY(take(view, asked, asked))) return {};
      return fail(ErrorCode::kNotFound, "find Dockerfile " + printable(asked) + " in " +
                                            printable(request_.context) + ": not there");
    }
    const std::size_t slash = asked.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : asked.substr(0, slash + 1);
    const std::string name = slash == std::string::npos ? asked : asked.substr(slash + 1);
    const Result<std::string> dir = real_path(parent, "Dockerfile");
    const bool inside = dir && (*dir == top_ || dir->starts_with(top_ + "/"));
    // Inside the context its links are followed in it only: who wrote the context did not write -f.
    if (inside && SLIP_TRY(take(view, dir->substr(top_.size()) + "/" + name, asked))) return {};
    if (!path_exists(asked)) {
      // As docker does: a name that is not here is looked for in the context.
      if (!asked.starts_with('/') && SLIP_TRY(take(view, asked, asked))) return {};
      return fail(ErrorCode::kNotFound, "read Dockerfile " + printable(asked) + ": no such file");
    }
    if (inside) {
      return fail(ErrorCode::kPermission,
                  "read Dockerfile " + printable(asked) + ": the link leads out of the context");
    }
    dockerfile_->path = asked;
    dockerfile_->text = SLIP_TRY(read_file(asked, kMaxDockerfile));
    outside_ = asked;
    return {};
  }

  Result<bool> take(const UnionView& view, const std::string& path, const std::string& shown) {
    std::optional<std::string> text =
        SLIP_TRY_WITHIN("read Dockerfile", read_in_tree(view, path, kMaxDockerfile));
    if (!text) return false;
    dockerfile_->path = shown;
    dockerfile_->text = *std::move(text);
    in_tree_ = path;
    return true;
  }

  Status find_ignore_file(const UnionView& view, BuildContext& context) {
    std::optional<std::string> text;
    if (!outside_.empty() && path_exists(outside_ + ".dockerignore")) {
      context.ignore_path = outside_ + ".dockerignore";
      text = SLIP_TRY(read_file(context.ignore_path, kMaxIgnore));
    }
    std::vector<std::string> names;
    if (!in_tree_.empty()) names.push_back(in_tree_ + ".dockerignore");
    names.insert(names.end(), {".dockerignore", ".containerignore"});
    for (const std::string& name : names) {
      if (text) break;
      text = SLIP_TRY_WITHIN("read ignore file", read_in_tree(view, name, kMaxIgnore));
      if (text) context.ignore_path = clean_path(name);
    }
    if (!text) return {};
    context.ignore = SLIP_TRY_WITHIN("read " + printable(context.ignore_path),
                                     pipeline::IgnorePatterns::parse(*text));
    return {};
  }

  cachestore::Store& store_;
  const ContextRequest& request_;
  const CancelToken& cancel_;
  std::shared_ptr<cachestore::Draft> draft_;
  std::shared_ptr<void> git_files_;
  std::vector<std::string> below_;  ///< Under the top: the `.git` of a repository.
  std::string top_;
  bool local_ = false;  ///< A directory of this machine, not made for this build.
  bool need_dockerfile_ = true;
  std::optional<pipeline::SourceFile> dockerfile_;
  std::string in_tree_;  ///< Where in the context the Dockerfile is, if there.
  std::string outside_;  ///< Else its path.
};

}  // namespace

Result<BuildContext> open_context(cachestore::Store& store, const ContextRequest& request,
                                  const CancelToken& cancel) {
  return ContextOpener(store, request, cancel).open();
}

Result<BuildContext> open_named_context(cachestore::Store& store, const std::string& value,
                                        const std::string& state_dir, const CancelToken& cancel) {
  ContextRequest request;
  request.context = value;
  request.state_dir = state_dir;
  return ContextOpener(store, request, cancel).open_tree_only();
}

}  // namespace slipway::runner
