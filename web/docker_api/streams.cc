// Between HTTP connections and descriptors: hijacked streams and pipes.
#include "web/docker_api/streams.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include "base/files.h"
#include "base/sys.h"
#include "runner/relay.h"

namespace slipway::web::docker_api {
namespace {

constexpr const char* kDetachKeys = "ctrl-p,ctrl-q";

/// Passes on only the frames of the streams that are wanted.
class FrameFilter {
 public:
  FrameFilter(bool output, bool error) : output_(output), error_(error) {}
  std::string pass(std::string_view bytes) {
    std::string out;
    while (!bytes.empty()) {
      if (left_ == 0) {
        const std::size_t take = std::min(kHeader - header_.size(), bytes.size());
        header_.append(bytes.substr(0, take));
        bytes.remove_prefix(take);
        if (header_.size() < kHeader) break;
        for (std::size_t i = 4; i < kHeader; ++i)
          left_ = (left_ << 8U) | static_cast<unsigned char>(header_[i]);
        wanted_ = header_[0] == 2 ? error_ : output_;
        if (wanted_) out += header_;
        header_.clear();
        continue;
      }
      const std::size_t take = std::min(left_, bytes.size());
      if (wanted_) out.append(bytes.substr(0, take));
      bytes.remove_prefix(take);
      left_ -= take;
    }
    return out;
  }

 private:
  static constexpr std::size_t kHeader = 8;
  bool output_, error_, wanted_ = false;
  std::string header_;
  std::size_t left_ = 0;
};

/// A socket pair whose far end a thread filters; only for the rare client that wants one of two streams.
class Filtered {
 public:
  static Result<Filtered> open(Fd stream, bool output, bool error) {
    std::array<int, 2> pair{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
      return fail_errno("make socket pair");
    return Filtered(std::move(stream), Fd(pair[0]), Fd(pair[1]), output, error);
  }
  Filtered(Fd stream, Fd near, Fd far, bool output, bool error)
      : near_(std::move(near)),
        thread_([stream = std::move(stream), far = std::move(far), output, error] {
          FrameFilter filter(output, error);
          std::array<char, 32768> piece;
          for (;;) {
            const ssize_t got = ::recv(stream.get(), piece.data(), piece.size(), 0);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return;
            const std::string text = filter.pass({piece.data(), static_cast<std::size_t>(got)});
            if (!write_all(far.get(), text, "stream")) return;
          }
        }) {}
  Filtered(Filtered&&) = default;
  Filtered& operator=(Filtered&&) = delete;
  ~Filtered() {
    near_.reset();
    if (thread_.joinable()) thread_.join();
  }
  int fd() const { return near_.get(); }

 private:
  Fd near_;
  std::thread thread_;
};

Status relay(const Hijacked& client, int stream, const Call& call, const SpliceOptions& options) {
  runner::DetachKeys keys = SLIP_TRY(
      runner::DetachKeys::parse(options.detach_keys.empty() ? kDetachKeys : options.detach_keys));
  runner::RelayOptions wanted;
  wanted.remote = stream;
  wanted.input = options.input ? client.fd : -1;
  wanted.early_input = options.input ? client.early : "";
  wanted.output = options.output || options.error ? client.fd : -1;
  wanted.end_input = [stream] { ::shutdown(stream, SHUT_WR); };
  if (options.tty && options.input) wanted.keys = &keys;
  wanted.stop = call.gone().poll_fd(CancelLevel::kKill);
  (void)runner::run_relay(wanted);
  ::shutdown(client.fd, SHUT_WR);
  return {};
}

}  // namespace

std::string stream_type(const Call& call, bool tty) {
  // Docker API v1.42: clients may tell the formats apart by the type.
  return tty || call.minor() < 42 ? "application/vnd.docker.raw-stream"
                                  : "application/vnd.docker.multiplexed-stream";
}

void append_frame(std::string& to, sandbox::OutputStream stream, std::string_view data) {
  const auto size = static_cast<std::uint32_t>(data.size());
  const std::array<char, 8> header{static_cast<char>(stream),
                                   0,
                                   0,
                                   0,
                                   static_cast<char>(size >> 24U),
                                   static_cast<char>(size >> 16U),
                                   static_cast<char>(size >> 8U),
                                   static_cast<char>(size)};
  to.append(header.data(), header.size());
  to.append(data);
}

Status splice(Call& call, sandbox::Attachment attachment, const SpliceOptions& options) {
  if (!options.input) ::shutdown(attachment.stream.get(), SHUT_WR);
  const bool filter = !options.tty && options.output != options.error;
  const Hijacked client = SLIP_TRY(call.exchange().hijack(stream_type(call, options.tty)));
  if (!options.before.empty()) SLIP_TRY(write_all(client.fd, options.before, "stream"));
  if (!filter) return relay(client, attachment.stream.get(), call, options);
  const Filtered filtered =
      SLIP_TRY(Filtered::open(std::move(attachment.stream), options.output, options.error));
  return relay(client, filtered.fd(), call, options);
}

Status stream_from_pipe(Call& call, std::string_view type, const Headers& headers,
                        const std::function<Status(int write_fd)>& write) {
  sys::Pipe pipe = SLIP_TRY(sys::make_pipe());
  Status done;
  std::thread writer([&] {
    done = write(pipe.write.get());
    pipe.write.reset();
  });
  std::string piece(std::size_t{64} << 10, '\0');
  Status sent;
  bool begun = false;
  for (;;) {
    const ssize_t got = ::read(pipe.read.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    if (!std::exchange(begun, true)) sent = call.exchange().begin(200, type, headers);
    if (sent) sent = call.exchange().write({piece.data(), static_cast<std::size_t>(got)});
    if (!sent) break;
  }
  pipe.read.reset();  // a writer that goes on gets EPIPE
  writer.join();
  if (!begun && done) sent = call.exchange().begin(200, type, headers);
  if (!begun || !done) return done;
  return sent;
}

Status body_to_pipe(Call& call, const std::function<Status(int read_fd)>& read) {
  sys::Pipe pipe = SLIP_TRY(sys::make_pipe());
  Status done;
  std::thread reader([&] {
    done = read(pipe.read.get());
    pipe.read.reset();
  });
  std::string piece(std::size_t{64} << 10, '\0');
  Status received;
  for (;;) {
    const auto got = call.exchange().read_body(piece.data(), piece.size());
    if (!got) received = fail(got.error().clone());
    if (!got || *got == 0) break;
    // A reader that had enough closes its end; the rest of the body is of no use.
    if (!write_all(pipe.write.get(), std::string_view(piece).substr(0, *got), "pipe")) break;
  }
  // An archive that was cut by a lost client must not look complete: the reader sees a tar without its end.
  pipe.write.reset();
  reader.join();
  SLIP_TRY(std::move(received));
  return done;
}

}  // namespace slipway::web::docker_api
