// Output to log and clients, input from clients, and who waits for whom.
#include "sandbox/containers/streams.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/sys.h"
#include "sandbox/containers/io_buffer.h"

namespace slipway::sandbox {
namespace {

// A flood is moved in pieces of this size, so it is also what a container may be ahead of its log.
constexpr int kPipeSize = 256 << 10;
constexpr std::size_t kMostPendingInput = std::size_t{64} << 10;
constexpr std::size_t kMostPendingOutput = std::size_t{64} << 10;
constexpr std::size_t kMostClients = 64;
constexpr int kMostPieces = 64;  // Of at least 4 KiB each: a full pipe.

void make_nonblocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

// Spec: Docker API, "Attach to a container", Stream format.
std::array<char, 8> frame_head(OutputStream stream, std::size_t size) {
  const auto length = static_cast<std::uint32_t>(size);
  return {static_cast<char>(stream),
          0,
          0,
          0,
          static_cast<char>(length >> 24),
          static_cast<char>(length >> 16),
          static_cast<char>(length >> 8),
          static_cast<char>(length)};
}

}  // namespace

Streams::~Streams() {
  for (Output& output : outputs_) close_output(output);
  close_input();
  for (auto& [fd, client] : clients_) loop_.forget(fd);
}

Status Streams::attach(Fd client) {
  if (clients_.size() >= kMostClients)
    return fail(ErrorCode::kExhausted,
                "attach: " + std::to_string(kMostClients) + " clients already");
  const int fd = client.get();
  make_nonblocking(fd);
  SLIP_TRY(loop_.watch(fd, 0, [this, fd](std::uint32_t events) { on_client(fd, events); }));
  clients_[fd].socket = std::move(client);
  update();
  return {};
}

Result<Streams::Ends> Streams::open_pipes() {
  Ends ends;
  sys::Pipe output = SLIP_TRY(sys::make_pipe());
  sys::Pipe error = SLIP_TRY(sys::make_pipe());
  // An ordinary user may have used up what all pipes together may hold; the default does then.
  (void)::fcntl(output.read.get(), F_SETPIPE_SZ, kPipeSize);
  pipes_[1] = std::move(output.read);
  pipes_[2] = std::move(error.read);
  ends.output = std::move(output.write);
  ends.error = std::move(error.write);
  if (options_.input != Stdin::kNone) {
    sys::Pipe input = SLIP_TRY(sys::make_pipe());
    ends.input = std::move(input.read);
    pipes_[0] = std::move(input.write);
  }
  return ends;
}

Status Streams::begin(LogWriter* log, int terminal) {
  log_ = log;
  terminal_ = terminal;
  begun_ = true;
  input_pending_.clear();
  input_over_ = false;
  const bool tty = terminal >= 0;
  outputs_[0] = {tty ? terminal : pipes_[1].get(), true, OutputStream::kStdout};
  outputs_[1] = {tty ? -1 : pipes_[2].get(), !tty, OutputStream::kStderr};
  if (options_.input != Stdin::kNone) input_ = tty ? terminal : pipes_[0].get();
  for (Output& output : outputs_) {
    if (!output.open) continue;
    make_nonblocking(output.fd);
    SLIP_TRY(loop_.watch(output.fd, EPOLLIN, [this, &output, tty](std::uint32_t events) {
      if (tty && (events & EPOLLOUT) != 0) write_input();
      if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) on_output(output);
    }));
  }
  if (input_ >= 0 && !tty) {
    make_nonblocking(input_);
    SLIP_TRY(loop_.watch(input_, 0, [this](std::uint32_t events) {
      if ((events & EPOLLERR) != 0) return close_input();  // Nobody will read it.
      write_input();
    }));
    input_watched_ = true;
  }
  update();
  return {};
}

void Streams::on_output(Output& output) {
  if (output.open) (void)read_output(output);
  update();
}

bool Streams::read_output(Output& output) {
  const std::span<char> buffer = io_buffer();
  const ssize_t size = ::read(output.fd, buffer.data(), buffer.size());
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return errno == EINTR;
  if (size <= 0) {  // EIO: nobody has the terminal open any more.
    close_output(output);
    if (output_ended() && output_end_) output_end_();
    return false;
  }
  used_io_buffer(static_cast<std::size_t>(size));
  give(output.stream, {buffer.data(), static_cast<std::size_t>(size)});
  return true;
}

void Streams::give(OutputStream stream, std::string_view data) {
  if (log_ != nullptr) log_->append(stream, data, std::chrono::system_clock::now());
  const auto head = frame_head(stream, data.size());
  const std::string_view prefix =
      options_.tty ? std::string_view() : std::string_view(head.data(), head.size());
  for (auto& [fd, client] : clients_) {
    if (!client.closing) give_to(client, prefix, data);
  }
}

