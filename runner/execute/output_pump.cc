// From a step's pipes to log events.
#include "runner/execute/output_pump.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/sys.h"
#include "base/units.h"
#include "runner/logs/markers.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kReadSize = std::size_t{64}
                                  << 10;  // the default capacity of a pipe (pipe(7))

}  // namespace

struct OutputPump::Lane {
  std::string name;
  MaskingStream masking;
  LineSplitter splitter;
  std::string masked;
  std::vector<std::string> lines;
  bool open = true;
};

OutputPump::OutputPump(EventStream& events, const SecretSet& mask, Source source)
    : events_(events), mask_(mask), source_(std::move(source)) {}

OutputPump::~OutputPump() { finish(); }

Status OutputPump::open() {
  sys::Pipe out = SLIP_TRY(sys::make_pipe());
  sys::Pipe err = SLIP_TRY(sys::make_pipe());
  out_read_ = std::move(out.read);
  out_write_ = std::move(out.write);
  err_read_ = std::move(err.read);
  err_write_ = std::move(err.write);
  return {};
}

void OutputPump::start() {
  out_write_.reset();
  err_write_.reset();
  reader_ = std::thread([this] { read_all(); });
}

void OutputPump::finish() {
  if (reader_.joinable()) reader_.join();
}

void OutputPump::read_all() {
  std::array<Lane, 2> lanes{Lane{"stdout", MaskingStream(mask_), {}, {}, {}, true},
                            Lane{"stderr", MaskingStream(mask_), {}, {}, {}, true}};
  const std::array<int, 2> fds{out_read_.get(), err_read_.get()};
  std::string buffer(kReadSize, '\0');
  while (lanes[0].open || lanes[1].open) {
    std::array<pollfd, 2> polls{};
    for (std::size_t i = 0; i < 2; ++i) {
      polls[i] = {lanes[i].open ? fds[i] : -1, POLLIN, 0};
    }
    if (::poll(polls.data(), polls.size(), -1) < 0) continue;  // only EINTR is possible here
    for (std::size_t i = 0; i < 2; ++i) {
      if (polls[i].revents == 0) continue;
      const ssize_t got = ::read(fds[i], buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got > 0) {
        deliver(lanes[i], std::string_view(buffer.data(), static_cast<std::size_t>(got)));
        continue;
      }
      lanes[i].open = false;
      lanes[i].masking.finish(lanes[i].masked);
      lanes[i].splitter.write(lanes[i].masked, lanes[i].lines);
      lanes[i].splitter.finish(lanes[i].lines);
      emit_lines(lanes[i]);
    }
  }
}

void OutputPump::deliver(Lane& lane, std::string_view bytes) {
  const bool was_full = bytes_ > kMaxLogBytes;
  bytes_ += bytes.size();
  if (bytes_ > kMaxLogBytes) {
    if (!was_full) {
      emit("slipway", "log limit of " + format_size(ByteCount{kMaxLogBytes}) +
                          " reached; further output of this step is not kept");
    }
    return;
  }
  lane.masked.clear();
  lane.masking.write(bytes, lane.masked);
  lane.splitter.write(lane.masked, lane.lines);
  lane.masked.clear();
  emit_lines(lane);
}

void OutputPump::emit_lines(Lane& lane) {
  for (std::string& line : lane.lines) emit(lane.name, std::move(line));
  lane.lines.clear();
}

void OutputPump::emit(const std::string& stream, std::string line) {
  if (listener_) listener_(stream, line);
  Event event;
  event.kind = Event::Kind::kLog;
  event.job = source_.job;
  event.step = source_.step;
  event.name = source_.service;
  event.stream = source_.service.empty() ? stream : "service";
  event.line = std::move(line);
  if (source_.service.empty()) mark(event);
  events_.emit(std::move(event));
}

/// Groups and annotations become what they mean; the rest stays as it is.
void OutputPump::mark(Event& event) {
  std::optional<LogMarker> marker = parse_marker(event.line);
  if (!marker) return;
  switch (marker->kind) {
    case LogMarker::Kind::kGroup:
      event.stream = "group";
      break;
    case LogMarker::Kind::kEndGroup:
      event.stream = "endgroup";
      break;
    case LogMarker::Kind::kAnnotation:
      event.stream = "annotation";
      event.details =
          Json::object({{"level", marker->level}, {"file", marker->file}, {"line", marker->line}});
      break;
  }
  event.line = std::move(marker->text);
}

}  // namespace slipway::runner
