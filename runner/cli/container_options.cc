// Docker's options of create, run and update, as rows of the option table. The commands themselves are in
// container_table.cc.
#include "runner/cli/container_options.h"

#include <array>

#include "runner/cli/container_option_sets.h"

namespace slipway::runner {
namespace {

using namespace option_rows;  // NOLINT: the makers are this file's alphabet

template <std::size_t... kSizes>
constexpr auto joined(const std::array<OptionSpec, kSizes>&... parts) {
  std::array<OptionSpec, (kSizes + ...)> all{};
  std::size_t at = 0;
  ((std::copy(parts.begin(), parts.end(), all.begin() + static_cast<std::ptrdiff_t>(at)),
    at += kSizes),
   ...);
  return all;
}

constexpr std::array kProcess{
    flag("interactive", 'i', "keep standard input open"),
    flag("tty", 't', "give the container a terminal"),
    list("attach", 'a', "STREAM", "only stdin, stdout or stderr of it"),
    list("env", 'e', "NAME=VALUE", "set a variable; NAME alone takes the value it has here"),
    list("env-file", 0, "FILE", "variables as NAME=VALUE lines", Complete::kFile),
    value("workdir", 'w', "DIR", "start in DIR; made when missing"),
    value("user", 'u', "USER[:GROUP]", "name or number, looked up in the image"),
    list("group-add", 0, "GROUP", "one more group for the user"),
    value("entrypoint", 0, "COMMAND", "instead of the image's; '' for none"),
    flag("init", 0, "an init as PID 1; there always is one"),
    value("stop-signal", 0, "SIGNAL", "what stop sends first; default: the image's or SIGTERM"),
    value("stop-timeout", 0, "SECONDS", "between the stop signal and SIGKILL; default 10"),
};
constexpr std::array kIdentity{
    own_variable_only(value("name", 0, "NAME", "name of the container; default: a made-up one")),
    value("cidfile", 0, "FILE", "write the container's id to FILE, which must not exist",
          Complete::kFile),
    value("hostname", 'h', "NAME", "host name inside; default: the start of the id"),
    value("domainname", 0, "NAME", "domain name inside"),
    list("label", 'l', "NAME=VALUE", "a label"),
    list("label-file", 0, "FILE", "labels as NAME=VALUE lines", Complete::kFile),
    flag("rm", 0, "remove the container and its anonymous volumes when it ends"),
    value("restart", 0, "POLICY", "no (default), on-failure[:N], always or unless-stopped"),
    value("pull", 0, "WHEN", "always, missing (default) or never", Complete::kWords,
          "always|missing|never"),
    flag("quiet", 'q', "no progress of a pull"),
    value("platform", 0, "OS/ARCH", "which image of several to take, such as linux/arm64"),
    value("log-driver", 0, "DRIVER", "json-file or local (our own bounded log), or none",
          Complete::kWords, "json-file|local|none"),
    list("log-opt", 0, "NAME=VALUE", "max-size=20m, max-file=5"),
};
constexpr std::array kHealth{
    value("health-cmd", 0, "COMMAND", "a shell command that says whether the container is well"),
    value("health-interval", 0, "DURATION", "between two checks; default 30s"),
    value("health-timeout", 0, "DURATION", "longest check; default 30s"),
    value("health-retries", 0, "N", "failures in a row that make it unhealthy; default 3"),
    value("health-start-period", 0, "DURATION", "failures do not count at first; default 0s"),
    value("health-start-interval", 0, "DURATION", "between two checks in that time; default 5s"),
    flag("no-healthcheck", 0, "not the image's health check either"),
};
constexpr std::array kFiles{
    list("volume", 'v', "[SRC:]DST[:OPTIONS]",
         "a directory of this machine or a volume at DST; options ro, rw, nocopy, z, Z, "
         "[r]shared, [r]slave, [r]private",
         Complete::kFile),
    list("mount", 0, "TYPE,…", "type=bind|volume|tmpfs,source=…,target=…,readonly and more"),
    list("volumes-from", 0, "CONTAINER[:ro]", "the mounts of another container",
         Complete::kContainer),
    list("tmpfs", 0, "DST[:OPTIONS]",
         "an empty file system in memory at DST; options size=64m, mode=1777"),
    flag("read-only", 0, "the root file system cannot be written"),
    value("shm-size", 0, "SIZE", "size of /dev/shm; default 64m"),
};
constexpr std::array kNetworking{
    also(list("network", 0, "NETWORK",
              "bridge (default), none, host, container:NAME, or a network's name; also "
              "name=…,alias=…,ip=…,ip6=…,mac-address=…",
              Complete::kNetwork),
         "net"),
    also(list("network-alias", 0, "NAME", "one more name on the network"), "net-alias"),
    value("ip", 0, "ADDRESS", "a fixed IPv4 address on the network"),
    value("ip6", 0, "ADDRESS", "a fixed IPv6 address on the network"),
    value("mac-address", 0, "MAC", "a fixed hardware address"),
    list("publish", 'p', "[[IP:]HOST:]PORT[/PROTOCOL]", "reach the container's PORT by HOST"),
    flag("publish-all", 'P', "publish every exposed port on a free one"),
    list("expose", 0, "PORT[/PROTOCOL]", "a port or a range the container serves"),
    list("add-host", 0, "NAME:IP", "a line of /etc/hosts; IP may be host-gateway"),
    list("dns", 0, "ADDRESS", "a name server"),
    list("dns-search", 0, "DOMAIN", "a search domain"),
    also(list("dns-option", 0, "OPTION", "an option of resolv.conf"), "dns-opt"),
};
constexpr std::array kSecurity{
    flag("privileged", 0,
         "all capabilities, nothing hidden; with --userns host all of the machine's devices, too"),
    list("cap-add", 0, "CAP", "add a capability, such as NET_RAW, or ALL"),
    list("cap-drop", 0, "CAP", "drop a capability, or ALL"),
    list("security-opt", 0, "OPTION",
         "no-new-privileges[=true|false], seccomp=FILE|unconfined, apparmor=PROFILE, "
         "systempaths=unconfined"),
    list("device", 0, "HOST[:CONTAINER[:rwm]]", "a device of this machine, or a directory of them",
         Complete::kFile),
    list("device-cgroup-rule", 0, "TYPE MAJOR:MINOR ACCESS",
         "let it use devices beyond --device, such as \"c 10:200 rwm\""),
    value("pid", 0, "MODE", "processes: host, or container:NAME"),
    value("ipc", 0, "MODE", "System V IPC: private (default), none, host or container:NAME"),
    value("uts", 0, "MODE", "host name: host"),
    value("userns", 0, "MODE", "users: host makes the container's root the machine's"),
    value("cgroupns", 0, "MODE", "cgroups: private (default) or host", Complete::kWords,
          "private|host"),
    list("sysctl", 0, "NAME=VALUE", "a kernel parameter of the container's namespaces"),
    list("ulimit", 0, "NAME=SOFT[:HARD]", "a resource limit, such as nofile=1024"),
    value("oom-score-adj", 0, "N", "-1000..1000: what is killed first when memory is short"),
};
constexpr std::array kResources{
    value("cpus", 0, "N", "at most N processors, such as 1.5"),
    value("cpu-period", 0, "MICROSECONDS", "with --cpu-quota: the older form of --cpus"),
    value("cpu-quota", 0, "MICROSECONDS", "processor time in each period"),
    value("cpu-shares", 'c', "N", "weight when processors are short; default 1024"),
    value("cpuset-cpus", 0, "LIST", "only on these processors, such as 0-1,3"),
    value("cpuset-mems", 0, "LIST", "only memory of these nodes"),
    value("memory", 'm', "SIZE", "at most SIZE of memory, such as 512m"),
    value("memory-swap", 0, "SIZE", "memory and swap together; default: no swap; -1: no limit"),
    value("memory-reservation", 0, "SIZE", "what it is to keep when memory is short"),
    value("pids-limit", 0, "N", "at most N processes and threads; default 4096; -1: no limit"),
    value("blkio-weight", 0, "N", "10..1000: weight when disks are busy"),
};
constexpr std::array kDeviceRates{
    list("device-read-bps", 0, "DEVICE:RATE", "at most RATE bytes a second, such as 1m"),
    list("device-write-bps", 0, "DEVICE:RATE", "likewise for writing"),
    list("device-read-iops", 0, "DEVICE:N", "at most N reads a second"),
    list("device-write-iops", 0, "DEVICE:N", "likewise for writing"),
};
constexpr std::array kForeground{
    flag("detach", 'd', "print the id and leave it running"),
    flag("sig-proxy", 0, "pass signals on; default true"),
    value("detach-keys", 0, "KEYS", "leave it running by these; default ctrl-p,ctrl-q"),
    value("timeout", 0, "DURATION",
          "stop it after DURATION, such as 30s; the exit code is then 124"),
};
constexpr std::array kUpdateOnly{
    value("restart", 0, "POLICY", "no, on-failure[:N], always or unless-stopped")};

constexpr auto kCreate =
    joined(kProcess, kIdentity, kHealth, kFiles, kNetworking, kSecurity, kResources, kDeviceRates);
constexpr auto kRun = joined(kForeground, kCreate);
constexpr auto kUpdate = joined(kUpdateOnly, kResources);

constexpr RefusedOption kRefused[] = {
    {"gpus", "device drivers of vendors are not run; give the devices by --device"},
    {"runtime", "there is one runtime, this program"},
    {"isolation", "that is for Windows"},
    {"link", "links are docker's past; put both on a network of their own: names resolve there"},
    {"link-local-ip", "addresses come from the network's subnet; see --ip"},
    {"cgroup-parent", "cgroups are made below `slipway` only"},
    {"storage-opt", "a size limit of the root file system needs project quotas"},
    {"volume-driver", "volumes are local; see `runner volume create --opt`"},
    {"memory-swappiness", "cgroup v2 has no such control"},
    {"kernel-memory", "the kernel has dropped this limit; --memory counts it"},
    {"oom-kill-disable", "a container that hangs for want of memory helps nobody"},
    {"cpu-rt-period", "real-time budgets are not possible with cgroup v2"},
    {"cpu-rt-runtime", "real-time budgets are not possible with cgroup v2"},
    {"blkio-weight-device", "weights are for the whole container: --blkio-weight"},
    {"annotation", "no other program reads them; use --label"},
    {"disable-content-trust", "there is no Notary; pull by digest"},
    {"use-api-socket", "a container never gets the engine's socket"},
};

}  // namespace

std::span<const OptionSpec> create_options() { return kCreate; }
std::span<const OptionSpec> run_options() { return kRun; }
std::span<const OptionSpec> update_options() { return kUpdate; }
std::span<const RefusedOption> refused_options() { return kRefused; }

}  // namespace slipway::runner
