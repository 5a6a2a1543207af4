// From a command's pipes to the observer.
#include "runner/build/run_output.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/sys.h"
#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kReadSize = std::size_t{64} << 10;  // A pipe's default capacity (pipe(7)).

}  // namespace

struct RunOutput::Lane {
  int stream = 1;
  int fd = -1;
  MaskingStream masking;
  LineSplitter splitter;
  std::string masked;
  bool open = true;
};

Status RunOutput::open() {
  sys::Pipe out = SLIP_TRY(sys::make_pipe());
  sys::Pipe err = SLIP_TRY(sys::make_pipe());
  out_read_ = std::move(out.read);
  out_write_ = std::move(out.write);
  err_read_ = std::move(err.read);
  err_write_ = std::move(err.write);
  return {};
}

void RunOutput::start() {
  out_write_.reset();
  err_write_.reset();
  reader_ = std::thread([this] { read_all(); });
}

void RunOutput::finish() {
  if (reader_.joinable()) reader_.join();
}

void RunOutput::read_all() {
  std::array<Lane, 2> lanes{Lane{1, out_read_.get(), MaskingStream(mask_), {}, {}, true},
                            Lane{2, err_read_.get(), MaskingStream(mask_), {}, {}, true}};
  std::string buffer(kReadSize, '\0');
  while (lanes[0].open || lanes[1].open) {
    std::array<pollfd, 2> polls{};
    for (std::size_t i = 0; i < 2; ++i) polls[i] = {lanes[i].open ? lanes[i].fd : -1, POLLIN, 0};
    if (::poll(polls.data(), polls.size(), -1) < 0) continue;  // Only EINTR is possible here.
    for (std::size_t i = 0; i < 2; ++i) {
      if (polls[i].revents == 0) continue;
      const ssize_t got = ::read(lanes[i].fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got > 0) {
        deliver(lanes[i], std::string_view(buffer.data(), static_cast<std::size_t>(got)));
        continue;
      }
      lanes[i].open = false;
      lanes[i].masking.finish(lanes[i].masked);
      emit(lanes[i]);
    }
  }
}

void RunOutput::deliver(Lane& lane, std::string_view bytes) {
  const bool was_full = bytes_ > kMaxBytes;
  bytes_ += bytes.size();
  if (bytes_ > kMaxBytes) {
    if (!was_full) {
      vertices_.note("output limit of " + format_size(ByteCount{kMaxBytes}) +
                     " reached; further output of this step is not shown");
    }
    return;
  }
  lane.masking.write(bytes, lane.masked);
  emit(lane);
}

void RunOutput::emit(Lane& lane) {
  if (!lane.masked.empty()) vertices_.output(vertex_, lane.stream, lane.masked);
  std::vector<std::string> lines;
  lane.splitter.write(lane.masked, lines);
  if (!lane.open) lane.splitter.finish(lines);
  lane.masked.clear();
  for (std::string& line : lines) {
    if (line.size() > kMaxLine) line.resize(kMaxLine);
    last_.push_back(std::move(line));
    if (last_.size() > kLastLines) last_.pop_front();
  }
}

}  // namespace slipway::runner
