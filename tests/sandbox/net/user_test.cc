// Networks of an ordinary user: in a process that has become nobody, with a user namespace as the engine makes it.
#include <grp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/sandbox/net/dns_client.h"

namespace slipway::sandbox::net {
namespace {

// ThreadSanitizer keeps a second thread in every process, which can then make no user namespace.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLIP_SECOND_THREAD 1
#endif
#endif

class NetUser : public NetworkTest {
 protected:
#ifdef SLIP_SECOND_THREAD
  void SetUp() override {
    GTEST_SKIP() << "a process with ThreadSanitizer cannot make a user namespace";
  }
  void TearDown() override {}
#endif

  /// Runs `body` as an ordinary user; what it returns is what went wrong.
  void as_user(const std::function<std::string()>& body) {
    auto pipe = sys::make_pipe();
    const pid_t pid = ::fork();
    if (pid == 0) {
      std::string trouble = become_user();
      if (trouble.empty()) trouble = body();
      networks_.reset();
      [[maybe_unused]] const auto told = write_all(pipe->write.get(), trouble, "report");
      directory_.reset();
      ::_exit(0);
    }
    pipe->write.reset();
    EXPECT_EQ(read_fd(pipe->read.get(), 1_MiB, "report").value_or("no report"), "");
    int status;
    ::waitpid(pid, &status, 0);
  }

