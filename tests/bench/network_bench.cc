// What a network adds to the start of a container: reserving, linking and setting up inside, against an empty network
// namespace; with a published port; and with a hundred containers there already. Run as root; plays in a network
// namespace of its own.
#include <benchmark/benchmark.h>
#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "base/files.h"
#include "base/random.h"
#include "sandbox/net/namespaces.h"
#include "sandbox/networks.h"

namespace slipway::sandbox {
namespace {

struct World {
  std::unique_ptr<TempDir> directory;
  std::shared_ptr<Networks> networks;
};

World& world() {
  static World* made = [] {
    auto* fresh = new World;
    if (::unshare(CLONE_NEWNET) != 0) {
      std::perror("unshare");
      std::exit(1);
    }
    fresh->directory = std::make_unique<TempDir>(*TempDir::make("/var/tmp", "slipway-bench"));
    fresh->networks = *Networks::open(fresh->directory->path());
    NetworkConfig config;
    config.name = "front";
    (void)fresh->networks->create(config);
    std::atexit([] { world().directory.reset(); });
    return fresh;
  }();
  return *made;
}

Fd make_namespace() {
  Fd made;
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) == 0) made = *net::current_namespace();
  }).join();
  return made;
}

SessionRequest request(const std::string& network, bool publish) {
  SessionRequest request;
  request.client = {random_hex(32), "box", "box"};
  request.endpoints = {{network, {}, "", "", ""}};
  if (publish) request.ports = {{"", 0, 80, Protocol::kTcp}};
  return request;
}

std::unique_ptr<NetworkSession> start(const SessionRequest& wanted, const Fd& space) {
  auto session = world().networks->open_session(wanted);
  if (!session || !(*session)->attach(space.get())) {
    std::fprintf(stderr, "start: %s\n", session ? "attach" : session.error().text().c_str());
    std::exit(1);
  }
  return *std::move(session);
}

void session_start(benchmark::State& state, const char* network, bool publish) {
  world();
  for (auto _ : state) {
    state.PauseTiming();
    const Fd space = make_namespace();
    const SessionRequest wanted = request(network, publish);
    state.ResumeTiming();
    auto session = start(wanted, space);
    state.PauseTiming();
    session.reset();
    state.ResumeTiming();
  }
}
BENCHMARK_CAPTURE(session_start, none, "none", false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(session_start, bridge, "bridge", false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(session_start, bridge_port, "bridge", true)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(session_start, named, "front", false)->Unit(benchmark::kMicrosecond);

void session_end(benchmark::State& state) {
  world();
  for (auto _ : state) {
    state.PauseTiming();
    const Fd space = make_namespace();
    auto session = start(request("bridge", false), space);
    state.ResumeTiming();
    session.reset();
  }
}
BENCHMARK(session_end)->Unit(benchmark::kMicrosecond);

void hundred_containers(benchmark::State& state) {
  world();
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<Fd> spaces(100);
    for (Fd& space : spaces) space = make_namespace();
    std::vector<std::unique_ptr<NetworkSession>> sessions;
    state.ResumeTiming();
    for (const Fd& space : spaces) sessions.push_back(start(request("front", false), space));
    state.PauseTiming();
    sessions.clear();
    state.ResumeTiming();
  }
}
BENCHMARK(hundred_containers)->Unit(benchmark::kMillisecond)->Iterations(3);

void open_networks(benchmark::State& state) {
  world();
  for (auto _ : state) benchmark::DoNotOptimize(Networks::open(world().directory->path()));
}
BENCHMARK(open_networks)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace slipway::sandbox
