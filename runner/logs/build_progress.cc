// The four forms of a build's progress. What a terminal's lines look like: runner/logs/build_view.cc.
#include "runner/logs/build_progress.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <thread>

#include "base/guarded.h"
#include "base/text.h"
#include "runner/logs/build_view.h"
#include "runner/logs/output.h"
#include "runner/logs/screen.h"

namespace slipway::runner {
namespace {

constexpr int kFrameMilliseconds = 100;  // as in the view of a run
// Beyond this a build's warnings are counted, not kept.
constexpr std::size_t kMaxWarnings = 1'000;

using Warnings = std::vector<pipeline::LintFinding>;

void keep(Warnings& warnings, const pipeline::LintFinding& finding) {
  if (warnings.size() < kMaxWarnings) warnings.push_back(finding);
}

/// Nothing but what failed.
class QuietBuild : public BuildProgress {
 public:
  QuietBuild(int fd, Style style, const Clock& clock)
      : style_(style), clock_(clock), state_(State{TextOutput(fd), {}}) {}
  void vertex(const BuildVertex& vertex) override {
    state_.with([&](State& state) { state.view.apply(vertex, clock_.mono()); });
  }
  void output(std::size_t vertex, int stream, std::string_view bytes) override {
    state_.with([&](State& state) { state.view.output(vertex, stream, bytes, clock_.mono()); });
  }
  void progress(std::size_t, const std::string&, std::uint64_t, std::uint64_t) override {}
  void warning(const pipeline::LintFinding&) override {}
  void note(const std::string&) override {}
  void finish() override {
    state_.with([&](State& state) {
      const BuildStepView* failed = state.view.failed();
      if (failed == nullptr) return;
      state.view.rest(failed->vertex.id, clock_.mono());
      state.out.write(failed_step_text(*failed, style_));
    });
  }

 private:
  struct State {
    TextOutput out;
    BuildView view;
  };
  const Style style_;
  const Clock& clock_;
  Guarded<State> state_;
};

/// Docker's lines for files and pipes. Output of steps that run at the same time is told apart by the number, and a
/// heading says whose it is whenever that changes.
class PlainBuild : public BuildProgress {
 public:
  PlainBuild(int fd, Style style, const Clock& clock)
      : style_(style), clock_(clock), state_(State{TextOutput(fd), {}, {}, {}, {}}) {}

  void vertex(const BuildVertex& vertex) override {
    state_.with([&](State& state) {
      const MonoTime now = clock_.mono();
      if (has_ended(vertex.state)) write_lines(state, vertex.id, state.view.rest(vertex.id, now));
      const BuildStepView& step = state.view.apply(vertex, now);
      if (vertex.state == VertexState::kWaiting) return;
      begin(state, step);
      if (!has_ended(vertex.state)) return;
      state.out.write(mark(step) + ending(vertex) + "\n\n");
      state.current.reset();
    });
  }
  void output(std::size_t vertex, int stream, std::string_view bytes) override {
    state_.with([&](State& state) {
      write_lines(state, vertex, state.view.output(vertex, stream, bytes, clock_.mono()));
    });
  }
  void progress(std::size_t vertex, const std::string& what, std::uint64_t done,
                std::uint64_t total) override {
    state_.with([&](State& state) {
      state.view.progress(vertex, what, done, total);
      // Its beginning and its end; a file does not want ten lines a second.
      const std::string key = std::to_string(vertex) + what;
      const bool complete = total > 0 && done >= total;
      if (!complete && state.told == key) return;
      const BuildStepView& step = state.view.step(vertex);
      begin(state, step);
      const std::string amount = amount_text(step);
      state.out.write(mark(step) + printable(what) + (amount.empty() ? "" : " " + amount) +
                      (complete ? " done" : "") + "\n");
      state.told = key;
    });
  }
  void warning(const pipeline::LintFinding& finding) override {
    state_.with([&](State& state) { keep(state.warnings, finding); });
  }
  void note(const std::string& text) override {
    state_.with([&](State& state) { state.out.write(printable(text) + "\n"); });
  }
  void finish() override {
    state_.with([&](State& state) {
      if (const BuildStepView* failed = state.view.failed())
        state.out.write(failed_step_text(*failed, style_));
      state.out.write(warnings_text(state.warnings));
    });
  }

