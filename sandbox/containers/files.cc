// The files of a container: its root, what was changed in it, and images made of it.
#include "base/files.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/sys.h"
#include "sandbox/containers/build_spec.h"
#include "sandbox/containers/changes.h"
#include "sandbox/containers/local_containers.h"
#include "sandbox/containers/message.h"
#include "sandbox/containers/upper.h"
#include "sandbox/ids/engine_namespaces.h"
#include "sandbox/mounts/overlay.h"
#include "sandbox/view.h"

namespace slipway::sandbox {
namespace {

// The merged tree of a container that does not run, with owners as on disk. Mounted nowhere.
Result<Fd> open_resting_root(const Record& record, const std::string& state_dir, Access access) {
  OverlayStack stack = container_stack(record, state_dir);
  if (access == Access::kReadOnly) {
    stack.lowers.push_back(stack.upper);
    return open_view(stack);
  }
  const EngineNamespaces namespaces = SLIP_TRY(engine_namespaces());
  const Fd store = SLIP_TRY(open_file(state_dir, O_PATH | O_DIRECTORY));
  return mount_overlay(stack, {state_dir, store.get(), !namespaces.privileged, std::nullopt});
}

void close_all_but(std::vector<int> kept) {
  kept.insert(kept.end(), {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO});
  std::sort(kept.begin(), kept.end());
  unsigned next = 0;
  for (const int descriptor : kept) {
    if (descriptor < 0) continue;
    const auto number = static_cast<unsigned>(descriptor);
    if (number > next) ::close_range(next, number - 1, 0);
    next = number + 1;
  }
  ::close_range(next, ~0U, 0);
}

// In a child that has joined the container's user namespace, where its ids are 0 to 65535 and ours are nobody's.
[[noreturn]] void work_as_container(int user_namespace, int root, int report,
                                    const std::function<Status(int)>& work) {
  const auto joined = [&]() -> Status {
    if (::setns(user_namespace, CLONE_NEWUSER) != 0 || ::setresgid(0, 0, 0) != 0 ||
        ::setresuid(0, 0, 0) != 0) {
      return fail_errno("take on the ids of container");
    }
    return work(root);
  };
  const Status done = joined();
  if (!done) (void)send_message(report, error_body(done.error()));
  ::_exit(done ? 0 : 1);
}

Status in_child(int user_namespace, int root, const std::function<Status(int)>& work,
                const std::vector<int>& uses) {
  int report[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) != 0)
    return fail_errno("work in container");
  const Fd ours(report[0]);
  Fd theirs(report[1]);
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("work in container");
  if (child == 0) {
    std::vector<int> kept = uses;
    kept.insert(kept.end(), {user_namespace, root, theirs.get()});
    close_all_but(std::move(kept));
    work_as_container(user_namespace, root, theirs.get(), work);
  }
  theirs.reset();
  const auto told = receive_message(ours.get());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (told && *told) {
    if (auto error = error_of((*told)->body)) return fail(*std::move(error));
  }
  if (status == 0) return {};
  return fail(ErrorCode::kInternal, "work in container: the helper died");
}

}  // namespace

Result<LocalContainers::Root> LocalContainers::open_any_root(const std::string& id, Access access) {
  Claim claim = SLIP_TRY(settle(id));
  const StateRecord state = SLIP_TRY(read_state(claim.directory.get()));
  Root root;
  if (claim.connection && state.state.pid > 0) {
    SLIP_TRY(send_message(claim.connection.get(), Json::object({{"request", "root"}})));
    auto answer = SLIP_TRY(receive_message(claim.connection.get()));
    if (!answer) return fail(ErrorCode::kUnavailable, "open files of container: its monitor ended");
    if (auto error = error_of(answer->body)) return fail(*std::move(error));
    root.directory = std::move(answer->descriptor);
    const std::string process = "/proc/" + std::to_string(state.state.pid) + "/ns/user";
    root.user_namespace = SLIP_TRY(open_file(process, O_RDONLY));
    return root;
  }
  const Record record = SLIP_TRY(read_record(claim.directory.get()));
  root.directory = SLIP_TRY(open_resting_root(record, options_.state_dir, access));
  return root;
}

