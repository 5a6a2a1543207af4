// Connections to an ssh agent, carried through: one thread that accepts, one for each connection.
#include "runner/build/ssh_forward.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <list>
#include <thread>

#include "base/cancel.h"
#include "base/files.h"
#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kMaxConnections = 64;  // ssh and git use a few at a time.

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorCode::kInvalid, "use socket " + printable(path) + ": the path is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<Fd> make_socket() {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno("make socket");
  return fd;
}

Result<Fd> connect_to(const std::string& path) {
  const sockaddr_un address = SLIP_TRY(address_of(path));
  Fd fd = SLIP_TRY(make_socket());
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("connect to ssh agent " + path);
  return fd;
}

/// False: this side has ended.
bool carry(int from, int to) {
  std::array<char, 16'384> buffer{};
  const ssize_t size = ::recv(from, buffer.data(), buffer.size(), 0);
  if (size <= 0) return size < 0 && errno == EINTR;
  std::size_t done = 0;
  while (done < static_cast<std::size_t>(size)) {
    const ssize_t sent =
        ::send(to, buffer.data() + done, static_cast<std::size_t>(size) - done, MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) return false;
    if (sent > 0) done += static_cast<std::size_t>(sent);
  }
  return true;
}

}  // namespace

struct SshForward::State {
  Fd directory;
  Fd listener;
  std::string agent;
  CancelToken stop;
  std::thread acceptor;
  std::list<std::thread> carriers;  ///< The acceptor's.

  ~State() {
    stop.cancel(CancelLevel::kKill);
    if (acceptor.joinable()) acceptor.join();
    if (directory) (void)::unlinkat(directory.get(), "agent", 0);
  }

  void carry_all(Fd client) const {
    const Result<Fd> upstream = connect_to(agent);
    if (!upstream) return;  // The client sees the end of its connection.
    const int fds[2] = {client.get(), upstream->get()};
    for (;;) {
      pollfd polls[3] = {{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}, {stop.poll_fd(), POLLIN, 0}};
      if (::poll(polls, 3, -1) < 0) continue;
      if (polls[2].revents != 0) return;
      for (int i = 0; i < 2; ++i) {
        if (polls[i].revents != 0 && !carry(fds[i], fds[1 - i])) return;
      }
    }
  }

  void accept_all() {
    for (;;) {
      pollfd polls[2] = {{listener.get(), POLLIN, 0}, {stop.poll_fd(), POLLIN, 0}};
      if (::poll(polls, 2, -1) < 0) continue;
      if (polls[1].revents != 0) break;
      Fd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client || carriers.size() >= kMaxConnections) continue;
      carriers.emplace_back([this, socket = std::make_shared<Fd>(std::move(client))] {
        carry_all(std::move(*socket));
      });
    }
    for (std::thread& carrier : carriers) carrier.join();
  }
};

SshForward::SshForward(std::unique_ptr<State> state) : state_(std::move(state)) {}
SshForward::SshForward(SshForward&&) noexcept = default;
SshForward& SshForward::operator=(SshForward&&) noexcept = default;
SshForward::~SshForward() = default;

Result<SshForward> SshForward::open(const std::string& directory, const std::string& agent,
                                    const Owner& owner) {
  SLIP_TRY(connect_to(agent));  // An agent that is not there is said now.
  auto state = std::make_unique<State>();
  state->agent = agent;
  state->directory = SLIP_TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
  // Through the descriptor: a socket's path has at most 107 bytes, a state directory may be deeper.
  const std::string path = "/proc/self/fd/" + std::to_string(state->directory.get()) + "/agent";
  const sockaddr_un address = SLIP_TRY(address_of(path));
  state->listener = SLIP_TRY(make_socket());
  const int listener = state->listener.get();
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("make socket " + directory + "/agent");
  if (::chown(path.c_str(), owner.uid, owner.gid) != 0) return fail_errno("chown " + path);
  if (::chmod(path.c_str(), owner.mode & 0777) != 0) return fail_errno("chmod " + path);
  if (::listen(listener, 16) != 0) return fail_errno("listen at " + directory + "/agent");
  State* raw = state.get();
  state->acceptor = std::thread([raw] { raw->accept_all(); });
  return SshForward(std::move(state));
}

}  // namespace slipway::runner
