// What an ordinary user's container is connected with: tap devices and pasta.
#include "sandbox/net/user_links.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "base/files.h"
#include "base/sys.h"
#include "base/text.h"
#include "sandbox/net/links.h"
#include "sandbox/net/namespaces.h"

namespace slipway::sandbox::net {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);
constexpr int kNamespacePlace = 10, kReadyPlace = 11;  // Descriptors in the program.

std::vector<std::string> pasta_arguments(const UplinkConfig& config) {
  return {
      "pasta", "--foreground", "--quiet", "--config-net", "--ipv4-only",
      // Neither the gateway's address nor a port of the container's loopback leads to the machine's loopback.
      "--no-map-gw", "-t", "none", "-u", "none", "-T", "none", "-U", "none", "--no-dhcp",
      "--no-dhcpv6", "--no-ra", "--no-ndp", "-a", config.address, "-n",
      std::to_string(config.prefix), "-g", config.gateway, "-I", config.interface, "--ns-mac-addr",
      config.mac, "-P", "/proc/self/fd/" + std::to_string(kReadyPlace), "--netns",
      "/proc/self/fd/" + std::to_string(kNamespacePlace)};
}

// Between fork and exec: nothing but system calls.
[[noreturn]] void become_pasta(char* const* argv, pid_t parent, int space, int ready, int errors,
                               int null) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // Ignored by us, hence by what we start; Debian 12's pasta takes an ignored SIGPIPE for an error and ends.
  ::signal(SIGPIPE, SIG_DFL);
  // Out of the way of the places first.
  const int space_high = ::fcntl(space, F_DUPFD, 20), ready_high = ::fcntl(ready, F_DUPFD, 20);
  const bool placed = ::dup2(null, 0) == 0 && ::dup2(null, 1) == 1 && ::dup2(errors, 2) == 2 &&
                      ::dup2(space_high, kNamespacePlace) >= 0 &&
                      ::dup2(ready_high, kReadyPlace) >= 0;
  if (placed) {
    ::close(space_high);
    ::close(ready_high);
    ::execvp(argv[0], argv);
  }
  const char* text = ::strerrordesc_np(errno);
  [[maybe_unused]] const ssize_t size = ::write(2, text, ::strlen(text));
  ::_exit(errno == ENOENT ? 127 : 126);
}

Error explain(pid_t pid, int errors) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
    return Error(ErrorCode::kUnsupported,
                 "connect a container to the world: pasta is not installed (package passt)");
  }
  const std::string text = read_fd(errors, 64_KiB, "pasta's errors").value_or("");
  return Error(ErrorCode::kUnavailable,
               "connect a container to the world: pasta: " +
                   printable(trim(text.empty() ? std::string_view("no answer in 10 s")
                                               : std::string_view(text))));
}

}  // namespace

Result<Fd> make_tap(int network_namespace, const TapConfig& config) {
  Fd tap;
  const auto make = [&]() -> Status {
    // Opened inside: a tap device belongs to the namespace in which its file was opened.
    auto opened = open_file("/dev/net/tun", O_RDWR | O_NONBLOCK);
    if (!opened) {
      return fail(ErrorCode::kUnsupported,
                  "make a tap device: " + opened.error().text() + " (modprobe tun)");
    }
    tap = *std::move(opened);
    ifreq request{};
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    const std::string name = config.interface.substr(0, IFNAMSIZ - 1);
    ::memcpy(request.ifr_name, name.data(), name.size());
    if (::ioctl(tap.get(), TUNSETIFF, &request) != 0)
      return fail_errno("make tap device " + config.interface);
    NetlinkSocket socket = SLIP_TRY(NetlinkSocket::open(NETLINK_ROUTE));
    NetlinkBatch batch;
    set_mac_and_mtu(batch, config.interface, config.mac, config.mtu);
    return socket.transact(batch);
  };
  SLIP_TRY(in_namespace(network_namespace, make));
  return tap;
}

bool Uplink::available() {
  const char* path = ::getenv("PATH");
  for (const std::string_view directory : split(path != nullptr ? path : "/usr/bin:/bin", ':')) {
    if (::access((std::string(directory) + "/pasta").c_str(), X_OK) == 0) return true;
  }
  return false;
}

Result<Uplink> Uplink::start(int network_namespace, const UplinkConfig& config) {
  sys::Pipe ready = SLIP_TRY(sys::make_pipe()), errors = SLIP_TRY(sys::make_pipe(O_NONBLOCK));
  const Fd null = SLIP_TRY(open_file("/dev/null", O_RDWR));
  std::vector<std::string> arguments = pasta_arguments(config);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("start pasta");
  if (pid == 0) {
    become_pasta(argv.data(), parent, network_namespace, ready.write.get(), errors.write.get(),
                 null.get());
  }
  Uplink uplink(pid);
  ready.write.reset();
  errors.write.reset();
  // It writes its process id when all is configured; the pipe's end means that it gave up.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const bool answered = SLIP_TRY(sys::wait_readable(ready.read.get(), deadline));
  char byte;
  if (answered && ::read(ready.read.get(), &byte, 1) == 1) return uplink;
  ::kill(pid, SIGKILL);
  uplink.pid_ = -1;
  return fail(explain(pid, errors.read.get()));
}

Uplink& Uplink::operator=(Uplink&& other) noexcept {
  stop();
  pid_ = std::exchange(other.pid_, -1);
  return *this;
}

void Uplink::stop() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
}

}  // namespace slipway::sandbox::net
