#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "cachestore/store.h"
#include "pipeline/expression.h"

namespace slipway::runner {

/// What a run is about: a directory, and the commit it stands on when it is a git checkout.
struct SourceState {
  std::string
      root;  ///< Absolute: the work tree's top (or the given directory when there is no git).
  bool git = false;
  std::string commit;  ///< 40 hex or empty.
  std::string branch;  ///< Empty when detached.
  std::string tag;     ///< A tag that points at the commit, if any.
  std::string remote;  ///< origin's URL without credentials.
  std::string author;
  std::string title;      ///< Of the commit: the first line of its message.
  std::string message;    ///< All of it; cut at 2 KiB.
  std::string timestamp;  ///< When it was committed, ISO 8601.
  bool dirty = false;  ///< Set by snapshot_work_tree (in Workspace::state): telling takes a walk.
};

struct Workspace {
  SourceState state;
  cachestore::Snapshot snapshot;      ///< Kind kWorkspace: the files, owned by container root.
  std::vector<std::string> warnings;  ///< "skipped fifo build/pipe", …
  std::uint64_t files = 0;
};

/// Finds what `dir` is. libgit2 is loaded on first need; a damaged repository is an error naming it, no repository
/// is fine.
Result<SourceState> examine_source(const std::string& dir);
/// The work tree with its uncommitted and untracked-but-not-ignored files, as git sees them (without git: all files but
/// .git). Sockets, fifos and devices are skipped with a warning; links are copied as links, never followed.
/// Found again by content: an unchanged tree costs a stat per file and no copy.
Result<Workspace> snapshot_work_tree(const SourceState& state, cachestore::Store& store,
                                     const CancelToken& cancel);
/// `--commit REV`: the tree of that commit.
Result<Workspace> snapshot_commit(const SourceState& state, const std::string& rev,
                                  cachestore::Store& store, const CancelToken& cancel);
/// One file's bytes at a commit (or from the work tree when rev is empty): the pipeline file, includes.
Result<std::string> read_source_file(const SourceState& state, const std::string& rev,
                                     const std::string& path, ByteCount limit);

/// hash(), changed(), exists() over a workspace snapshot; `changed` compares with the work tree's base commit.
std::unique_ptr<pipeline::EvalHost> make_eval_host(const Workspace& workspace,
                                                   std::vector<std::string> changed_paths,
                                                   bool changed_known);

}  // namespace slipway::runner
