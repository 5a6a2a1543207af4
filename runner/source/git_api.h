#pragma once

#include <git2.h>

#include "base/result.h"

namespace slipway::runner {

// Every libgit2 function that Slipway calls, without its prefix.
// clang-format off
#define SLIP_GIT_FUNCTIONS(X)                                                                      \
  X(libgit2_init) X(error_last) X(repository_open_ext) X(repository_free) X(repository_workdir)    \
  X(repository_head) X(repository_index) X(repository_hashfile) X(repository_odb)                  \
  X(reference_lookup) X(reference_free) X(reference_name) X(reference_target)                      \
  X(reference_symbolic_target) X(reference_target_peel) X(reference_peel) X(reference_next)        \
  X(reference_iterator_glob_new) X(reference_iterator_free) X(remote_lookup) X(remote_url)         \
  X(remote_free) X(revparse_single) X(object_peel) X(object_id) X(object_free) X(commit_author)    \
  X(commit_message) X(commit_time_offset)                                                         \
  X(commit_time) X(commit_tree_id) X(commit_tree) X(tree_lookup) X(tree_free) X(tree_entrycount)   \
  X(tree_entry_byindex) X(tree_entry_bypath) X(tree_entry_name) X(tree_entry_id)                   \
  X(tree_entry_filemode) X(tree_entry_free) X(blob_lookup) X(blob_rawcontent) X(blob_rawsize)      \
  X(blob_free) X(odb_read_header) X(odb_free) X(index_entrycount) X(index_get_byindex)             \
  X(index_free) X(ignore_path_is_ignored) X(diff_tree_to_index) X(diff_num_deltas) X(diff_free)    \
  X(oid_tostr) X(oid_cmp) X(oid_fromstr) X(repository_init) X(remote_create_anonymous)             \
  X(remote_fetch) X(credential_userpass_plaintext_new) X(credential_ssh_key_from_agent)
// clang-format on

/// libgit2's functions by pointer: the library is loaded when the first repository is met, so that a machine without
/// git
/// needs no libgit2 and `runner --help` does not pay for its sixteen dependencies.
struct GitApi {
#define SLIP_GIT_POINTER(name) decltype(&::git_##name) name;
  SLIP_GIT_FUNCTIONS(SLIP_GIT_POINTER)
#undef SLIP_GIT_POINTER
};

/// Loads once per process; thread-safe. kUnsupported says which package is missing.
Result<const GitApi*> load_git();

}  // namespace slipway::runner