  std::string become_user() {
    directory_->release();  // The parent's.
    const bool nobody = ::setgroups(0, nullptr) == 0 && ::setresgid(65534, 65534, 65534) == 0 &&
                        ::setresuid(65534, 65534, 65534) == 0;
    ::prctl(PR_SET_DUMPABLE, 1);  // The change of ids took /proc/self away.
    if (!nobody || ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return "become an ordinary user";
    if (!write_control_file("/proc/self/setgroups", "deny") ||
        !write_control_file("/proc/self/uid_map", "0 65534 1\n") ||
        !write_control_file("/proc/self/gid_map", "0 65534 1\n"))
      return "map ids";
    auto directory = TempDir::make("/var/tmp", "slipway-net");
    if (!directory) return directory.error().text();
    directory_ = std::make_unique<TempDir>(std::move(*directory));
    auto opened = Networks::open(state());
    if (!opened) return opened.error().text();
    networks_ = std::move(*opened);
    return "";
  }

  /// The first claim that does not hold.
  struct Claims {
    std::string failed;
    void operator()(bool holds, const std::string& what) {
      if (!holds && failed.empty()) failed = what;
    }
  };
};

TEST_F(NetUser, ContainerReachesTheWorldAndItsPortsAreReached) {
  const Fd world = serve(outside_, "0.0.0.0", 80);
  const Fd local = serve(host_, "127.0.0.1", 631);
  as_user([&] {
    Claims claim;
    const Fd here;  // The machine's namespace, which such a user cannot enter again.
    SessionRequest wanted = request("bridge");
    wanted.ports = {{"", 8080, 80, Protocol::kTcp}, {"", 8081, 81, Protocol::kUdp}};
    const Box box = start(wanted);
    if (!box.session) return std::string("start");
    claim(reach(box.space, "192.0.2.1", 80).valid(), "outbound");
    claim(!reach(box.space, box.on().gateway, 631, kBlocked),
          "the host's loopback is out of reach");
    const Fd server = serve(box.space, "0.0.0.0", 80);
    const Fd udp = serve(box.space, "0.0.0.0", 81, SOCK_DGRAM);
    claim(reach(here, "127.0.0.1", 8080).valid(), "published port on loopback");
    claim(!accept_from(server).empty(), "published port on loopback arrives");
    claim(reach(here, "192.0.2.2", 8080).valid(), "published port on the host's address");
    claim(!accept_from(server).empty(), "published port on the host's address arrives");
    claim(reach(here, "::1", 8080).valid(), "published port on IPv6 loopback");
    claim(passes_udp(here, "127.0.0.1", 8081, udp), "published UDP port");
    SessionRequest second = request("bridge", "second");
    second.ports = {{"", 8080, 80, Protocol::kTcp}};
    const auto taken = networks_->open_session(second);
    claim(!taken && taken.error().code() == ErrorCode::kConflict, "a taken port is a conflict");
    second.ports = {{"", 80, 80, Protocol::kTcp}};
    const auto low = networks_->open_session(second);
    claim(!low && low.error().code() == ErrorCode::kPermission, "a low port is refused");
    return claim.failed;
  });
}

TEST_F(NetUser, ContainersOfOneNetworkReachEachOtherByName) {
  const Fd world = serve(outside_, "0.0.0.0", 80);
  as_user([&] {
    Claims claim;
    create("front");
    create("back");
    Box web = start("front", "web");
    const Box asker = start("front", "asker"), stranger = start("back", "stranger");
    if (!web.session || !asker.session || !stranger.session) return std::string("start");
    const DnsReply reply = ask(asker.space, "web");
    claim(reply.answers == std::vector<std::string>{web.on().ipv4}, "name");
    const Fd server = serve(web.space, "0.0.0.0", 80);
    claim(reach(asker.space, web.on().ipv4, 80).valid(), "by address");
    claim(accept_from(server) == asker.on().ipv4, "under its own address");
    claim(!reach(stranger.space, web.on().ipv4, 80, kBlocked), "another network is separate");
    claim(reach(asker.space, "192.0.2.1", 80).valid(), "outbound");
    // Joined while it runs, and away again.
    claim(static_cast<bool>(stranger.session->connect({"front", {}, "", "", ""})), "connect");
    claim(reach(stranger.space, web.on().ipv4, 80).valid(), "after connect");
    claim(static_cast<bool>(stranger.session->disconnect("front")), "disconnect");
    claim(!reach(stranger.space, web.on().ipv4, 80, kBlocked), "after disconnect");
    const std::string address = web.on().ipv4;
    web.session.reset();
    claim(!reach(asker.space, address, 80, kBlocked), "after the end");
    claim(static_cast<bool>(networks_->remove("front")) == false, "remove with a container on it");
    return claim.failed;
  });
}

TEST_F(NetUser, ContainerReachesIPv6AddressesWhereTheMachineDoes) {
  const Fd world = serve(outside_, "::", 80);
  as_user([&] {
    Claims claim;
    const Box box = start("bridge");
    if (!box.session) return std::string("start");
    claim(reach(box.space, "2001:db8::1", 80).valid(), "IPv6 outbound");
    claim(accept_from(world) == "2001:db8::2", "from the machine's address");
    claim(reach(box.space, "192.0.2.1", 80).valid(), "IPv4 outbound");
    return claim.failed;
  });
}

TEST_F(NetUser, SlirpIsTheWayOutWherePastaIsMissing) {
  const Fd world = serve(outside_, "0.0.0.0", 80);
  const Fd local = serve(host_, "127.0.0.1", 631);
  const auto tools = TempDir::make("/var/tmp", "slipway-tools");
  ASSERT_EQ(::chmod(tools->path().c_str(), 0755), 0);
  ASSERT_EQ(::symlink("/usr/bin/slirp4netns", (tools->path() + "/slirp4netns").c_str()), 0);
  ASSERT_EQ(::symlink("/usr/sbin/ip", (tools->path() + "/ip").c_str()), 0);
  as_user([&] {
    ::setenv("PATH", tools->path().c_str(), 1);
    Claims claim;
    const Fd here;
    SessionRequest wanted = request("bridge");
    wanted.ports = {{"", 8080, 80, Protocol::kTcp}};
    const Box box = start(wanted);
    if (!box.session) return std::string("start");
    claim(reach(box.space, "192.0.2.1", 80).valid(), "outbound");
    claim(accept_from(world) == "192.0.2.2", "from the machine's address");
    claim(!reach(box.space, box.on().gateway, 631, kBlocked), "the host's loopback by our gateway");
    claim(!reach(box.space, "169.254.2.2", 631, kBlocked),
          "the host's loopback by slirp's gateway");
    const Fd server = serve(box.space, "0.0.0.0", 80);
    claim(reach(here, "127.0.0.1", 8080).valid(), "published port");
    create("front");
    const Box web = start("front", "web"), asker = start("front", "asker");
    if (!web.session || !asker.session) return std::string("start on a network");
    claim(ask(asker.space, "web").answers == std::vector<std::string>{web.on().ipv4}, "name");
    claim(reach(asker.space, "192.0.2.1", 80).valid(), "outbound from a network");
    return claim.failed;
  });
}

TEST_F(NetUser, InternalNetworkHasNoUplink) {
  const Fd world = serve(outside_, "0.0.0.0", 80);
  as_user([&] {
    Claims claim;
    NetworkConfig config;
    config.name = "inner";
    config.internal = true;
    create(config);
    const Box a = start("inner", "a"), b = start("inner", "b");
    if (!a.session || !b.session) return std::string("start");
    const Fd server = serve(b.space, "0.0.0.0", 80);
    claim(reach(a.space, b.on().ipv4, 80).valid(), "inside");
    claim(!reach(a.space, "192.0.2.1", 80, kBlocked), "outside");
    NetworkConfig lan;
    lan.name = "lan";
    lan.driver = NetworkDriver::kMacvlan;
    lan.options = {{"parent", "eth0"}};
    const auto refused = networks_->create(lan);
    claim(!refused && refused.error().code() == ErrorCode::kUnsupported, "macvlan needs root");
    return claim.failed;
  });
}

TEST_F(NetUser, KilledMonitorTakesItsUplinkAlong) {
  as_user([&] {
    auto pipe = sys::make_pipe();
    const pid_t pid = ::fork();
    if (pid == 0) {
      const Box box = start("bridge");
      [[maybe_unused]] const ssize_t told = ::write(pipe->write.get(), "x", 1);
      for (;;) ::pause();
    }
    char byte;
    pipe->write.reset();
    if (::read(pipe->read.get(), &byte, 1) != 1) return std::string("start");
    std::string pasta;
    auto tasks = open_file("/proc/" + std::to_string(pid) + "/task", O_RDONLY | O_DIRECTORY);
    const auto names = list_dir(tasks->get(), "tasks");
    for (const std::string& task : *names) {
      pasta += read_file("/proc/" + std::to_string(pid) + "/task/" + task + "/children", 4_KiB)
                   .value_or("");
    }
    pasta = std::string(trim(pasta));
    if (pasta.empty()) return std::string("no child found");
    const auto handle = sys::pidfd_open(static_cast<pid_t>(parse_int(pasta).value_or(-1)));
    if (!handle) return handle.error().text();
    ::kill(pid, SIGKILL);
    int status;
    ::waitpid(pid, &status, 0);
    const auto ended = sys::wait_readable(
        handle->get(), std::chrono::steady_clock::now() + std::chrono::seconds(5));
    if (!ended || !*ended) return std::string("pasta lives on");
    if (!Networks::open(state())) return std::string("open again");
    return networks_->inspect("bridge")->containers.empty() ? std::string() : "endpoint left";
  });
}

}  // namespace
}  // namespace slipway::sandbox::net