Result<Fd> LocalContainers::open_root(const std::string& name, Access access) {
  const std::string id = SLIP_TRY(resolve(name));
  return SLIP_TRY(open_any_root(id, access)).directory;
}

Result<Fd> LocalContainers::open_files(const std::string& name) {
  const std::string id = SLIP_TRY(resolve(name));
  const Claim claim = SLIP_TRY(settle(id));
  const Record record = SLIP_TRY(read_record(claim.directory.get()));
  return open_resting_root(record, options_.state_dir, Access::kReadOnly);
}

Status LocalContainers::with_root(const std::string& name, Access access,
                                  const std::function<Status(int root)>& work,
                                  const std::vector<int>& uses) {
  const std::string id = SLIP_TRY(resolve(name));
  const Root root = SLIP_TRY(open_any_root(id, access));
  const bool shifted = root.user_namespace && SLIP_TRY(engine_namespaces()).privileged;
  if (!shifted) return work(root.directory.get());
  return in_child(root.user_namespace.get(), root.directory.get(), work, uses);
}

Result<std::vector<Containers::Change>> LocalContainers::diff(const std::string& name) {
  const std::string id = SLIP_TRY(resolve(name));
  const Fd directory = SLIP_TRY(open_file(layout_.of(id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const Record record = SLIP_TRY(read_record(directory.get()));
  OverlayStack below = container_stack(record, options_.state_dir);
  below.upper.clear();
  below.work.clear();
  const Fd lower = SLIP_TRY(open_view(below));
  const Fd upper = SLIP_TRY(open_at(directory.get(), "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return upper_changes(upper.get(), lower.get());
}

Result<std::pair<ByteCount, ByteCount>> LocalContainers::sizes(const std::string& name) {
  const std::string id = SLIP_TRY(resolve(name));
  const Fd directory = SLIP_TRY(open_file(layout_.of(id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const Record record = SLIP_TRY(read_record(directory.get()));
  const Fd upper = SLIP_TRY(open_at(directory.get(), "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const ByteCount own{SLIP_TRY(upper_size(upper.get()))};
  ByteCount all = own;
  if (!record.config.image_id.empty()) {
    const auto image = options_.store->image(record.config.image_id);
    if (image) all.value += image->size.value;
  }
  return std::make_pair(own, all);
}

Result<cachestore::Image> LocalContainers::commit(
    const std::string& name, const cachestore::ImageConfig& config, const std::string& comment,
    const std::string& author, const std::optional<cachestore::Reference>& reference, bool pause) {
  const std::string id = SLIP_TRY(resolve(name));
  const Claim claim =
      SLIP_TRY(settle(id));  // Held for as long as it takes, so that nobody starts or removes it.
  const Record record = SLIP_TRY(read_record(claim.directory.get()));
  if (record.host_tools)
    return fail(ErrorCode::kUnsupported, "make image of container " + short_id(id) +
                                             ": it runs on this machine's own tools");
  // Frozen only where it runs and nobody froze it before.
  const bool frozen = pause && claim.connection && this->pause(id).has_value();
  cachestore::CreateImage wanted;
  wanted.parent = SLIP_TRY(Digest::parse(record.config.image_id));
  const Fd upper =
      SLIP_TRY(open_at(claim.directory.get(), "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  cachestore::ImageStep step;
  step.upper_fd = upper.get();
  step.history.created = std::chrono::system_clock::now();
  step.history.author = author;
  step.history.comment = comment;
  wanted.steps.push_back(std::move(step));
  wanted.config = config;
  wanted.config.author = author;
  wanted.config.comment = comment;
  wanted.name = reference;
  auto image = options_.store->create_image(std::move(wanted), CancelToken());
  if (frozen) (void)this->unpause(id);
  if (!image)
    return fail(std::move(image).error().within("make image of container " + short_id(id)));
  events_.append(container_event(record, "commit", {{"imageID", image->id.str()}}));
  return image;
}

}  // namespace slipway::sandbox
