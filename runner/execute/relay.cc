// The one loop that joins a person or a pipe to a container's streams.
#include "runner/relay.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>

#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kPendingInput = std::size_t{64} << 10;  // typed ahead while it does not read
constexpr std::size_t kReadSize = std::size_t{64} << 10;
// A pipe that poll(2) calls writable takes this much without blocking. Spec: pipe(7), PIPE_BUF.
constexpr std::size_t kWriteSize = 4096;
constexpr std::size_t kFrameHeader = 8;

/// Cuts a byte stream into docker's frames. Docker API: "Attach to a container", Stream format.
class FrameReader {
 public:
  /// Calls `sink(stream, bytes)` for every piece of content.
  template <typename Sink>
  void feed(std::string_view bytes, const Sink& sink) {
    while (!bytes.empty()) {
      if (left_ == 0) {
        const std::size_t take = std::min(kFrameHeader - header_.size(), bytes.size());
        header_.append(bytes.substr(0, take));
        bytes.remove_prefix(take);
        if (header_.size() == kFrameHeader) begin_frame();
        continue;
      }
      const std::size_t take = std::min<std::size_t>(left_, bytes.size());
      sink(stream_, bytes.substr(0, take));
      bytes.remove_prefix(take);
      left_ -= take;
    }
  }

 private:
  void begin_frame() {
    stream_ = static_cast<unsigned char>(header_[0]);
    for (std::size_t i = 4; i < kFrameHeader; ++i)
      left_ = (left_ << 8U) | static_cast<unsigned char>(header_[i]);
    header_.clear();
  }
  std::string header_;
  int stream_ = 0;
  std::size_t left_ = 0;
};

class RelayLoop {
 public:
  explicit RelayLoop(const RelayOptions& options)
      : options_(options), input_(options.input), output_(options.output), error_(options.error) {}

  RelayEnd run() {
    ::fcntl(options_.remote, F_SETFL, ::fcntl(options_.remote, F_GETFL) | O_NONBLOCK);
    if (!options_.early_input.empty() && !take_input(options_.early_input))
      return RelayEnd::kDetached;
    for (;;) {
      if (remote_ended_ && waiting_.empty()) return RelayEnd::kRemoteEnded;
      if (options_.deadline && real_clock().mono() >= *options_.deadline)
        return RelayEnd::kDeadline;
      std::array<pollfd, 5> polls = wanted();
      const int ready = ::poll(polls.data(), polls.size(), timeout());
      if (ready == 0 && stopping_) return RelayEnd::kStopped;
      if (ready <= 0) continue;
      if (polls[kWake].revents != 0) options_.on_wake();
      if (polls[kStop].revents != 0) stopping_ = true;
      if (polls[kOutput].revents != 0) write_waiting();
      if ((polls[kRemote].revents & POLLOUT) != 0) write_input();
      if ((polls[kRemote].revents & ~POLLOUT) != 0 && waiting_.empty()) read_remote();
      if (polls[kInput].revents != 0 && !read_input()) return RelayEnd::kDetached;
    }
  }

 private:
  enum Slot : std::size_t { kRemote, kInput, kOutput, kWake, kStop };
  struct Piece {
    int fd;
    std::string bytes;
    std::size_t done = 0;
  };

  std::array<pollfd, 5> wanted() const {
    // POLLHUP comes unasked for: a descriptor that is not wanted is left out.
    short remote = 0;
    if (!remote_ended_ && waiting_.empty()) remote |= POLLIN;
    if (!remote_ended_ && !typed_.empty()) remote |= POLLOUT;
    const bool may_type =
        input_ >= 0 && !stopping_ && !remote_ended_ && typed_.size() < kPendingInput;
    return {pollfd{remote != 0 ? options_.remote : -1, remote, 0},
            pollfd{may_type ? input_ : -1, POLLIN, 0},
            pollfd{waiting_.empty() ? -1 : waiting_.front().fd, POLLOUT, 0},
            pollfd{options_.wake, POLLIN, 0}, pollfd{stopping_ ? -1 : options_.stop, POLLIN, 0}};
  }

