// Operations that make the root and what every container has in it: /proc, /sys, /dev.
// Spec: OCI runtime-spec, config-linux.md "Default Filesystems" and "Default Devices".
#include <sys/mount.h>
#include <sys/stat.h>

#include <cstdio>

#include "sandbox/launch/build_plan.h"
#include "sandbox/policy/profile.h"

namespace slipway::sandbox {
namespace {

constexpr std::uint64_t kInert = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

constexpr std::uint32_t kTtyGroup = 5;  // Group tty of every distribution.

using Options = std::vector<std::pair<std::string, std::string>>;

void mount_fs(Plan& plan, std::int16_t out, const char* type, const Options& options,
              std::uint64_t attributes) {
  Operation& operation = plan.add(OpCode::kMountFs, std::string("mount ") + type);
  operation.path = type;
  operation.data = plan.options(options);
  operation.flags = attributes;
  operation.out = out;
}

void attach(Plan& plan, std::int16_t in, std::int16_t at, const char* path, std::string label) {
  Operation& operation = plan.add(OpCode::kAttach, std::move(label));
  operation.in = in;
  operation.at = at;
  operation.path = path;
}

void make_directory(Plan& plan, std::int16_t at, const char* path, unsigned mode) {
  Operation& operation = plan.add(OpCode::kMakeDirectory, std::string("make directory /") + path);
  operation.at = at;
  operation.path = path;
  operation.mode = mode;
  if (at == kRoot) operation.blame = Blame::kJob;
}

// R5, R6: `name` of the image must be a real directory; a link or file there is the image's attempt at something.
void attach_over_real_directory(Plan& plan, std::int16_t in, const char* name) {
  make_directory(plan, kRoot, name, 0755);
  Operation& open =
      plan.add(OpCode::kOpenDirectory, std::string("open /") + name + " of the image");
  open.at = kRoot;
  open.path = name;
  open.out = kTemp;
  open.blame = Blame::kJob;
  attach(plan, in, kTemp, "", std::string("attach /") + name);
}

void write_control(Plan& plan, const char* path, const char* value) {
  Operation& operation = plan.add(OpCode::kWriteControl, std::string("write /proc/") + path);
  operation.at = kProc;
  operation.path = path;
  operation.data = value;
  operation.size = std::char_traits<char>::length(value);
  operation.flags = 1;  // A kernel without it is no reason to fail.
}

// Before pivot: the kernel lets a user namespace mount proc and sysfs only where it can still see the host's whole.
void add_kernel_file_systems(const ContainerSpec& spec, Prepared& prepared, Plan& plan) {
  if (prepared.proc.valid()) {
    plan.own(kProc, std::move(prepared.proc));
  } else {
    mount_fs(plan, kProc, "proc", {}, kInert);
  }
  if (prepared.sys.valid()) {
    plan.own(kSys, std::move(prepared.sys));
  } else {
    const std::uint64_t frozen = prepared.confinement.writable_sys ? 0 : MOUNT_ATTR_RDONLY;
    mount_fs(plan, kSys, "sysfs", {}, kInert | frozen);
  }
  if (spec.network == Network::kNone) {
    write_control(plan, "sys/net/ipv4/ping_group_range", "0 65535");
    write_control(plan, "sys/net/ipv4/ip_unprivileged_port_start", "0");
  }
  for (const Confinement::Sysctl& one : prepared.confinement.sysctls) {
    Operation& operation = plan.add(OpCode::kWriteControl, "set /proc/" + one.path);
    operation.at = kProc;
    operation.path = plan.text(one.path);
    operation.data = plan.text(one.value);
    operation.size = one.value.size();
    operation.blame = Blame::kJob;
  }
}

// Device nodes come from the host's /dev as bind mounts: an image's own nodes would be dead in a user namespace.
void add_host_devices(Plan& plan) {
  std::int16_t place = kFirstDevice;
  for (const DeviceNode& node : default_devices()) {
    Operation& clone = plan.add(OpCode::kCloneMount, std::string("take host device ") + node.name);
    clone.path = plan.text(std::string("/dev/") + node.name);
    clone.out = place;
    Operation& check =
        plan.add(OpCode::kCheckDevice, std::string("check host device ") + node.name);
    check.in = place++;
    check.uid = node.major;
    check.gid = node.minor;
  }
}

// The scratch tmpfs hangs on the old root while its parts are cloned, and goes with it.
void add_scratch(Plan& plan) {
  mount_fs(plan, kScratch, "tmpfs", {{"mode", "0700"}, {"size", "67108864"}},
           MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  attach(plan, kScratch, kNowhere, "/proc", "attach scratch");
  make_directory(plan, kScratch, "empty", 0755);
  Operation& null = plan.add(OpCode::kMakeFile, "make scratch file null");
  null.at = kScratch;
  null.path = "null";
  Operation& clone = plan.add(OpCode::kCloneMount, "take host device null");
  clone.path = "/dev/null";
  clone.out = kTemp;
  Operation& check = plan.add(OpCode::kCheckDevice, "check host device null");
  check.in = kTemp;
  check.uid = 1;
  check.gid = 3;
  attach(plan, kTemp, kScratch, "null", "attach scratch null");
}

void add_host_trees(Prepared& prepared, Plan& plan) {
  std::int16_t place =
      kFirstMount + 128;  // Above the spec's mounts, of which there are at most 100.
  for (auto& one : prepared.host_trees) {
    if (one.tree.valid()) {
      plan.own(place, std::move(one.tree));
      Operation& target = plan.add(OpCode::kAttachTarget, "attach host " + one.target);
      target.in = place++;
      target.path = plan.text(one.target);
      target.mode = S_IFDIR;
    } else {
      Operation& link = plan.add(OpCode::kMakeLink, "make link " + one.target);
      link.at = kRoot;
      link.path = plan.text(one.target.substr(1));
      link.data = plan.text(one.link);
    }
  }
  struct Directory {
    const char* path;
    unsigned mode;
  };
  // What programs expect to be able to write; HOME is /root.
  constexpr Directory kWritable[] = {
      {"tmp", 01777}, {"var", 0755}, {"var/tmp", 01777}, {"root", 0700}, {"run", 0755}};
  for (const Directory& directory : kWritable)
    make_directory(plan, kRoot, directory.path, directory.mode);
}

void add_device_file_system(Plan& plan, const char* name, const char* type, const Options& options,
                            std::uint64_t attributes) {
  make_directory(plan, kDev, name, 0755);
  mount_fs(plan, kTemp, type, options, attributes);
  attach(plan, kTemp, kDev, name, std::string("attach /dev/") + name);
}

void attach_ready(Plan& plan, std::int16_t place, Fd tree, const char* name) {
  plan.own(place, std::move(tree));
  make_directory(plan, kDev, name, 0755);
  attach(plan, place, kDev, name, std::string("attach /dev/") + name);
}

}  // namespace

void add_root(const ContainerSpec& spec, Prepared& prepared, Plan& plan) {
  add_kernel_file_systems(spec, prepared, plan);
  add_host_devices(plan);
  plan.add(OpCode::kOpenRoot, "open host root").out = kOldRoot;
  add_scratch(plan);
  plan.set(kRoot, prepared.root.get());
  plan.own(kNewRoot, std::move(prepared.root));
  make_directory(plan, kScratch, "root", 0755);
  attach(plan, kNewRoot, kScratch, "root", "attach root");
  if (spec.root.host_tools) add_host_trees(prepared, plan);
  attach_over_real_directory(plan, kProc, "proc");
  attach_over_real_directory(plan, kSys, "sys");
}

void add_devices(const ContainerSpec& spec, const IdSlot& slot, Prepared& prepared, Plan& plan) {
  const std::string tty_group = slot.map.has_group(kTtyGroup) ? std::to_string(kTtyGroup) : "0";
  // In a user namespace of its own nobody can make nodes; elsewhere they must not work.
  const bool machine_root = prepared.confinement.host_user && !prepared.confinement.every_device;
  const std::uint64_t inert_nodes = machine_root ? MOUNT_ATTR_NODEV : 0;
  if (prepared.devices.machine) {
    plan.own(kDev, std::move(prepared.devices.machine));
  } else {
    mount_fs(plan, kDev, "tmpfs", {{"mode", "0755"}, {"size", "67108864"}},
             MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME | inert_nodes);
  }
  attach_over_real_directory(plan, kDev, "dev");
  std::int16_t place = kFirstDevice;
  for (const DeviceNode& node : default_devices()) {
    Operation& file = plan.add(OpCode::kMakeFile, std::string("make /dev/") + node.name);
    file.at = kDev;
    file.path = node.name;
    file.mode = 0666;
    attach(plan, place++, kDev, node.name, std::string("attach /dev/") + node.name);
  }
  struct Link {
    const char* name;
    const char* target;
  };
  constexpr Link kLinks[] = {{"ptmx", "pts/ptmx"},
                             {"fd", "/proc/self/fd"},
                             {"stdin", "/proc/self/fd/0"},
                             {"stdout", "/proc/self/fd/1"},
                             {"stderr", "/proc/self/fd/2"}};
  for (const Link& link : kLinks) {
    Operation& made = plan.add(OpCode::kMakeLink, std::string("make link /dev/") + link.name);
    made.at = kDev;
    made.path = link.name;
    made.data = link.target;
  }
  add_device_file_system(
      plan, "pts", "devpts",
      {{"newinstance", ""}, {"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", tty_group}},
      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  const std::string shm_size = std::to_string(spec.isolation.shm_size.value);
  if (prepared.shm.valid()) {
    attach_ready(plan, kShm, std::move(prepared.shm), "shm");
  } else if (!spec.isolation.ipc_none) {
    add_device_file_system(plan, "shm", "tmpfs", {{"mode", "1777"}, {"size", shm_size}}, kInert);
  }
  if (prepared.mqueue.valid()) {
    attach_ready(plan, kMqueue, std::move(prepared.mqueue), "mqueue");
  } else if (!prepared.confinement.host_ipc) {
    add_device_file_system(plan, "mqueue", "mqueue", {}, kInert);
  }
}

}  // namespace slipway::sandbox