 private:
  struct State {
    TextOutput out;
    BuildView view;
    std::optional<std::size_t> current;  ///< Whose lines were written last, while it runs.
    std::string told;
    Warnings warnings;
  };

  static std::string mark(const BuildStepView& step) {
    return "#" + std::to_string(step.number) + " ";
  }
  static void begin(State& state, const BuildStepView& step) {
    if (state.current == step.vertex.id) return;
    if (state.current) state.out.write(mark(state.view.step(*state.current)) + "...\n\n");
    state.out.write(mark(step) + printable(step.vertex.name) + "\n");
    state.current = step.vertex.id;
  }
  static std::string ending(const BuildVertex& vertex) {
    if (vertex.state == VertexState::kCached) return "CACHED";
    if (vertex.state == VertexState::kCancelled) return "CANCELED";
    if (vertex.state == VertexState::kFailed) return "ERROR: " + printable(vertex.error);
    char text[32];
    std::snprintf(text, sizeof text, "DONE %.1fs", vertex.seconds);
    return text;
  }
  void write_lines(State& state, std::size_t vertex, const std::vector<BuildLine>& lines) const {
    for (const BuildLine& line : lines) {
      const BuildStepView& step = state.view.step(vertex);
      begin(state, step);
      char time[32];
      std::snprintf(time, sizeof time, "%.3f ", line.seconds);
      state.out.write(mark(step) + time + style_.job_line(line.text) + "\n");
    }
  }

  const Style style_;
  const Clock& clock_;
  Guarded<State> state_;
};

/// One object a line on standard output.
class JsonBuild : public BuildProgress {
 public:
  JsonBuild(int fd, const Clock& clock) : clock_(clock), state_(State{TextOutput(fd), {}}) {}

  void vertex(const BuildVertex& vertex) override {
    state_.with([&](State& state) {
      const MonoTime now = clock_.mono();
      if (has_ended(vertex.state)) write_lines(state, vertex.id, state.view.rest(vertex.id, now));
      state.view.apply(vertex, now);
      Json line = Json::object({{"kind", "vertex"},
                                {"id", static_cast<std::uint64_t>(vertex.id)},
                                {"name", vertex.name},
                                {"stage", vertex.stage},
                                {"state", vertex_state_name(vertex.state)},
                                {"seconds", vertex.seconds}});
      if (!vertex.error.empty()) line.set("error", vertex.error);
      write(state, line);
    });
  }
  void output(std::size_t vertex, int stream, std::string_view bytes) override {
    state_.with([&](State& state) {
      write_lines(state, vertex, state.view.output(vertex, stream, bytes, clock_.mono()));
    });
  }
  void progress(std::size_t vertex, const std::string& what, std::uint64_t done,
                std::uint64_t total) override {
    state_.with([&](State& state) {
      write(state, Json::object({{"kind", "progress"},
                                 {"id", static_cast<std::uint64_t>(vertex)},
                                 {"what", what},
                                 {"done", done},
                                 {"total", total}}));
    });
  }
  void warning(const pipeline::LintFinding& finding) override {
    state_.with([&](State& state) {
      write(state, Json::object({{"kind", "warning"},
                                 {"rule", finding.rule},
                                 {"url", finding.url},
                                 {"line", finding.diagnostic.span.line},
                                 {"message", finding.diagnostic.message},
                                 {"help", finding.diagnostic.help}}));
    });
  }
  void note(const std::string& text) override {
    state_.with([&](State& state) {
      write(state, Json::object({{"kind", "note"}, {"text", text}}));
    });
  }
  void finish() override {}
  bool wants_json() const override { return true; }

 private:
  struct State {
    TextOutput out;
    BuildView view;
  };
  static void write(State& state, const Json& line) { state.out.write(line.dump() + "\n"); }
  static void write_lines(State& state, std::size_t vertex, const std::vector<BuildLine>& lines) {
    for (const BuildLine& line : lines) {
      write(state, Json::object({{"kind", "log"},
                                 {"id", static_cast<std::uint64_t>(vertex)},
                                 {"stream", line.stream == 2 ? "stderr" : "stdout"},
                                 {"seconds", line.seconds},
                                 {"line", line.text}}));
    }
  }
  const Clock& clock_;
  Guarded<State> state_;
};

class TtyBuild : public BuildProgress {
 public:
  TtyBuild(int fd, Style style, const Clock& clock)
      : style_(style), clock_(clock), started_(clock.mono()), state_(State(fd)) {
    ticker_ = std::thread([this] { tick_until_stopped(); });
  }
  ~TtyBuild() override { stop(); }

