// Making containers and removing them.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "sandbox/containers/changes.h"
#include "sandbox/containers/dead.h"
#include "sandbox/containers/joining.h"
#include "sandbox/containers/local_containers.h"
#include "sandbox/containers/message.h"
#include "sandbox/containers/mount_points.h"
#include "sandbox/containers/names.h"
#include "sandbox/containers/resolve.h"

namespace slipway::sandbox {
namespace {

constexpr int kNameTries = 20;
constexpr int kRemoveTries = 10;

Status check_config(const ContainerConfig& config) {
  if (config.auto_remove && config.restart.kind != RestartPolicy::Kind::kNo)
    return fail(ErrorCode::kInvalid,
                "create container: one that is removed when it ends cannot be restarted");
  if (config.log.max_files < 1 || config.log.max_files > 1000)
    return fail(ErrorCode::kInvalid, "create container: want 1 to 1000 log files");
  return {};
}

// Those asked for by name, and the host's network. Directories of the machine are met when the mounts are resolved.
std::vector<Power> powers_of_config(const ContainerConfig& config) {
  std::vector<Power> powers = config.isolation.powers;
  if (config.network_mode == "host") powers.emplace_back(power::HostNetworkNamespace{});
  return powers;
}

// Undoes what was acquired for a container that could not be made.
class Undo {
 public:
  Undo(const Layout& layout, const Record& record, Volumes* volumes)
      : layout_(layout), record_(record), volumes_(volumes) {}
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() {
    if (done_) return;
    (void)remove_tree(layout_.making(record_.id));
    layout_.free_name(record_.name, record_.id);
    if (volumes_ != nullptr) (void)volumes_->release(record_.id);
    (void)release_volumes(layout_, record_, Anonymous::kGo);
  }
  void done() { done_ = true; }

 private:
  const Layout& layout_;
  const Record& record_;
  Volumes* volumes_;
  bool done_ = false;
};

}  // namespace

Status LocalContainers::reserve_some_name(Record& record, const std::string& wanted) {
  if (!wanted.empty()) {
    if (!is_container_name(wanted)) {
      return fail(ErrorCode::kInvalid, "name container \"" + printable(wanted) +
                                           "\": want two or more of [a-zA-Z0-9_.-], the first a "
                                           "letter or digit");
    }
    SLIP_TRY(layout_.reserve_name(wanted, record.id));
    record.name = wanted;
    return {};
  }
  for (int tries = 0; tries < kNameTries; ++tries) {
    const std::string name = random_name(tries);
    const Status reserved = layout_.reserve_name(name, record.id);
    if (reserved) {
      record.name = name;
      return {};
    }
    if (reserved.error().code() != ErrorCode::kExists) return reserved;
  }
  return fail(ErrorCode::kExhausted, "name container: every name tried is in use");
}

// Made aside and moved into place whole.
Status LocalContainers::make_files(const Record& record) {
  const std::string making = layout_.making(record.id);
  for (const char* part : {"", "/fs", "/work", "/log"}) {
    const std::string path = making + part;
    const mode_t mode = std::string_view(part) == "/fs" ? 0755 : 0700;
    if (::mkdir(path.c_str(), mode) != 0) return fail_errno("make " + path);
    // The root of what the container sees: never less than 0755, whatever the umask.
    if (mode == 0755 && ::chmod(path.c_str(), mode) != 0) return fail_errno("make " + path);
  }
  const Fd directory = SLIP_TRY(open_file(making, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  SLIP_TRY(write_record(directory.get(), record));
  SLIP_TRY(write_state(directory.get(), StateRecord()));
  if (::rename(making.c_str(), layout_.of(record.id).c_str()) != 0)
    return fail_errno("make container " + short_id(record.id));
  return {};
}

// Names of other containers become their ids: they may be renamed.
Status LocalContainers::resolve_joined(ContainerConfig& config) const {
  const std::string peer = network_peer_of(config);
  if (!peer.empty()) config.network_mode = "container:" + SLIP_TRY(layout_.resolve(peer));
  for (std::string* other : {&config.isolation.pid_of, &config.isolation.ipc_of})
    if (!other->empty()) *other = SLIP_TRY(layout_.resolve(*other));
  return {};
}

// One that is removed when it ends has its image held by its monitor's locks: a database's transaction less.
Status LocalContainers::hold_image(const Record& record) {
  if (record.config.auto_remove || record.config.image_id.empty()) return {};
  const Digest image = SLIP_TRY(Digest::parse(record.config.image_id));
  return options_.store->hold_image(image, image_user(record.id));
}

Result<std::string> LocalContainers::create(ContainerConfig config, const CreateOptions& options) {
  SLIP_TRY(check_config(config));
  Record record;
  record.id = random_hex(32);
  record.created = std::chrono::system_clock::now();
  record.config = std::move(config);
  const ImageParts image = SLIP_TRY(find_image(*options_.store, record.config.image));
  SLIP_TRY(sandbox::resolve(record, image));
  SLIP_TRY(resolve_joined(record.config));
  SLIP_TRY(check_powers(powers_of_config(record.config), options_.policy));
  const Fd making = SLIP_TRY(layout_.lock_making());
  Undo undo(layout_, record, options_.volumes.get());
  SLIP_TRY(reserve_some_name(record, options.name));
  const auto mounts_of = [this](const std::string& name) -> Result<std::vector<MountInfo>> {
    return SLIP_TRY(inspect(name)).mounts;
  };
  SLIP_TRY(resolve_mounts(record, image, {options_.volumes.get(), mounts_of, options_.policy}));
  SLIP_TRY(hold_image(record));
  SLIP_TRY(make_files(record));
  undo.done();
  events_.append(container_event(record, "create"));
  return record.id;
}

Status LocalContainers::remove(const std::string& name, const RemoveOptions& options) {
  const std::string id = SLIP_TRY(resolve(name));
  for (int tries = 0; tries < kRemoveTries; ++tries) {
    auto settled = settle(id);
    if (!settled && settled.error().code() == ErrorCode::kNotFound && tries > 0) return {};
    const Claim claim = SLIP_TRY(std::move(settled));
    auto read = read_record(claim.directory.get());
    if (!read && !options.force) return fail(std::move(read).error());
    Record record;
    record.id = id;
    if (read) record = *std::move(read);  // A spoilt one has nothing that could be released.
    if (claim.connection) {
      Json body = Json::object(
          {{"request", "remove"}, {"force", options.force}, {"volumes", options.volumes}});
      const auto sent = send_message(claim.connection.get(), body);
      if (!sent) continue;
      const auto answer = SLIP_TRY(receive_message(claim.connection.get()));
      if (!answer) continue;  // It ended meanwhile.
      if (auto error = error_of(answer->body)) return fail(*std::move(error));
    } else {
      SLIP_TRY(
          release_volumes(layout_, record, options.volumes ? Anonymous::kGo : Anonymous::kStay));
      SLIP_TRY(unlist_container(layout_, record));
      remove_files(layout_, record.id);
      events_.append(container_event(record, "destroy"));
    }
    if (const auto image = Digest::parse(record.config.image_id))
      (void)options_.store->release_image(*image, image_user(id));
    return {};
  }
  return fail(ErrorCode::kUnavailable,
              "remove container " + short_id(id) + ": its monitors keep ending");
}

}  // namespace slipway::sandbox
