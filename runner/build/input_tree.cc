// Contexts, stages and images as trees that instructions take files from.
#include "runner/build/input_tree.h"

#include <fcntl.h>
#include <stdlib.h>

#include <climits>
#include <mutex>

#include "base/files.h"
#include "base/text.h"
#include "runner/build/copy.h"
#include "runner/build/file_tree.h"
#include "runner/build/layered_tree.h"
#include "runner/build/stat_cache.h"
#include "runner/build/tree_digest.h"

namespace slipway::runner {
namespace {

class LayeredTree : public InputTree {
 public:
  LayeredTree(FileTree tree, std::vector<std::string> lowers, std::string state_dir,
              std::string cache_name)
      : tree_(std::move(tree)),
        lowers_(std::move(lowers)),
        state_dir_(std::move(state_dir)),
        cache_name_(std::move(cache_name)) {}

  Result<Digest> digest(const Selection& selection, const CancelToken& cancel) override {
    const std::lock_guard lock(mutex_);
    if (!stats_) stats_.emplace(state_dir_, cache_name_);
    Result<Digest> digest = digest_selection(tree_, selection, *stats_, cancel);
    stats_->save();
    return digest;
  }

  std::vector<std::string> lowers() const override { return lowers_; }
  bool ignores(std::string_view path) const override { return tree_.ignore().ignores(path); }
  std::string name() const override { return tree_.name(); }
  const FileTree& files() const override { return tree_; }

  Result<std::vector<std::string>> mountable(const CancelToken& cancel) override {
    if (tree_.ignore().empty()) return lowers_;
    const std::lock_guard lock(mutex_);
    if (!filtered_) {
      const std::string place = state_dir_.empty() ? "/var/tmp" : state_dir_ + "/build";
      SLIP_TRY(make_dirs(place, 0700));
      TempDir dir = SLIP_TRY(TempDir::make(place, "context-"));
      const std::string top = dir.path() + "/fs";
      SLIP_TRY(make_dirs(top, 0755));
      CopyRequest all;
      all.from = this;
      all.selection.sources = {"/"};
      all.destination = "/";
      all.what = "mount of " + tree_.name();
      SLIP_TRY(copy_files(all, {}, top, cancel));
      filtered_ = std::move(dir);
    }
    return std::vector<std::string>{filtered_->path() + "/fs"};
  }

 private:
  FileTree tree_;
  std::vector<std::string> lowers_;
  std::string state_dir_;
  std::string cache_name_;
  std::mutex mutex_;  ///< Held while hashing: whoever comes second finds everything remembered.
  std::optional<StatCache> stats_;
  std::optional<TempDir> filtered_;
};

}  // namespace

Result<std::unique_ptr<InputTree>> open_layered_tree(std::vector<std::string> lowers,
                                                     std::string name,
                                                     pipeline::IgnorePatterns ignore,
                                                     FileTree::Owners owners,
                                                     const std::string& state_dir) {
  UnionView view = SLIP_TRY_WITHIN("open " + name, UnionView::open(lowers));
  FileTree tree(std::move(view), std::move(ignore), owners, std::move(name));
  // What counts of a file depends on whose it is.
  const std::string cache_name =
      (owners == FileTree::Owners::kRoot ? "context " : "stack ") + join(lowers, ":");
  return std::make_unique<LayeredTree>(std::move(tree), std::move(lowers), state_dir, cache_name);
}

Result<std::unique_ptr<InputTree>> open_directory_tree(const std::string& path, std::string name,
                                                       pipeline::IgnorePatterns ignore,
                                                       const std::string& state_dir) {
  const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), &::free);
  if (!real) return fail_errno("open " + name + " " + printable(path));
  return open_layered_tree({real.get()}, std::move(name), std::move(ignore),
                           FileTree::Owners::kRoot, state_dir);
}

Result<std::unique_ptr<InputTree>> open_stack_tree(std::vector<std::string> lowers,
                                                   std::string name, const std::string& state_dir) {
  return open_layered_tree(std::move(lowers), std::move(name), {}, FileTree::Owners::kKept,
                           state_dir);
}

}  // namespace slipway::runner
