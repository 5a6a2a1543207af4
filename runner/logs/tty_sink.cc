// The sink for a person at a terminal: what becomes a permanent line, and the thread that draws.
#include "runner/logs/tty_sink.h"

#include <poll.h>

#include <deque>
#include <optional>
#include <thread>

#include "base/cancel.h"
#include "base/guarded.h"
#include "base/text.h"
#include "runner/logs/live_area.h"
#include "runner/logs/screen.h"
#include "runner/logs/summary.h"

namespace slipway::runner {
namespace {

constexpr int kFrameMilliseconds = 100;  // ten a second: smooth enough, and cheap over ssh
// Above this, lines are written at once instead of at the next frame: the terminal sets the pace,
// not our memory.
constexpr std::size_t kMaxPending = std::size_t{256} << 10;
// While paused nobody reads: the newest megabyte is kept.
constexpr std::size_t kMaxPaused = std::size_t{1} << 20;
// Shown at once when a job fails among others; the summary at the end has the whole tail.
constexpr std::size_t kEarlyTail = 5;
constexpr std::size_t kMostFolded = 1'000;  // lines of a group that come to light when it fails

class TtySink : public EventSink {
 public:
  TtySink(const ProgressOptions& options, const Style& style, const Clock& clock)
      : repeat_(options.repeat_command), style_(style), clock_(clock), state_(State(options.fd)) {
    ticker_ = std::thread([this] { tick_until_stopped(); });
  }
  ~TtySink() override { close(); }

  void on_event(const Event& event) override {
    state_.with([&](State& state) {
      if (state.closed) return;
      state.view.apply(event, clock_.mono());
      state.summary.on_event(event);
      add_permanent(state, event);
      if (state.paused) {
        drop_oldest(state.pending);
      } else if (state.pending.size() > kMaxPending) {
        // Without the live area, which comes back with the next frame: floods do not make more
        // frames.
        state.draw({});
      }
    });
  }

  void pause() override {
    state_.with([](State& state) {
      if (!state.closed) state.leave();
      state.paused = true;
    });
  }
  void resume() override {
    state_.with([](State& state) { state.paused = false; });
  }

  void close() override {
    stop_.cancel(CancelLevel::kTerminate);
    if (ticker_.joinable()) ticker_.join();
    state_.with([this](State& state) {
      if (state.closed) return;
      state.closed = true;
      const std::string total = state.summary.total(style_);
      state.screen.leave(state.pending + state.summary.reports(style_) +
                         state.summary.failures(style_, repeat_) +
                         (state.summary.failed() ? "\n" : "") + total);
    });
  }

 private:
  struct State {
    explicit State(int fd) : screen(fd) {}
    RunView view;
    RunSummary summary;
    Screen screen;
    std::string pending;  ///< Permanent lines for the next frame.
    std::size_t frame = 0;
    bool paused = false;
    bool closed = false;
    std::optional<std::string> group;  ///< Title of the open one.
    std::size_t group_lines = 0;
    std::deque<std::string> folded;

    void draw(std::vector<std::string> live) {
      screen.draw(pending, std::move(live));
      pending.clear();
    }
    void leave() {
      screen.leave(pending);
      pending.clear();
    }
  };

  void tick_until_stopped() {
    pollfd stop{stop_.poll_fd(), POLLIN, 0};
    while (::poll(&stop, 1, kFrameMilliseconds) <= 0) {
      state_.with([this](State& state) {
        if (state.paused) return;
        std::vector<std::string> live =
            draw_live_area(state.view, clock_.mono(), state.frame++, state.screen.size(), style_);
        state.draw(std::move(live));
      });
    }
  }

  static void drop_oldest(std::string& pending) {
    if (pending.size() <= kMaxPaused) return;
    const std::size_t border = pending.find('\n', pending.size() - kMaxPaused / 2);
    pending.erase(0, border == std::string::npos ? pending.size() : border + 1);
  }

  void add_permanent(State& state, const Event& event) const {
    if (event.kind == Event::Kind::kNotice) {
      add_line(state,
               style_.paint(Paint::kWarn, "! ") +
                   (event.job.empty() || !state.view.several() ? "" : printable(event.job) + ": ") +
                   printable(event.line));
    } else if (state.view.several()) {
      if (event.kind == Event::Kind::kJobEnd) add_ended_job(state, event);
    } else {
      add_single_job_event(state, event);
    }
  }

  void add_single_job_event(State& state, const Event& event) const {
    const std::string& name = event.name.empty() ? event.step : event.name;
    switch (event.kind) {
      case Event::Kind::kLog:
        return add_log(state, event);
      case Event::Kind::kStepEnd:
        if (look_of(event.status).failure) unfold(state);
        fold(state);
        return add_line(state, ended(event, name));
      case Event::Kind::kJobEnd:
        if (event.status == "skipped") add_line(state, ended(event, event.job));
        return;
      default:
        return;
    }
  }

  /// A group shows its title and, when it is over, how much is in it; all of it when its step failed.
  void add_log(State& state, const Event& event) const {
    if (event.stream == "service") return;
    if (event.stream == "group" || event.stream == "endgroup") {
      fold(state);
      if (event.stream == "group") state.group = style_.log_line(event);
      return;
    }
    if (!state.group || event.stream == "slipway") return add_line(state, style_.log_line(event));
    ++state.group_lines;
    state.folded.push_back("  " + style_.log_line(event));
    if (state.folded.size() > kMostFolded) state.folded.pop_front();
  }
  static void unfold(State& state) {
    if (!state.group) return;
    add_line(state, *state.group);
    for (const std::string& line : state.folded) add_line(state, line);
    state.group.reset();
  }
  void fold(State& state) const {
    const std::string count =
        std::to_string(state.group_lines) + (state.group_lines == 1 ? " line" : " lines");
    if (state.group) add_line(state, *state.group + "  " + style_.paint(Paint::kDim, count));
    state.group.reset();
    state.group_lines = 0;
    state.folded.clear();
  }

  void add_ended_job(State& state, const Event& event) const {
    const std::string step = state.summary.failed_step(event.job);
    add_line(state, ended(event, event.job));
    const bool last = state.view.ended() == state.view.jobs().size();
    const LogTail* tail =
        look_of(event.status).failure && !last ? state.summary.tail(event.job) : nullptr;
    if (tail == nullptr) return;
    const auto& lines = tail->lines();
    for (std::size_t i = lines.size() > kEarlyTail ? lines.size() - kEarlyTail : 0;
         i < lines.size(); ++i) {
      add_line(state,
               "  " + style_.paint(Paint::kDim, style_.bar()) + " " + style_.log_line(lines[i]));
    }
  }

  /// "✓ build  1.2s", "✗ test  failed: exit code 2  0.4s", "– deploy  skipped: needs test"
  std::string ended(const Event& event, const std::string& name) const {
    const StatusLook& look = look_of(event.status);
    std::string out = mark_of(event.status, style_) + " " + printable(name);
    if (event.status != "succeeded") out += "  " + style_.paint(look.paint, outcome_text(event));
    if (event.seconds > 0) out += "  " + style_.paint(Paint::kDim, seconds_text(event.seconds));
    return out;
  }

  static void add_line(State& state, const std::string& line) { state.pending += line + "\n"; }

  const std::string repeat_;
  const Style style_;
  const Clock& clock_;
  CancelToken stop_;
  Guarded<State> state_;
  std::thread ticker_;
};

}  // namespace

std::shared_ptr<EventSink> make_tty_sink(const ProgressOptions& options, const Style& style,
                                         const Clock& clock) {
  return std::make_shared<TtySink>(options, style, clock);
}

}  // namespace slipway::runner
