// Containers with a life of their own, asked for from one process that goes on, as a daemon's is: how long from request
// to exit, whether the thousandth is as quick as the first and what has grown, logs, the list. Prints one JSON object of
// figures; scripts/bench.d/life sets them beside what is wanted. Run as root; plays in a network namespace of its own.
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>

#include "base/files.h"
#include "base/sys.h"
#include "base/text.h"
#include "sandbox/containers.h"
#include "sandbox/engine.h"
#include "tests/support/tar_writer.h"

namespace slipway::sandbox {
namespace {

using Clock = std::chrono::steady_clock;

template <typename T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  std::fprintf(stderr, "life_bench: %s\n", result.error().text().c_str());
  std::exit(1);
}
void must(Status status) {
  must(status.map([] { return 0; }));
}

double since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

struct World {
  std::unique_ptr<TempDir> directory;
  std::shared_ptr<cachestore::Store> store;
  std::shared_ptr<Containers> containers;
  Json figures = Json::object();

  std::string state() const { return directory->path() + "/state"; }
  void tell(const std::string& name, double value) { figures.set(name, value); }
};

void import_busybox(World& world) {
  testing::TarWriter tar;
  tar.dir("bin/").file("bin/busybox", must(read_file("/bin/busybox", 16_MiB)), 0755);
  for (const char* name : {"cat", "sleep", "true"})
    tar.symlink(std::string("bin/") + name, "busybox");
  const std::string path = world.directory->path() + "/busybox.tar";
  must(write_file_atomic(path, tar.finish(), 0600));
  const Fd file = must(open_file(path, O_RDONLY));
  cachestore::ImportRequest request;
  request.fd = file.get();
  request.source = path;
  request.name = must(cachestore::Reference::parse("busybox"));
  request.config.env = {"PATH=/bin"};
  must(world.store->import_image(request, CancelToken()));
}

World make_world(const std::string& runner) {
  World world;
  must(enter_engine_namespaces());
  if (::unshare(CLONE_NEWNET) != 0) must(Status(fail_errno("make network namespace")));
  must(sys::run_command({"ip", "link", "set", "lo", "up"}, CancelToken(), Millis(9000)));
  world.directory = std::make_unique<TempDir>(must(TempDir::make("/var/tmp", "slipway-life")));
  world.store = must(cachestore::Store::open({world.state(), {}, true}));
  import_busybox(world);
  ContainersOptions options;
  options.state_dir = world.state();
  options.store = world.store;
  options.monitor_program = {runner, "__monitor"};
  world.containers = must(Containers::open(std::move(options)));
  return world;
}

ContainerConfig config(std::vector<std::string> command, const std::string& network) {
  ContainerConfig made;
  made.image = "busybox";
  made.command = std::move(command);
  made.network_mode = network;
  made.limits.memory = 256_MiB;
  return made;
}

/// Milliseconds from the request until the exit code is known.
double one_life(World& world, const std::string& network) {
  ContainerConfig wanted = config({"/bin/true"}, network);
  wanted.auto_remove = true;
  const auto begin = Clock::now();
  const std::string id = must(world.containers->create(std::move(wanted), {}));
  const auto start = [&] { must(world.containers->start(id)); };
  must(world.containers->wait(id, WaitCondition::kNextExit, CancelToken(), start));
  return since(begin);
}

void measure_lives(World& world, int rounds) {
  std::vector<double> none, bridge;
  for (int i = 0; i < rounds; ++i) {
    none.push_back(one_life(world, "none"));
    bridge.push_back(one_life(world, "bridge"));
  }
  world.tell("life_ms", median(none));
  world.tell("life_best_ms", *std::min_element(none.begin(), none.end()));
  world.tell("life_bridge_ms", median(bridge));
  world.tell("life_bridge_best_ms", *std::min_element(bridge.begin(), bridge.end()));
}

void measure_exec(World& world, int rounds) {
  const std::string id = must(world.containers->create(config({"sleep", "1000"}, "none"), {}));
  must(world.containers->start(id));
  std::vector<double> times;
  ExecConfig exec;
  exec.argv = {"/bin/true"};
  for (int i = 0; i < rounds; ++i) {
    const auto begin = Clock::now();
    const std::string process = must(world.containers->create_exec(id, exec));
    const Attachment attached = must(world.containers->start_exec(process));
    must(world.containers->wait_exec(process, CancelToken()));
    times.push_back(since(begin));
  }
  world.tell("exec_ms", median(times));
  world.tell("exec_best_ms", *std::min_element(times.begin(), times.end()));
  must(world.containers->remove(id, {true, true}));
}

std::size_t count_in(const std::string& path) {
  const auto directory = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!directory) return 0;
  return list_dir(directory->get(), path).value_or(std::vector<std::string>()).size();
}

/// What may grow: descriptors, threads, mounts, links, rules, files of the state directory; and memory in KiB.
std::vector<std::pair<std::string, double>> footprint(const World& world) {
  const std::string status = must(read_file("/proc/self/status", 64_KiB));
  const std::size_t at = status.find("VmRSS:");
  const auto mounts = must(read_file("/proc/self/mountinfo", 16_MiB));
  std::size_t files = 0;
  // Not bare mount points, which are kept for the next run.
  for (const char* name : {"/containers", "/containers/by-name", "/drafts", "/tmp",
                           "/networks/sessions", "/containers/.running"})
    files += count_in(world.state() + name);
  return {{"fds", static_cast<double>(count_in("/proc/self/fd"))},
          {"threads", static_cast<double>(count_in("/proc/self/task"))},
          {"mounts", static_cast<double>(std::count(mounts.begin(), mounts.end(), '\n'))},
          {"links", static_cast<double>(count_in("/sys/class/net"))},
          {"files", static_cast<double>(files)},
          {"memory_kib", std::strtod(status.c_str() + at + 6, nullptr)}};
}

