// Git repositories as trees: fetched into a repository of the store, read as a snapshot that equal trees share.
#include <fcntl.h>
#include <sys/file.h>

#include "base/files.h"
#include "base/text.h"
#include "runner/build/context.h"
#include "runner/build/union_view.h"
#include "runner/source/git_fetch.h"
#include "runner/source/git_reader.h"
#include "runner/source/workspace.h"

namespace slipway::runner {
namespace {

std::string without_userinfo(const std::string& url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const std::size_t slash = std::min(url.find('/', scheme + 3), url.size());
  const std::size_t at = url.rfind('@', slash);
  if (at == std::string::npos || at < scheme) return url;
  return url.substr(0, scheme + 3) + url.substr(at + 1);
}

bool matches(const std::string& commit, const std::string& checksum) {
  // An abbreviation of at least 7 digits, as git prints them.
  return checksum.empty() || (checksum.size() >= 7 && commit.starts_with(to_lower(checksum)));
}

}  // namespace

Result<GitCheckout> checkout_git(cachestore::Store& store, const GitSource& source,
                                 const CancelToken& cancel) {
  const std::string doing = "check out " + printable(without_userinfo(source.url));
  struct Files {
    std::optional<cachestore::Draft> draft;
    std::optional<cachestore::Lease> lease;
  };
  auto files = std::make_shared<Files>();
  GitFetch fetch;
  fetch.url = source.url;
  fetch.ref = source.ref.empty() && source.checksum.size() == 40 ? source.checksum : source.ref;
  Fd lock;
  if (source.keep_git_dir) {
    // `.git` becomes part of the tree: one of its own.
    files->draft = SLIP_TRY_WITHIN(doing, store.begin());
    fetch.directory = files->draft->upper();
  } else {
    fetch.directory = store.root() + "/git/" + Digest::of(source.url).hex().substr(0, 40);
    SLIP_TRY_WITHIN(doing, make_dirs(fetch.directory, 0700));
    lock = SLIP_TRY_WITHIN(doing, open_file(fetch.directory, O_RDONLY | O_DIRECTORY));
    if (::flock(lock.get(), LOCK_EX) != 0) return fail_errno(doing);
  }
  const std::string rev = SLIP_TRY(git_fetch(fetch, cancel));
  const CommitId id = SLIP_TRY_WITHIN(doing, git_resolve(fetch.directory, rev, cancel));
  if (!matches(id.commit, source.checksum)) {
    return fail(ErrorCode::kCorrupt,
                doing + ": its commit is " + id.commit + ", not " + printable(source.checksum));
  }
  SourceState state;
  state.root = fetch.directory;
  state.git = true;
  const Workspace workspace =
      SLIP_TRY_WITHIN(doing, snapshot_commit(state, id.commit, store, cancel));
  files->lease = SLIP_TRY_WITHIN(doing, store.lease({workspace.snapshot.id}));
  std::string top = workspace.snapshot.path;
  if (!source.subdir.empty()) {
    const UnionView view = SLIP_TRY(UnionView::open({top}));
    const UnionView::Place place = SLIP_TRY(view.resolve(source.subdir, UnionView::Last::kFollow));
    if (!place.entry || !place.entry->is_directory()) {
      return fail(ErrorCode::kNotFound,
                  doing + ": no directory " + printable(source.subdir) + " in it");
    }
    top += "/" + place.path;
  }
  std::vector<std::string> lowers;
  if (source.keep_git_dir && source.subdir.empty()) {
    SLIP_TRY(write_file_atomic(fetch.directory + "/.git/HEAD", id.commit + "\n", 0644));
    lowers.push_back(fetch.directory);
  }
  lowers.push_back(std::move(top));
  GitCheckout checkout;
  checkout.commit = id.commit;
  checkout.tree = SLIP_TRY(open_stack_tree(std::move(lowers), "git repository"));
  checkout.files = files;
  return checkout;
}

}  // namespace slipway::runner
