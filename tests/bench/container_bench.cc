// What a container costs: around a static `true`, against a bare program that makes the same namespaces and mounts by
// hand, one after another and many at once. Run as root.
#include <benchmark/benchmark.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "base/files.h"
#include "sandbox/engine.h"
#include "tests/support/paths.h"

namespace slipway::sandbox {
namespace {

struct World {
  std::unique_ptr<TempDir> directory;
  std::unique_ptr<Engine> engine;
  std::string base;
  std::atomic<int> next{0};

  OverlayStack fresh_stack() {
    const std::string draft = directory->path() + "/drafts/" + std::to_string(next++);
    (void)make_dirs(draft + "/fs", 0755);
    (void)make_dirs(draft + "/work", 0755);
    return {{base}, draft + "/fs", draft + "/work"};
  }
};

World& world() {
  static World* made = [] {
    auto* fresh = new World;
    if (auto entered = enter_engine_namespaces(); !entered) {
      std::fprintf(stderr, "%s\n", entered.error().text().c_str());
      std::exit(1);
    }
    fresh->directory = std::make_unique<TempDir>(*TempDir::make("/var/tmp", "slipway-bench"));
    fresh->base = fresh->directory->path() + "/snapshots/base/fs";
    for (const char* name : {"/bin", "/proc", "/sys", "/dev", "/etc"})
      (void)make_dirs(fresh->base + name, 0755);
    std::filesystem::copy_file(testing::guest_dir() + "/true", fresh->base + "/bin/true");
    std::filesystem::copy_file(testing::guest_dir() + "/probe", fresh->base + "/bin/probe");
    fresh->engine = *Engine::open({fresh->directory->path()});
    std::atexit([] { world().directory.reset(); });
    return fresh;
  }();
  return *made;
}

bool run_container() {
  ContainerSpec spec;
  spec.name = "bench-" + std::to_string(::getpid()) + "-" + std::to_string(world().next++);
  spec.root.stack = world().fresh_stack();
  spec.limits.memory = 256_MiB;
  spec.process.argv = {"/bin/true"};
  auto container = world().engine->start(spec);
  if (!container) {
    std::fprintf(stderr, "%s\n", container.error().text().c_str());
    return false;
  }
  return (*container)->wait(CancelToken(), std::nullopt, {}).success();
}

void engine_container(benchmark::State& state) {
  for (auto _ : state) {
    if (!run_container()) state.SkipWithError("container failed");
  }
}

// A process put into a running container, from request to exit seen.
void engine_exec(benchmark::State& state) {
  ContainerSpec spec;
  spec.name = "bench-" + std::to_string(::getpid()) + "-" + std::to_string(world().next++);
  spec.root.stack = world().fresh_stack();
  spec.process.argv = {"/bin/probe", "ignore-signals"};
  auto container = world().engine->start(spec);
  if (!container) return state.SkipWithError("container failed");
  ExecSpec exec;
  exec.process.argv = {"/bin/true"};
  for (auto _ : state) {
    auto process = (*container)->exec(exec);
    if (!process || !(*process)->wait(CancelToken(), std::nullopt, {}).success())
      return state.SkipWithError("exec failed");
  }
}

// The least a program must do for the same isolation: no profile, no limits, no init, no checks.
[[noreturn]] void bare_child(const OverlayStack& stack, const int* gate) {
  char byte;
  ::close(gate[1]);
  if (::read(gate[0], &byte, 1) < 0) ::_exit(9);
  const std::string options = "lowerdir=" + stack.lowers[0] + ",upperdir=" + stack.upper +
                              ",workdir=" + stack.work + ",userxattr";
  const std::string root = stack.upper + "/../root";
  bool good = ::setresgid(0, 0, 0) == 0 && ::setresuid(0, 0, 0) == 0;
  good = good && ::mount("overlay", root.c_str(), "overlay", 0, options.c_str()) == 0;
  good = good && ::mount("proc", (root + "/proc").c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                         nullptr) == 0;
  good = good && ::mount("sysfs", (root + "/sys").c_str(), "sysfs", MS_RDONLY, nullptr) == 0;
  good = good && ::mount("tmpfs", (root + "/dev").c_str(), "tmpfs", MS_NOSUID, "mode=755") == 0;
  for (const char* name : {"/dev/pts", "/dev/shm", "/dev/mqueue"})
    good = good && ::mkdir((root + name).c_str(), 0755) == 0;
  good = good && ::mount("devpts", (root + "/dev/pts").c_str(), "devpts", 0, "newinstance") == 0;
  good = good && ::mount("tmpfs", (root + "/dev/shm").c_str(), "tmpfs", 0, nullptr) == 0;
  good = good && ::mount("mqueue", (root + "/dev/mqueue").c_str(), "mqueue", 0, nullptr) == 0;
  for (const char* name :
       {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"}) {
    ::close(::open((root + name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
    good = good && ::mount(name, (root + name).c_str(), nullptr, MS_BIND, nullptr) == 0;
  }
  good = good && ::chdir(root.c_str()) == 0 && ::syscall(SYS_pivot_root, ".", ".") == 0 &&
         ::umount2(".", MNT_DETACH) == 0;
  if (good) ::execl("/bin/true", "/bin/true", nullptr);
  std::perror("bare child");
  ::_exit(9);
}

bool run_bare() {
  OverlayStack stack = world().fresh_stack();
  stack.upper = std::filesystem::canonical(stack.upper).string();
  (void)make_dirs(stack.upper + "/../root", 0755);
  // Without id-mapped mounts container root must own its layers.
  for (const std::string& path : {stack.upper, stack.work})
    (void)!::chown(path.c_str(), 0x70000000, 0x70000000);
  for (std::filesystem::path path = stack.upper; path != "/var/tmp"; path = path.parent_path())
    ::chmod(path.c_str(), 0755);
  int gate[2];
  if (::pipe2(gate, O_CLOEXEC) != 0) return false;
  constexpr unsigned long kFlags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
                                   CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  const long pid = ::syscall(SYS_clone, kFlags | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) bare_child(stack, gate);
  if (pid < 0) return false;
  ::close(gate[0]);
  const std::string directory = "/proc/" + std::to_string(pid);
  (void)write_control_file(directory + "/uid_map", "0 1879048192 65536");
  (void)write_control_file(directory + "/gid_map", "0 1879048192 65536");
  (void)!::write(gate[1], "x", 1);
  ::close(gate[1]);
  int status = 0;
  ::waitpid(static_cast<pid_t>(pid), &status, 0);
  return status == 0;
}

void bare_program(benchmark::State& state) {
  for (auto _ : state) {
    if (!run_bare()) state.SkipWithError("bare program failed");
  }
}

void many_at_once(benchmark::State& state) {
  for (auto _ : state) {
    if (!run_container()) state.SkipWithError("container failed");
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(bare_program)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(100)
    ->Repetitions(5)
    ->ReportAggregatesOnly()
    ->UseRealTime();
BENCHMARK(engine_exec)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(100)
    ->Repetitions(5)
    ->ReportAggregatesOnly()
    ->UseRealTime();
BENCHMARK(engine_container)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(100)
    ->Repetitions(5)
    ->ReportAggregatesOnly()
    ->UseRealTime();
BENCHMARK(many_at_once)->Unit(benchmark::kMillisecond)->Iterations(25)->Threads(8)->UseRealTime();

}  // namespace
}  // namespace slipway::sandbox

int main(int argc, char** argv) {
  slipway::sandbox::world();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
