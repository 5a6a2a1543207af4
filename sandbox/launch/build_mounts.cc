// Operations for the spec's mounts, the engine's own files, and what is hidden or frozen; then the host is left.
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/files.h"
#include "sandbox/launch/build_plan.h"
#include "sandbox/policy/profile.h"

namespace slipway::sandbox {
namespace {

constexpr std::uint64_t kInert = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

enum class Required { kYes, kNo };

void attach_target(Plan& plan, std::int16_t in, const std::string& target, unsigned kind,
                   Required required) {
  Operation& operation = plan.add(OpCode::kAttachTarget, "mount at " + target);
  operation.in = in;
  operation.path = plan.text(target);
  operation.mode = kind;
  operation.flags = required == Required::kNo ? 1 : 0;
  operation.blame = Blame::kJob;
}

// The content lives on the scratch tmpfs; what the container sees is a read-only mount of that one file.
void add_file(Plan& plan, const FileMount& file, const std::string& name, Required required) {
  Operation& make = plan.add(OpCode::kMakeFile, "write " + file.target);
  make.at = kScratch;
  make.path = plan.text(name);
  make.mode = file.mode;
  make.uid = file.uid;
  make.gid = file.gid;
  make.data = plan.text(file.content);
  make.size = file.content.size();
  Operation& clone = plan.add(OpCode::kCloneMount, "clone file for " + file.target);
  clone.at = kScratch;
  clone.path = make.path;
  clone.out = kTemp;
  Operation& attributes = plan.add(OpCode::kSetAttributes, "freeze file for " + file.target);
  attributes.in = kTemp;
  attributes.flags = kInert | MOUNT_ATTR_RDONLY;
  attach_target(plan, kTemp, file.target, S_IFREG, required);
}

void add_tmpfs(Plan& plan, const TmpfsMount& tmpfs, const TmpfsSettings& settings) {
  Operation& operation = plan.add(OpCode::kMountFs, "mount tmpfs for " + tmpfs.target);
  operation.path = "tmpfs";
  operation.data = plan.options(settings.options);
  operation.flags = settings.attributes;
  operation.out = kTemp;
  attach_target(plan, kTemp, tmpfs.target, S_IFDIR, Required::kYes);
}

std::string hosts_file(const ContainerSpec& spec) {
  std::string text =
      "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t" +
      spec.hostname + "\n";
  for (const auto& [name, address] : spec.extra_hosts) text += address + "\t" + name + "\n";
  return text;
}

// With the host's network its resolver is reachable; alone there is none.
std::string resolver_file(const ContainerSpec& spec) {
  if (spec.network == Network::kNone) return "";
  return read_file("/etc/resolv.conf", 64_KiB).value_or("");
}

void add_engine_files(Plan& plan, const ContainerSpec& spec) {
  const FileMount files[] = {{"/etc/hosts", hosts_file(spec), 0644},
                             {"/etc/hostname", spec.hostname + "\n", 0644},
                             {"/etc/resolv.conf", resolver_file(spec), 0644}};
  int number = 0;
  for (const FileMount& file : files) {
    // On the machine's own read-only /etc only an existing name can be covered.
    add_file(plan, file, "engine" + std::to_string(number++), Required::kNo);
  }
}

void hide_all(Plan& plan, std::span<const char* const> paths) {
  for (const char* path : paths) {
    Operation& operation = plan.add(OpCode::kHide, std::string("hide ") + path);
    operation.at = kRoot;
    operation.path = path;
  }
}

void add_masks(const ContainerSpec& spec, Plan& plan) {
  for (const char* path : read_only_paths()) {
    Operation& operation = plan.add(OpCode::kFreezePath, std::string("make read-only ") + path);
    operation.at = kRoot;
    operation.path = path;
  }
  hide_all(plan, masked_paths());
  if (spec.network == Network::kHost) hide_all(plan, masked_paths_of_host_sysfs());
}

// Before Linux 6.15 only what is attached somewhere can be cloned: the nodes hang on the scratch for that.
void attach_nodes(Fd nodes, std::int16_t place, Plan& plan) {
  constexpr const char* kNodes = "nodes";
  Operation& directory = plan.add(OpCode::kMakeDirectory, "make directory for devices");
  directory.at = kScratch;
  directory.path = kNodes;
  directory.mode = 0755;
  plan.own(place, std::move(nodes));
  Operation& attach = plan.add(OpCode::kAttach, "attach devices");
  attach.in = place;
  attach.at = kScratch;
  attach.path = kNodes;
}

void add_given_devices(Devices& devices, Plan& plan) {
  auto place =
      static_cast<std::int16_t>(kFirstMount + 100);  // Behind the most mounts there can be.
  const bool own_nodes = devices.nodes.valid();
  if (own_nodes) attach_nodes(std::move(devices.nodes), place, plan);
  for (std::size_t i = 0; i < devices.mounts.size(); ++i) {
    DeviceMount& device = devices.mounts[i];
    if (own_nodes) {
      Operation& clone = plan.add(OpCode::kCloneMount, "clone device for " + device.target);
      clone.at = kScratch;
      clone.path = plan.text("nodes/" + std::to_string(i));
      clone.out = kTemp;
      attach_target(plan, kTemp, device.target, S_IFREG, Required::kYes);
    } else {
      plan.own(place, std::move(device.tree));
      attach_target(plan, place++, device.target, S_IFREG, Required::kYes);
    }
  }
}

void add_terminal(Plan& plan, const ContainerSpec& spec, const UserIds& user) {
  if (!spec.process.terminal) return;
  add_terminal_pair(OpCode::kOpenTerminal, *spec.process.terminal, user, plan);
  Operation& console = plan.add(OpCode::kMakeFile, "make /dev/console");
  console.at = kDev;
  console.path = "console";
  console.mode = 0620;
  Operation& clone = plan.add(OpCode::kCloneMount, "clone terminal");
  clone.at = kSlave;
  clone.out = kTemp;
  Operation& attach = plan.add(OpCode::kAttach, "attach /dev/console");
  attach.in = kTemp;
  attach.at = kDev;
  attach.path = "console";
}

}  // namespace

void add_mounts(const ContainerSpec& spec, Prepared& prepared, Plan& plan) {
  if (prepared.confinement.mask_paths) add_masks(spec, plan);
  add_engine_files(plan, spec);
  for (std::size_t i = 0; i < spec.mounts.size(); i++) {
    const Mount& mount = spec.mounts[i];
    if (const auto* tmpfs = std::get_if<TmpfsMount>(&mount)) {
      add_tmpfs(plan, *tmpfs, prepared.tmpfs[i]);
    } else if (const auto* file = std::get_if<FileMount>(&mount)) {
      add_file(plan, *file, "file" + std::to_string(i), Required::kYes);
    } else {
      const auto place = static_cast<std::int16_t>(kFirstMount + i);
      plan.own(place, std::move(prepared.mounts[i]));
      const std::string& target =
          std::visit([](const auto& one) -> const std::string& { return one.target; }, mount);
      attach_target(plan, place, target, prepared.mount_is_file[i] ? S_IFREG : S_IFDIR,
                    Required::kYes);
    }
  }
  add_given_devices(prepared.devices, plan);
  add_terminal(plan, spec, prepared.user);
  Operation& cwd = plan.add(OpCode::kMakeDirectories, "make working directory " + spec.process.cwd);
  cwd.path = plan.text(spec.process.cwd);
  cwd.uid = prepared.user.uid;
  cwd.gid = prepared.user.gid;
  cwd.blame = Blame::kJob;
  // Last of all: while the old root lies over the new one, "/.." is the host's root, also for openat2 inside a root.
  plan.add(OpCode::kPivot, "pivot into root");
  plan.add(OpCode::kLeaveOldRoot, "leave the host's root");
  if (spec.root.read_only) {
    Operation& freeze = plan.add(OpCode::kSetAttributes, "make root read-only");
    freeze.in = kNewRoot;
    freeze.flags = MOUNT_ATTR_RDONLY;
  }
}

}  // namespace slipway::sandbox