void measure_series(World& world, int count) {
  for (int i = 0; i < 50; ++i) one_life(world, "none");  // Fills pools and caches.
  const auto before = footprint(world);
  std::vector<double> times;
  for (int i = 0; i < count; ++i) times.push_back(one_life(world, "none"));
  const auto after = footprint(world);
  const auto part = static_cast<std::ptrdiff_t>(std::max(1, count / 5));
  world.tell("series_first_ms", median({times.begin(), times.begin() + part}));
  world.tell("series_last_ms", median({times.end() - part, times.end()}));
  for (std::size_t i = 0; i < before.size(); ++i)
    world.tell("series_more_" + before[i].first, after[i].second - before[i].second);
}

/// Kibibytes that only this process has.
double private_kib(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  double sum = 0;
  for (std::string word; file >> word;) {
    double value = 0;
    if ((word == "Private_Clean:" || word == "Private_Dirty:") && file >> value) sum += value;
  }
  return sum;
}

void measure_many(World& world, int count) {
  const auto before = footprint(world);
  std::vector<std::string> ids;
  const auto begin = Clock::now();
  for (int i = 0; i < count; ++i) {
    ids.push_back(must(world.containers->create(config({"sleep", "1000"}, "bridge"), {})));
    must(world.containers->start(ids.back()));
  }
  world.tell("many_start_ms", since(begin) / count);
  std::vector<double> memory;
  for (const std::string& id : ids) {
    const std::string lock = world.state() + "/containers/" + id + "/lock";
    const auto pid = parse_int(trim(must(read_file(lock, 1_KiB))));
    memory.push_back(private_kib(static_cast<int>(pid.value_or(0))));
  }
  world.tell("monitor_private_kib", median(memory));
  for (const std::string& id : ids) must(world.containers->remove(id, {true, true}));
  // Links and files follow the containers a moment later.
  auto after = footprint(world);
  const auto waits = [&](std::size_t row) { return after[row].second > before[row].second; };
  for (int i = 0; i < 500 && (waits(3) || waits(4)); ++i) {
    ::usleep(10'000);
    after = footprint(world);
  }
  for (std::size_t i = 0; i < before.size(); ++i)
    world.tell("many_more_" + before[i].first, after[i].second - before[i].second);
}

void measure_list(World& world) {
  std::vector<std::string> ids;
  for (int i = 0; i < 501; ++i)
    ids.push_back(must(world.containers->create(config({"/bin/true"}, "none"), {})));
  std::vector<double> times;
  for (int i = 0; i < 21; ++i) {
    const auto begin = Clock::now();
    must(world.containers->list());
    times.push_back(since(begin));
  }
  world.tell("list_501_ms", median(times));
  world.tell("list_501_best_ms", *std::min_element(times.begin(), times.end()));
  for (const std::string& id : ids) must(world.containers->remove(id, {true, true}));
}

void measure_logs(World& world, std::size_t mebibytes) {
  const std::string text = world.directory->path() + "/text";
  {
    std::ofstream file(text);
    const std::string line(99, 'x');
    for (std::size_t i = 0; i < mebibytes * 10'486; ++i) file << line << '\n';
  }
  const double size =
      static_cast<double>(must(read_file(text, ByteCount{std::uint64_t{4} << 30})).size());
  ContainerConfig wanted = config({"cat", "/text"}, "none");
  MountConfig mount;
  mount.source = text;
  mount.target = "/text";
  mount.access = Access::kReadOnly;
  wanted.mounts.push_back(mount);
  wanted.log.max_size = ByteCount{std::uint64_t{4} << 30};
  const std::string id = must(world.containers->create(std::move(wanted), {}));
  const auto begin = Clock::now();
  const auto start = [&] { must(world.containers->start(id)); };
  must(world.containers->wait(id, WaitCondition::kNextExit, CancelToken(), start));
  world.tell("log_mb_per_s", size / 1e3 / since(begin));
  double logged = 0;
  const auto count = [&](const LogRecord& record) -> Status {
    logged += static_cast<double>(record.data.size());
    return {};
  };
  must(world.containers->logs(id, {}, count, CancelToken()));
  world.tell("log_lost_bytes", size - logged);
  must(world.containers->remove(id, {true, true}));
}

}  // namespace
}  // namespace slipway::sandbox

int main(int argc, char** argv) {
  using namespace slipway::sandbox;
  // The short form, which scripts/bench runs with all others, only shows that it works.
  const bool full = argc > 1 && std::string(argv[1]) == "--full";
  const char* runner = ::getenv("RUNNER");
  if (runner == nullptr) {
    std::fprintf(stderr, "life_bench: RUNNER is to name the program whose monitors are measured\n");
    return 2;
  }
  World world = make_world(runner);
  one_life(world, "bridge");
  measure_lives(world, full ? 200 : 20);
  measure_exec(world, full ? 200 : 20);
  measure_series(world, full ? 1000 : 50);
  measure_many(world, full ? 100 : 10);
  measure_list(world);
  measure_logs(world, full ? 1000 : 50);
  std::printf("%s\n", world.figures.dump().c_str());
  world.containers.reset();
  return 0;
}