void Streams::give_to(Client& client, std::string_view head, std::string_view data) {
  std::size_t sent = 0;
  if (client.pending.empty()) {
    struct iovec parts[] = {{const_cast<char*>(head.data()), head.size()},
                            {const_cast<char*>(data.data()), data.size()}};
    struct msghdr message {};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const ssize_t size = ::sendmsg(client.socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size > 0) sent = static_cast<std::size_t>(size);
    if (size < 0 && errno != EAGAIN && errno != EINTR) return;  // Gone; its hang-up is on the way.
  }
  if (sent < head.size()) client.pending += head.substr(sent);
  client.pending += data.substr(sent > head.size() ? sent - head.size() : 0);
}

void Streams::close_output(Output& output) {
  if (!output.open) return;
  output.open = false;
  loop_.forget(output.fd);
  if (output.fd == terminal_) {
    if (input_ == terminal_) input_ = -1;
    terminal_ = -1;
  } else {
    pipes_.at(static_cast<std::size_t>(output.stream)).reset();
  }
  output.fd = -1;
}

void Streams::close_input() {
  if (input_watched_) loop_.forget(input_);
  input_watched_ = false;
  input_ = -1;
  pipes_[0].reset();
  input_pending_.clear();
}

void Streams::read_rest() {
  // At most what a pipe holds: one that is filled as fast as it is read is not read for ever.
  for (Output& output : outputs_) {
    for (int pieces = 0; pieces < kMostPieces && output.open && read_output(output);) ++pieces;
  }
}

void Streams::end() {
  read_rest();
  for (Output& output : outputs_) close_output(output);
  close_input();
  begun_ = false;
  log_ = nullptr;
  std::vector<int> done;
  for (auto& [fd, client] : clients_) {
    client.closing = true;
    if (client.pending.empty()) done.push_back(fd);
  }
  for (const int fd : done) drop(fd);
  update();
}

void Streams::on_client(int fd, std::uint32_t events) {
  const auto found = clients_.find(fd);
  if (found == clients_.end()) return;
  Client& client = found->second;
  if ((events & EPOLLOUT) != 0) flush(client);
  if ((events & EPOLLIN) != 0 && client.reading && begun_) read_client(client);
  // Its end is closed for both directions: nobody is there. What it had sent before was read above or is not wanted.
  const bool gone = (events & (EPOLLHUP | EPOLLERR)) != 0 &&
                    (!client.reading || !begun_ || (events & EPOLLIN) == 0);
  if (gone || (client.closing && client.pending.empty())) drop(fd);
  update();
}

void Streams::flush(Client& client) {
  while (!client.pending.empty()) {
    const ssize_t size = ::send(client.socket.get(), client.pending.data(), client.pending.size(),
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != EAGAIN) client.pending.clear();
    if (size < 0) return;
    client.pending.erase(0, static_cast<std::size_t>(size));
  }
  client.pending.shrink_to_fit();
}

void Streams::read_client(Client& client) {
  std::array<char, 16384> buffer{};
  const ssize_t size = ::read(client.socket.get(), buffer.data(), buffer.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return end_input(client);
  if (input_ < 0) return;
  input_pending_.append(buffer.data(), static_cast<std::size_t>(size));
  write_input();
}

void Streams::end_input(Client& client) {
  client.reading = false;
  if (options_.input != Stdin::kOnce || options_.tty || input_ < 0) return;
  input_over_ = true;
  if (input_pending_.empty()) close_input();
}

void Streams::drop(int fd) {
  const auto found = clients_.find(fd);
  if (found == clients_.end()) return;
  if (found->second.reading && begun_) end_input(found->second);
  loop_.forget(fd);
  clients_.erase(found);
  if (client_gone_) client_gone_();
}

void Streams::write_input() {
  while (!input_pending_.empty() && input_ >= 0) {
    const ssize_t size = ::write(input_, input_pending_.data(), input_pending_.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != EAGAIN) return close_input();
    if (size < 0) break;
    input_pending_.erase(0, static_cast<std::size_t>(size));
  }
  // The client's end was seen while something was still on its way.
  if (input_pending_.empty() && input_over_) close_input();
  update();
}

void Streams::update() {
  const bool crowded = std::any_of(clients_.begin(), clients_.end(), [](const auto& one) {
    return one.second.pending.size() > kMostPendingOutput;
  });
  const bool input_waits = !input_pending_.empty() && input_ >= 0;
  for (const Output& output : outputs_) {
    if (!output.open) continue;
    std::uint32_t events = crowded ? 0U : std::uint32_t{EPOLLIN};
    if (output.fd == input_ && input_waits) events |= EPOLLOUT;
    loop_.change(output.fd, events);
  }
  if (input_watched_) loop_.change(input_, input_waits ? std::uint32_t{EPOLLOUT} : 0U);
  const bool may_read = begun_ && input_pending_.size() < kMostPendingInput;
  for (const auto& [fd, client] : clients_) {
    std::uint32_t events = client.pending.empty() ? 0U : std::uint32_t{EPOLLOUT};
    if (client.reading && may_read) events |= EPOLLIN;
    loop_.change(fd, events);
  }
}

}  // namespace slipway::sandbox
