// What an ordinary user's container is connected with: tap devices, and pasta or slirp4netns.
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

#include <algorithm>
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

std::string inherited(int place) { return "/proc/self/fd/" + std::to_string(place); }

bool reaches_ipv6() {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  return socket && source_address(*socket, *Address::parse("2000::1"));
}

// A unique local address (RFC 4193) with the IPv4 address at its end. Programs prefer IPv4 to it where they have the
// choice (RFC 6724), which is what the rest of the container's network is made of.
std::string ipv6_beside(const std::string& ipv4) {
  Address address = *Address::parse("fd73:6c69:7077:6179::");
  if (const auto four = Address::parse(ipv4))
    std::copy_n(four->bytes.begin(), 4, address.bytes.begin() + 12);
  return address.str();
}

std::vector<std::string> pasta_arguments(const UplinkConfig& config) {
  std::vector<std::string> arguments = {
      "pasta", "--foreground", "--quiet", "--config-net",
      // Neither the gateway's address nor a port of the container's loopback leads to the machine's loopback.
      "--no-map-gw", "-t", "none", "-u", "none", "-T", "none", "-U", "none", "--no-dhcp",
      "--no-dhcpv6", "--no-ra", "-a", config.address, "-n", std::to_string(config.prefix), "-g",
      config.gateway, "-I", config.interface, "--ns-mac-addr", config.mac, "-P",
      inherited(kReadyPlace), "--netns", inherited(kNamespacePlace)};
  const std::vector<std::string> more =
      reaches_ipv6() ? std::vector<std::string>{"-a", ipv6_beside(config.address), "-g", "fe80::1"}
                     : std::vector<std::string>{"--ipv4-only", "--no-ndp"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// slirp4netns knows no addresses but those of a network of its own, of which .2 is the gateway and .3 would be a name
// server. It speaks to whatever address asks it, so the container keeps ours and sees of that network only the gateway.
constexpr const char* kSlirpNetwork = "169.254.2.0/24";
constexpr const char* kSlirpGateway = "169.254.2.2";

std::vector<std::string> slirp_arguments(const UplinkConfig& config) {
  return {"slirp4netns",
          "--mtu=65520",
          std::string("--cidr=") + kSlirpNetwork,
          "--disable-host-loopback",
          "--disable-dns",
          "--ready-fd=" + std::to_string(kReadyPlace),
          "--netns-type=path",
          inherited(kNamespacePlace),
          config.interface};
}

// What pasta does by itself.
Status configure_slirp(int network_namespace, const UplinkConfig& config) {
  const auto configure = [&]() -> Status {
    NetlinkSocket socket = SLIP_TRY(NetlinkSocket::open(NETLINK_ROUTE));
    const auto link = SLIP_TRY(find_link(socket, config.interface));
    const auto address = Address::parse(config.address);
    if (!link || !address)
      return fail(ErrorCode::kInternal, "configure " + config.interface + ": it is not there");
    const Address gateway = *Address::parse(kSlirpGateway);
    NetlinkBatch batch;
    set_mac_and_mtu(batch, config.interface, parse_mac(config.mac).value_or(""), link->mtu);
    set_up(batch, 1);
    set_up(batch, link->index);
    add_address(batch, link->index, *address, config.prefix);
    add_route(batch, {Subnet::of(gateway, 32), std::nullopt, link->index});
    add_route(batch, {std::nullopt, gateway, link->index});
    return socket.transact(batch);
  };
  return in_namespace(network_namespace, configure);
}

bool installed(const std::string& program) {
  const char* path = ::getenv("PATH");
  for (const std::string_view directory : split(path != nullptr ? path : "/usr/bin:/bin", ':')) {
    if (::access((std::string(directory) + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

// Between fork and exec: nothing but system calls.
[[noreturn]] void become_program(char* const* argv, pid_t parent, int space, int ready, int errors,
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

Error explain(pid_t pid, const std::string& program, int errors) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  const std::string text = read_fd(errors, 64_KiB, program + "'s errors").value_or("");
  return Error(ErrorCode::kUnavailable,
               "connect a container to the world: " + program + ": " +
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

bool Uplink::available() { return installed("pasta") || installed("slirp4netns"); }

Result<Uplink> Uplink::start(int network_namespace, const UplinkConfig& config) {
  sys::Pipe ready = SLIP_TRY(sys::make_pipe()), errors = SLIP_TRY(sys::make_pipe(O_NONBLOCK));
  const Fd null = SLIP_TRY(open_file("/dev/null", O_RDWR));
  const bool slirp = !installed("pasta");
  if (slirp && !installed("slirp4netns")) {
    return fail(ErrorCode::kUnsupported,
                "connect a container to the world: neither pasta (package passt) nor slirp4netns "
                "is installed");
  }
  std::vector<std::string> arguments = slirp ? slirp_arguments(config) : pasta_arguments(config);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("start " + arguments.front());
  if (pid == 0) {
    become_program(argv.data(), parent, network_namespace, ready.write.get(), errors.write.get(),
                   null.get());
  }
  Uplink uplink(pid);
  ready.write.reset();
  errors.write.reset();
  // It writes a word when all is ready; the pipe's end means that it gave up.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const bool answered = SLIP_TRY(sys::wait_readable(ready.read.get(), deadline));
  char byte;
  if (answered && ::read(ready.read.get(), &byte, 1) == 1) {
    if (slirp) SLIP_TRY(configure_slirp(network_namespace, config));
    return uplink;
  }
  ::kill(pid, SIGKILL);
  uplink.pid_ = -1;
  return fail(explain(pid, arguments.front(), errors.read.get()));
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