  int timeout() const {
    if (stopping_ && waiting_.empty()) return 0;
    if (!options_.deadline) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*options_.deadline - real_clock().mono())
            .count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
  }

  void read_remote() {
    std::array<char, kReadSize> buffer;  // NOLINT: filled by read
    const ssize_t got = ::read(options_.remote, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) {  // EIO: a pty whose other end is closed
      remote_ended_ = true;
      return;
    }
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    if (!options_.framed) return add_output(output_, bytes);
    frames_.feed(bytes, [this](int stream, std::string_view part) {
      add_output(stream == 2 ? error_ : output_, part);
    });
  }

  void add_output(int fd, std::string_view bytes) {
    if (fd >= 0) waiting_.push_back({fd, std::string(bytes), 0});
    if (!waiting_.empty()) write_waiting();
  }

  /// As much as goes without blocking.
  void write_waiting() {
    while (!waiting_.empty()) {
      Piece& piece = waiting_.front();
      pollfd poll_out{piece.fd, POLLOUT, 0};
      if (::poll(&poll_out, 1, 0) <= 0) return;
      const std::size_t left = piece.bytes.size() - piece.done;
      const ssize_t wrote =
          ::write(piece.fd, piece.bytes.data() + piece.done, std::min(left, kWriteSize));
      if (wrote < 0 && (errno == EINTR || errno == EAGAIN)) return;
      if (wrote < 0) return break_output(piece.fd);
      piece.done += static_cast<std::size_t>(wrote);
      if (piece.done == piece.bytes.size()) waiting_.pop_front();
    }
  }

  void break_output(int fd) {
    std::erase_if(waiting_, [fd](const Piece& piece) { return piece.fd == fd; });
    if (output_ == fd) output_ = -1;
    if (error_ == fd) error_ = -1;
    if (options_.on_broken_output) options_.on_broken_output();
  }

  /// False when the person detached.
  bool read_input() {
    std::array<char, 4096> buffer;  // NOLINT: filled by read
    const ssize_t got = ::read(input_, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (got <= 0) {
      input_ = -1;
      input_ended_ = true;
    } else {
      return take_input({buffer.data(), static_cast<std::size_t>(got)});
    }
    write_input();
    return true;
  }

  bool take_input(std::string_view bytes) {
    if (options_.keys == nullptr) {
      typed_.append(bytes);
    } else {
      const std::optional<std::string> passed = options_.keys->pass(bytes);
      if (!passed) return false;
      typed_ += *passed;
    }
    write_input();
    return true;
  }

  void write_input() {
    if (!typed_.empty()) {
      const ssize_t done = ::write(options_.remote, typed_.data(), typed_.size());
      if (done > 0) typed_.erase(0, static_cast<std::size_t>(done));
      if (done < 0 && errno != EAGAIN && errno != EINTR) {  // it reads no more
        typed_.clear();
        input_ = -1;
      }
    }
    if (input_ended_ && typed_.empty()) {
      input_ended_ = false;
      if (options_.end_input) options_.end_input();
    }
  }

  const RelayOptions& options_;
  int input_, output_, error_;
  FrameReader frames_;
  std::deque<Piece> waiting_;  ///< For output and error, in order.
  std::string typed_;          ///< For the container.
  bool remote_ended_ = false;
  bool input_ended_ = false;
  bool stopping_ = false;
};

}  // namespace

// Docker CLI reference: "docker attach --detach-keys".
Result<DetachKeys> DetachKeys::parse(std::string_view text) {
  DetachKeys keys;
  if (text.empty()) return keys;
  for (const std::string_view key : split(text, ',')) {
    if (key.size() == 1) {
      keys.keys_ += key[0];
      continue;
    }
    const std::string letter = to_lower(key.starts_with("ctrl-") ? key.substr(5) : "");
    constexpr std::string_view kSigns = "@abcdefghijklmnopqrstuvwxyz[\\]^_";
    const std::size_t code = letter.size() == 1 ? kSigns.find(letter[0]) : std::string_view::npos;
    if (code == std::string_view::npos)
      return fail(ErrorCode::kInvalid, "detach keys \"" + printable(text) + "\": \"" +
                                           printable(key) + "\" is neither a letter nor ctrl-X");
    keys.keys_ += static_cast<char>(code);
  }
  return keys;
}

std::optional<std::string> DetachKeys::pass(std::string_view typed) {
  if (keys_.empty()) return std::string(typed);
  std::string out;
  for (const char c : typed) {
    if (c == keys_[matched_]) {
      if (++matched_ == keys_.size()) return std::nullopt;
      continue;
    }
    // What was held back was no beginning; this byte may be one.
    out.append(keys_, 0, matched_);
    matched_ = c == keys_[0] ? 1 : 0;
    if (matched_ == 0) out += c;
    if (matched_ == keys_.size()) return std::nullopt;
  }
  return out;
}

RelayEnd run_relay(const RelayOptions& options) { return RelayLoop(options).run(); }

}  // namespace slipway::runner
