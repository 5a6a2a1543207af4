// RUN --mount made ready: binds, caches, secrets, agents.
#include "runner/build/run_mount_set.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "runner/build/cache_mount.h"
#include "runner/build/config_values.h"
#include "runner/build/copy.h"
#include "runner/build/ssh_forward.h"
#include "runner/build/stack_lookup.h"

namespace slipway::runner {
namespace {

constexpr const char* kScriptDirectory = "/dev/pipes";
constexpr const char* kAgentPath = "/run/buildkit/ssh_agent.";  // Spec: Dockerfile reference.
constexpr unsigned kSecretMode = 0400;
constexpr unsigned kAgentMode = 0600;
constexpr ByteCount kMaxBoundFile{std::uint64_t{1} << 30};  // Copied for a read-write bind.

Status write_new(const std::string& path, const std::string& content, mode_t mode) {
  const Fd fd = SLIP_TRY(open_file(path, O_WRONLY | O_CREAT | O_EXCL, mode));
  SLIP_TRY(write_all(fd.get(), content, path));
  if (::fchmod(fd.get(), mode) != 0) return fail_errno("chmod " + path);
  return {};
}

}  // namespace

struct RunMountSet::Held {
  std::vector<cachestore::Draft> drafts;  ///< Scratch directories; swept also when we are killed.
  std::vector<Fd> locks;
  std::vector<SshForward> agents;
};

RunMountSet::RunMountSet() : held_(std::make_unique<Held>()) {}
RunMountSet::RunMountSet(RunMountSet&&) noexcept = default;
RunMountSet& RunMountSet::operator=(RunMountSet&&) noexcept = default;
RunMountSet::~RunMountSet() {
  // Sockets lie in the drafts' directories.
  if (held_ != nullptr) held_->agents.clear();
}

Result<RunMountSet> RunMountSet::prepare(BuildState& state, const PlannedStep& step,
                                         const std::vector<MountSource>& sources) {
  RunMountSet set;
  if (!step.run.script.empty()) SLIP_TRY(set.add_script(state, step.run));
  for (std::size_t i = 0; i < step.run.mounts.size(); ++i)
    SLIP_TRY(set.add(state, step, step.run.mounts[i], sources[i]));
  return set;
}

std::vector<std::string> RunMountSet::targets() const {
  std::vector<std::string> targets;
  for (const sandbox::Mount& mount : mounts_)
    targets.push_back(std::visit([](const auto& one) { return one.target; }, mount));
  return targets;
}

Status RunMountSet::add(BuildState& state, const PlannedStep& step, const pipeline::RunMount& mount,
                        const MountSource& source) {
  const std::string target = path_from(step.workdir, mount.target);
  switch (mount.type) {
    case pipeline::RunMount::Type::kBind:
      return add_bind(state, mount, target, source);
    case pipeline::RunMount::Type::kCache:
      return add_cache(state, mount, target, source);
    case pipeline::RunMount::Type::kSecret:
      return add_secret(state, step, mount);
    case pipeline::RunMount::Type::kSsh:
      return add_ssh(state, mount, target);
    case pipeline::RunMount::Type::kTmpfs:
      break;
  }
  sandbox::TmpfsMount tmpfs;
  tmpfs.target = target;
  tmpfs.size = mount.size.value_or(ByteCount{0});
  mounts_.emplace_back(std::move(tmpfs));
  return {};
}

Status RunMountSet::add_bind(BuildState& state, const pipeline::RunMount& mount,
                             const std::string& target, const MountSource& source) {
  const std::string what = "RUN --mount=type=bind,target=" + mount.target;
  const auto lowers = SLIP_TRY_WITHIN(what, source.tree->mountable(state.cancel));
  const StackEntry entry = SLIP_TRY_WITHIN(what, look_up(lowers, mount.source));
  if (entry.kind == StackEntry::Kind::kMissing) {
    return fail(ErrorCode::kNotFound,
                what + ": " + printable(mount.source) + " is not in " + source.tree->name());
  }
  const bool file = entry.kind == StackEntry::Kind::kFile;
  if (mount.read_only && entry.layers.size() == 1) {
    mounts_.emplace_back(sandbox::BindMount{entry.layers.front(), target,
                                            sandbox::Access::kReadOnly, true,
                                            sandbox::Propagation::kPrivate});
    return {};
  }
  if (mount.read_only) {
    mounts_.emplace_back(sandbox::OverlayMount{{entry.layers, "", ""}, target});
    return {};
  }
  held_->drafts.push_back(SLIP_TRY(state.place.store.begin()));
  const cachestore::Draft& draft = held_->drafts.back();
  const std::string store = state.place.store.root() + "/";
  const bool in_store =
      std::all_of(entry.layers.begin(), entry.layers.end(),
                  [&](const std::string& layer) { return layer.starts_with(store); });
  if (!file && !in_store) {
    // A directory of the machine can be no layer; what is written is thrown away, so a copy does as well.
    CopyRequest copy;
    copy.from = source.tree;
    copy.selection.sources = {mount.source.empty() ? "/" : mount.source};
    copy.destination = "/";
    copy.link = true;
    copy.what = what;
    SLIP_TRY(copy_files(copy, {}, draft.upper(), state.cancel));
    mounts_.emplace_back(sandbox::BindMount{draft.upper(), target, sandbox::Access::kReadWrite,
                                            true, sandbox::Propagation::kPrivate});
    return {};
  }
  if (!file) {
    mounts_.emplace_back(
        sandbox::OverlayMount{{entry.layers, draft.upper(), draft.work()}, target});
    return {};
  }
  struct stat info {};
  if (::stat(entry.layers.front().c_str(), &info) != 0)
    return fail_errno("examine " + entry.layers.front());
  const std::string copy = draft.upper() + "/file";
  const std::string content = SLIP_TRY_WITHIN(what, read_file(entry.layers.front(), kMaxBoundFile));
  SLIP_TRY(write_new(copy, content, info.st_mode & 07777));
  mounts_.emplace_back(sandbox::BindMount{copy, target, sandbox::Access::kReadWrite, true,
                                          sandbox::Propagation::kPrivate});
  return {};
}

Status RunMountSet::add_cache(BuildState& state, const pipeline::RunMount& mount,
                              const std::string& target, const MountSource& source) {
  CacheMountRequest request{mount, "", source.tree};
  if (const std::string* space = find_value(state.request.args, "BUILDKIT_CACHE_MOUNT_NS"))
    request.name_space = *space;
  CacheDirectory directory =
      SLIP_TRY(open_cache_directory(state.place.state_dir, request, state.cancel));
  const auto access = mount.read_only ? sandbox::Access::kReadOnly : sandbox::Access::kReadWrite;
  mounts_.emplace_back(
      sandbox::BindMount{directory.path, target, access, true, sandbox::Propagation::kPrivate});
  held_->locks.push_back(std::move(directory.lock));
  return {};
}

Status RunMountSet::add_secret(BuildState& state, const PlannedStep& step,
                               const pipeline::RunMount& mount) {
  const std::string* value = state.secret(mount.id);
  if (value == nullptr) {
    if (!mount.required) return {};
    return fail(ErrorCode::kNotFound, "RUN --mount=type=secret: secret " + printable(mount.id) +
                                          " is required and was not given; use --secret id=" +
                                          printable(mount.id) + ",src=FILE or ,env=NAME");
  }
  if (mount.env) set_value(variables_, *mount.env, *value);
  if (mount.target.empty()) return {};
  sandbox::FileMount file;
  file.target = path_from(step.workdir, mount.target);
  file.content = *value;
  file.mode = mount.mode.value_or(kSecretMode);
  file.uid = mount.uid.value_or(0);
  file.gid = mount.gid.value_or(0);
  mounts_.emplace_back(std::move(file));
  return {};
}

Status RunMountSet::add_ssh(BuildState& state, const pipeline::RunMount& mount,
                            const std::string& target) {
  const std::string* agent = nullptr;
  for (const auto& [id, socket] : state.request.ssh) {
    if (id == mount.id) agent = &socket;
  }
  if (agent == nullptr) {
    if (!mount.required) return {};
    return fail(ErrorCode::kNotFound, "RUN --mount=type=ssh: no agent for " + printable(mount.id) +
                                          "; use --ssh " + printable(mount.id));
  }
  held_->drafts.push_back(SLIP_TRY(state.place.store.begin()));
  const std::string directory = held_->drafts.back().upper();
  const SshForward::Owner owner{mount.uid.value_or(0), mount.gid.value_or(0),
                                mount.mode.value_or(kAgentMode)};
  held_->agents.push_back(SLIP_TRY(SshForward::open(directory, *agent, owner)));
  const std::string path = mount.target.empty() ? kAgentPath + std::to_string(agents_) : target;
  mounts_.emplace_back(sandbox::BindMount{directory + "/agent", path, sandbox::Access::kReadWrite,
                                          true, sandbox::Propagation::kPrivate});
  if (agents_++ == 0) set_value(variables_, "SSH_AUTH_SOCK", path);
  return {};
}

Status RunMountSet::add_script(BuildState& state, const RunPlan& run) {
  if (run.script_name.find('/') != std::string::npos)
    return fail(ErrorCode::kInvalid, "RUN: a here-document's name cannot hold a slash");
  held_->drafts.push_back(SLIP_TRY(state.place.store.begin()));
  const std::string directory = held_->drafts.back().upper();
  SLIP_TRY(write_new(directory + "/" + run.script_name, run.script, 0755));
  mounts_.emplace_back(sandbox::BindMount{directory, kScriptDirectory, sandbox::Access::kReadOnly,
                                          true, sandbox::Propagation::kPrivate});
  return {};
}

}  // namespace slipway::runner