  void vertex(const BuildVertex& vertex) override {
    state_.with([&](State& state) {
      const MonoTime now = clock_.mono();
      if (has_ended(vertex.state)) state.view.rest(vertex.id, now);
      state.view.apply(vertex, now);
    });
  }
  void output(std::size_t vertex, int stream, std::string_view bytes) override {
    state_.with([&](State& state) { state.view.output(vertex, stream, bytes, clock_.mono()); });
  }
  void progress(std::size_t vertex, const std::string& what, std::uint64_t done,
                std::uint64_t total) override {
    state_.with([&](State& state) { state.view.progress(vertex, what, done, total); });
  }
  void warning(const pipeline::LintFinding& finding) override {
    state_.with([&](State& state) { keep(state.warnings, finding); });
  }
  void note(const std::string& text) override {
    state_.with([&](State& state) { state.pending += printable(text) + "\n"; });
  }
  void finish() override {
    stop();
    state_.with([&](State& state) {
      ScreenSize size = state.screen.size();
      size.rows = 0;
      std::string last = std::move(state.pending);
      for (const std::string& line : draw_build(state.view, started_, clock_.mono(), size, style_))
        last += line + "\n";
      if (const BuildStepView* failed = state.view.failed())
        last += failed_step_text(*failed, style_);
      state.screen.leave(last + warnings_text(state.warnings));
    });
  }

 private:
  struct State {
    explicit State(int fd) : screen(fd) {}
    Screen screen;
    BuildView view;
    Warnings warnings;
    std::string pending;  ///< Lines that stay, for the next frame.
  };
  void stop() {
    stop_.cancel(CancelLevel::kTerminate);
    if (ticker_.joinable()) ticker_.join();
  }
  void tick_until_stopped() {
    pollfd stop{stop_.poll_fd(), POLLIN, 0};
    while (::poll(&stop, 1, kFrameMilliseconds) <= 0) {
      state_.with([this](State& state) {
        state.screen.draw(
            std::exchange(state.pending, {}),
            draw_build(state.view, started_, clock_.mono(), state.screen.size(), style_));
      });
    }
  }

  const Style style_;
  const Clock& clock_;
  const MonoTime started_;
  CancelToken stop_;
  Guarded<State> state_;
  std::thread ticker_;
};

}  // namespace

std::string_view vertex_state_name(VertexState state) {
  constexpr std::string_view kNames[] = {"waiting", "running", "cached",
                                         "done",    "failed",  "cancelled"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string warnings_text(const std::vector<pipeline::LintFinding>& warnings) {
  if (warnings.empty()) return {};
  std::string text = "\n " + std::to_string(warnings.size()) +
                     (warnings.size() == 1 ? " warning found (--check shows the place):\n"
                                           : " warnings found (--check shows the places):\n");
  for (const pipeline::LintFinding& finding : warnings) {
    text += " - " + finding.rule + ": " + printable(finding.diagnostic.message);
    if (finding.diagnostic.span.line > 0)
      text += " (line " + std::to_string(finding.diagnostic.span.line) + ")";
    text += "\n";
  }
  return text;
}

std::unique_ptr<BuildProgress> make_build_progress(const ProgressOptions& options,
                                                   const Clock& clock) {
  const Style style{options.colour, locale_is_utf8()};
  switch (resolve_progress_mode(options)) {
    case ProgressMode::kTty:
      return std::make_unique<TtyBuild>(options.fd, style, clock);
    case ProgressMode::kJson:
      return std::make_unique<JsonBuild>(STDOUT_FILENO, clock);
    case ProgressMode::kQuiet:
      return std::make_unique<QuietBuild>(options.fd, style, clock);
    default:
      return std::make_unique<PlainBuild>(options.fd, style, clock);
  }
}

}  // namespace slipway::runner
