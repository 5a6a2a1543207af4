#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <cerrno>
#include <chrono>

#include "base/cancel.h"

namespace slipway::web {

/// A non-blocking socket as Beast's SyncReadStream and SyncWriteStream: waits with a limit, and ends when cancelled.
class SocketStream {
 public:
  SocketStream(int fd, const CancelToken& cancel, std::chrono::milliseconds patience)
      : fd_(fd), cancel_(cancel), patience_(patience) {}

  template <typename Buffers>
  std::size_t read_some(const Buffers& buffers, boost::system::error_code& error) {
    const boost::asio::mutable_buffer first = *boost::asio::buffer_sequence_begin(buffers);
    for (;;) {
      const ssize_t got = ::recv(fd_, first.data(), first.size(), MSG_DONTWAIT);
      if (got > 0) return done(error, got);
      if (got == 0) return failed(error, boost::asio::error::eof);
      if (errno != EAGAIN && errno != EINTR) return failed_errno(error);
      if (!wait(POLLIN, error)) return 0;
    }
  }
  template <typename Buffers>
  std::size_t write_some(const Buffers& buffers, boost::system::error_code& error) {
    std::array<iovec, 8> pieces{};
    std::size_t count = 0;
    for (auto at = boost::asio::buffer_sequence_begin(buffers);
         at != boost::asio::buffer_sequence_end(buffers) && count < pieces.size(); ++at) {
      const boost::asio::const_buffer piece = *at;
      if (piece.size() > 0) pieces[count++] = {const_cast<void*>(piece.data()), piece.size()};
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    for (;;) {
      const ssize_t sent = ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent >= 0) return done(error, sent);
      if (errno != EAGAIN && errno != EINTR) return failed_errno(error);
      if (!wait(POLLOUT, error)) return 0;
    }
  }
  template <typename Buffers>
  std::size_t read_some(const Buffers& buffers) {
    boost::system::error_code error;
    const std::size_t got = read_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return got;
  }
  template <typename Buffers>
  std::size_t write_some(const Buffers& buffers) {
    boost::system::error_code error;
    const std::size_t sent = write_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return sent;
  }

 private:
  static std::size_t done(boost::system::error_code& error, ssize_t count) {
    error.clear();
    return static_cast<std::size_t>(count);
  }
  template <typename Code>
  static std::size_t failed(boost::system::error_code& error, Code code) {
    error = code;
    return 0;
  }
  static std::size_t failed_errno(boost::system::error_code& error) {
    error.assign(errno, boost::system::system_category());
    return 0;
  }
  bool wait(short events, boost::system::error_code& error) {
    std::array<pollfd, 2> polls{pollfd{fd_, events, 0},
                                pollfd{cancel_.poll_fd(CancelLevel::kKill), POLLIN, 0}};
    const int ready = ::poll(polls.data(), polls.size(), static_cast<int>(patience_.count()));
    if (ready < 0 && errno == EINTR) return true;
    if (ready < 0) return failed_errno(error) != 0;
    if (ready == 0) return failed(error, boost::asio::error::timed_out) != 0;
    // What is there already is still taken: a client may say all and leave.
    if (polls[0].revents != 0) return true;
    return failed(error, boost::asio::error::operation_aborted) != 0;
  }

  int fd_;
  const CancelToken& cancel_;
  std::chrono::milliseconds patience_;
};

}  // namespace slipway::web
