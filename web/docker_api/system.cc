// The daemon itself: ping, version, info, disk use, events. Docker API v1.47, "System".
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "base/files.h"
#include "base/text.h"
#include "runner/docker_json.h"
#include "runner/version.h"
#include "web/docker_api/api.h"

namespace slipway::web::docker_api {
namespace {

using sandbox::ContainerInfo;
using sandbox::ContainerStatus;

std::string version_of(int minor) { return "1." + std::to_string(minor); }

// GET and HEAD /_ping. Builder-Version 1: no BuildKit session, so that clients without buildx use POST /build.
Status ping(Call& call) {
  return call.exchange().answer(
      200, "text/plain; charset=utf-8", "OK",
      {{"Api-Version", version_of(kNewestMinor)},
       {"Builder-Version", "1"},
       {"Docker-Experimental", "false"},
       {"Ostype", "linux"},
       {"Swarm", "inactive"},
       {"Cache-Control", "no-cache, no-store, must-revalidate"},
       {"Pragma", "no-cache"},
       {"Server", "Slipway/" + std::string(runner::kVersion) + " (linux)"}});
}

std::string docker_architecture(const utsname& machine) {
  const std::string name = machine.machine;
  if (name == "x86_64") return "amd64";
  return name == "aarch64" ? "arm64" : name;
}

// GET /version
Status version(Call& call) {
  utsname machine{};
  ::uname(&machine);
  const std::string own(runner::kVersion);
  const Json details = Json::object({{"ApiVersion", version_of(kNewestMinor)},
                                     {"Arch", docker_architecture(machine)},
                                     {"GitCommit", runner::kCommit},
                                     {"KernelVersion", machine.release},
                                     {"MinAPIVersion", version_of(kOldestMinor)},
                                     {"Os", "linux"},
                                     {"Experimental", "false"}});
  return call.json(
      200, Json::object(
               {{"Platform", Json::object({{"Name", "Slipway"}})},
                {"Components", Json::array({Json::object(
                                   {{"Name", "Engine"}, {"Version", own}, {"Details", details}})})},
                {"Version", own},
                {"ApiVersion", version_of(kNewestMinor)},
                {"MinAPIVersion", version_of(kOldestMinor)},
                {"GitCommit", runner::kCommit},
                {"GoVersion", ""},
                {"Os", "linux"},
                {"Arch", docker_architecture(machine)},
                {"KernelVersion", machine.release}}));
}

std::string operating_system() {
  const auto text = read_file("/etc/os-release", 64_KiB);
  if (!text) return "Linux";
  for (const std::string_view line : split(*text, '\n')) {
    if (!line.starts_with("PRETTY_NAME=")) continue;
    std::string name(trim(line.substr(12)));
    if (name.size() >= 2 && name.front() == '"') name = name.substr(1, name.size() - 2);
    return name;
  }
  return "Linux";
}

struct Counts {
  int running = 0;
  int paused = 0;
  int stopped = 0;
};

Counts count(const std::vector<ContainerInfo>& containers) {
  Counts counts;
  for (const ContainerInfo& container : containers) {
    if (container.state.status == ContainerStatus::kPaused)
      ++counts.paused;
    else if (container.state.status == ContainerStatus::kRunning ||
             container.state.status == ContainerStatus::kRestarting)
      ++counts.running;
    else
      ++counts.stopped;
  }
  return counts;
}

// GET /info
Status info(Call& call) {
  const std::vector<ContainerInfo> containers = SLIP_TRY(call.containers().list());
  const Counts counts = count(containers);
  utsname machine{};
  ::uname(&machine);
  struct sysinfo memory {};
  ::sysinfo(&memory);
  const bool unified = path_exists("/sys/fs/cgroup/cgroup.controllers");
  Json json = Json::object(
      {{"ID", call.engine().host_name},
       {"Containers", containers.size()},
       {"ContainersRunning", counts.running},
       {"ContainersPaused", counts.paused},
       {"ContainersStopped", counts.stopped},
       {"Images", SLIP_TRY(call.store().images()).size()},
       {"Driver", "overlay2"},
       {"DriverStatus", Json::array({Json::array({"Backing", "snapshots"})})},
       {"Plugins", Json::object({{"Volume", Json::array({"local"})},
                                 {"Network", Json::array({"bridge", "host", "ipvlan", "macvlan",
                                                          "null", "overlay"})},
                                 {"Authorization", Json()},
                                 {"Log", Json::array({"json-file", "local", "none"})}})},
       {"MemoryLimit", true},
       {"SwapLimit", true},
       {"CpuCfsPeriod", true},
       {"CpuCfsQuota", true},
       {"CPUShares", true},
       {"CPUSet", true},
       {"PidsLimit", true},
       {"IPv4Forwarding", true},
       {"OomKillDisable", false},
       {"Debug", false},
       {"NFd", 0},
       {"NGoroutines", 0},
       {"SystemTime", runner::docker_time(real_clock().wall())},
       {"LoggingDriver", "json-file"},
       {"CgroupDriver", "cgroupfs"},
       {"CgroupVersion", unified ? "2" : "1"},
       {"NEventsListener", 0},
       {"KernelVersion", machine.release},
       {"OperatingSystem", operating_system()},
       {"OSVersion", ""},
       {"OSType", "linux"},
       {"Architecture", machine.machine},
       {"IndexServerAddress", "https://index.docker.io/v1/"},
       {"RegistryConfig", Json::object({{"IndexConfigs", Json::object()},
                                        {"InsecureRegistryCIDRs", Json::array({"127.0.0.0/8"})},
                                        {"Mirrors", Json::array()}})},
       {"NCPU", std::thread::hardware_concurrency()},
       {"MemTotal", static_cast<std::uint64_t>(memory.totalram) * memory.mem_unit},
       {"GenericResources", Json()},
       {"DockerRootDir", call.engine().world.state_dir},
       {"HttpProxy", ""},
       {"HttpsProxy", ""},
       {"NoProxy", ""},
       {"Name", call.engine().host_name},
       {"Labels", Json::array()},
       {"ExperimentalBuild", false},
       {"ServerVersion", runner::kVersion},
       {"Runtimes", Json::object({{"slipway", Json::object({{"path", "runner"}})}})},
       {"DefaultRuntime", "slipway"},
       {"Swarm", Json::object({{"NodeID", ""},
                               {"NodeAddr", ""},
                               {"LocalNodeState", "inactive"},
                               {"ControlAvailable", false},
                               {"Error", ""},
                               {"RemoteManagers", Json()}})},
       {"LiveRestoreEnabled", true},
       {"Isolation", ""},
       {"InitBinary", "slipway-init"},
       {"SecurityOptions",
        Json::array({"name=seccomp,profile=builtin", "name=userns", "name=no-new-privileges"})},
       {"Warnings", Json()}});
  if (::geteuid() == 0 && !call.engine().rootless) return call.json(200, json);
  json.set("SecurityOptions", Json::array({"name=seccomp,profile=builtin", "name=rootless",
                                           "name=no-new-privileges"}));
  return call.json(200, json);
}

// GET /system/df
Status disk_use(Call& call) {
  const auto users = SLIP_TRY(call.store().image_users());
  Json::Array images, containers, volumes;
  std::set<std::string> layers;
  std::uint64_t layer_bytes = 0;
  for (const cachestore::Image& image : SLIP_TRY(call.store().images())) {
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
      if (layers.insert(image.layers[i].id).second) layer_bytes += image.layer_sizes[i].value;
    }
    Json::Array tags;
    for (const auto& name : image.names) tags.emplace_back(name.familiar());
    const auto held = users.find(image.id);
    images.push_back(Json::object(
        {{"Id", image.id.str()},
         {"RepoTags", Json(std::move(tags))},
         {"RepoDigests", Json::array()},
         {"ParentId", ""},
         {"Created",
          std::chrono::duration_cast<std::chrono::seconds>(image.imported.time_since_epoch())
              .count()},
         {"Size", image.size.value},
         {"SharedSize", 0},
         {"Labels", Json()},
         {"Containers", held == users.end() ? std::size_t{0} : held->second.size()}}));
  }
  const WallTime now = real_clock().wall();
  for (const ContainerInfo& container : SLIP_TRY(call.containers().list())) {
    const auto sizes = call.containers().sizes(container.id);
    containers.push_back(runner::container_summary_json(
        container, now, sizes ? std::optional(*sizes) : std::nullopt));
  }
  for (const sandbox::VolumeInfo& volume : SLIP_TRY(call.volumes().list())) {
    Json json = runner::volume_docker_json(volume);
    json.set("UsageData", Json::object({{"RefCount", volume.users.size()}, {"Size", -1}}));
    volumes.push_back(std::move(json));
  }
  return call.json(200, Json::object({{"LayersSize", layer_bytes},
                                      {"Images", Json(std::move(images))},
                                      {"Containers", Json(std::move(containers))},
                                      {"Volumes", Json(std::move(volumes))},
                                      {"BuildCache", Json::array()}}));
}

// GET /events
Status events(Call& call) {
  const runner::Filters filters = SLIP_TRY(call.filters());
  SLIP_TRY(runner::check_event_filters(filters));
  const WallTime now = real_clock().wall();
  std::optional<WallTime> since, until;
  for (const auto& [name, time] : {std::pair("since", &since), std::pair("until", &until)}) {
    const std::string text = call.param(name);
    if (!text.empty() && text != "0") *time = SLIP_TRY(runner::parse_time(text, now));
  }
  SLIP_TRY(call.exchange().begin(200, "application/json"));
  return call.containers().events(
      since, until,
      [&](const sandbox::ContainerEvent& event) -> Status {
        if (!runner::event_fits(event, filters)) return {};
        return call.exchange().write(runner::event_json(event).dump() + "\n");
      },
      call.gone());
}

// What is asked of every daemon and is nowhere here: swarm and plugins. Docker API, "Plugins", "Swarm".
Status no_plugins(Call& call) { return call.json(200, Json::array()); }
Status no_swarm(Call& call) {
  return call.json(503, Json::object({{"message",
                                       "This node is not a swarm manager. Swarm is not supported; "
                                       "use `runner app` to deploy."}}));
}

}  // namespace

const std::vector<Route>& system_routes() {
  static const std::vector<Route> kRoutes{
      {"GET", "/_ping", ping},       {"GET", "/version", version},
      {"GET", "/info", info},        {"GET", "/system/df", disk_use},
      {"GET", "/events", events},    {"GET", "/plugins", no_plugins},
      {"GET", "/swarm", no_swarm},   {"POST", "/swarm/{...}", no_swarm},
      {"GET", "/nodes", no_swarm},   {"GET", "/services", no_swarm},
      {"GET", "/tasks", no_swarm},   {"GET", "/secrets", no_swarm},
      {"GET", "/configs", no_swarm},
  };
  return kRoutes;
}

}  // namespace slipway::web::docker_api
