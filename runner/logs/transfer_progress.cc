// The four forms of a transfer's progress. What a terminal's lines look like: runner/logs/transfer_view.cc.
#include "runner/logs/transfer_progress.h"

#include <poll.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include "base/guarded.h"
#include "base/text.h"
#include "runner/logs/output.h"
#include "runner/logs/screen.h"
#include "runner/logs/transfer_view.h"

namespace slipway::runner {
namespace {

using cachestore::LayerProgress;
using State = LayerProgress::State;

constexpr int kFrameMilliseconds = 100;  // as in the view of a run
constexpr std::chrono::milliseconds kJsonGap{250};

class QuietTransfer : public TransferProgress {
 public:
  explicit QuietTransfer(int fd) : out_(TextOutput(fd)) {}
  void begin(const std::string&, Direction) override {}
  void layers(std::size_t, std::size_t) override {}
  void layer(const LayerProgress&) override {}
  void say(const std::string& line) override {
    // Nothing but warnings is said to somebody who wants quiet.
    if (line.starts_with("warning: ")) out_.with([&](TextOutput& out) { out.write(line + "\n"); });
  }
  void end() override {}

 private:
  Guarded<TextOutput> out_;
};

/// docker's output where there is no terminal: a line for each change of a layer's state.
class PlainTransfer : public TransferProgress {
 public:
  explicit PlainTransfer(int fd) : state_(Lines{TextOutput(fd), Direction::kPull, {}}) {}

  void begin(const std::string&, Direction direction) override {
    state_.with([&](Lines& lines) {
      lines.direction = direction;
      lines.known.clear();
    });
  }
  void layers(std::size_t total, std::size_t present) override {
    if (present == 0 || present == total) return;
    state_.with([&](Lines& lines) {
      const bool pull = lines.direction == Direction::kPull;
      lines.out.write(std::string(pull ? "already have " : "already there: ") +
                      std::to_string(present) + " of " + std::to_string(total) + " layers\n");
    });
  }
  void layer(const LayerProgress& progress) override {
    state_.with([&](Lines& lines) {
      const auto [entry, added] = lines.known.try_emplace(progress.layer, progress.state);
      if (!added && entry->second == progress.state) return;
      entry->second = progress.state;
      std::string_view words = layer_words(progress.state, lines.direction);
      // "downloading by another pull": nothing else would be said for as long as that takes.
      const bool odd = words.empty() && !progress.note.empty();
      if (odd) words = layer_state_name(progress.state);
      if (words.empty()) return;
      std::string line = progress.layer.short_hex() + ": " + std::string(words);
      if (progress.state == State::kRetrying && !progress.note.empty())
        line += ": " + printable(progress.note);
      if (odd) line += " " + printable(progress.note);
      if (progress.state == State::kMounted && !progress.note.empty())
        line += " from " + printable(progress.note);
      lines.out.write(line + "\n");
    });
  }
  void say(const std::string& line) override {
    state_.with([&](Lines& lines) { lines.out.write(printable(line) + "\n"); });
  }
  void end() override {}

 private:
  struct Lines {
    TextOutput out;
    Direction direction;
    std::map<Digest, State> known;
  };
  Guarded<Lines> state_;
};

/// One object a line on standard output; a layer that only grows is told four times a second.
class JsonTransfer : public TransferProgress {
 public:
  JsonTransfer(int fd, const Clock& clock) : clock_(clock), state_(Lines{TextOutput(fd), "", {}}) {}

  void begin(const std::string& title, Direction direction) override {
    state_.with([&](Lines& lines) {
      lines.title = title;
      lines.known.clear();
      write(lines,
            Json::object({{"kind", direction == Direction::kPull ? "pull_start" : "push_start"},
                          {"name", title}}));
    });
  }
  void layers(std::size_t total, std::size_t present) override {
    state_.with([&](Lines& lines) {
      write(lines, Json::object({{"kind", "layers"},
                                 {"name", lines.title},
                                 {"total", static_cast<std::uint64_t>(total)},
                                 {"present", static_cast<std::uint64_t>(present)}}));
    });
  }
  void layer(const LayerProgress& progress) override {
    const MonoTime now = clock_.mono();
    state_.with([&](Lines& lines) {
      const auto [entry, added] =
          lines.known.try_emplace(progress.layer, Last{progress.state, now});
      if (!added && entry->second.state == progress.state && now - entry->second.told < kJsonGap)
        return;
      entry->second = {progress.state, now};
      Json object = Json::object({{"kind", "layer"},
                                  {"name", lines.title},
                                  {"layer", progress.layer.str()},
                                  {"state", layer_state_name(progress.state)},
                                  {"done", progress.done},
                                  {"total", progress.total}});
      if (!progress.note.empty()) object.set("note", progress.note);
      write(lines, object);
    });
  }
  void say(const std::string& line) override {
    state_.with([&](Lines& lines) {
      write(lines, Json::object({{"kind", "notice"}, {"line", line}}));
    });
  }
  void end() override {}
  bool wants_json() const override { return true; }

 private:
  struct Last {
    State state;
    MonoTime told;
  };
  struct Lines {
    TextOutput out;
    std::string title;
    std::map<Digest, Last> known;
  };
  static void write(Lines& lines, const Json& object) { lines.out.write(object.dump() + "\n"); }

  const Clock& clock_;
  Guarded<Lines> state_;
};

class TtyTransfer : public TransferProgress {
 public:
  TtyTransfer(int fd, const Style& style, const Clock& clock)
      : style_(style), clock_(clock), state_(State(fd)) {}
  ~TtyTransfer() override {
    stop_.cancel(CancelLevel::kTerminate);
    if (ticker_.joinable()) ticker_.join();
    state_.with([](State& state) { state.leave(); });
  }
  TtyTransfer(const TtyTransfer&) = delete;
  TtyTransfer& operator=(const TtyTransfer&) = delete;

  void begin(const std::string& title, Direction direction) override {
    state_.with([&](State& state) {
      state.title = title;
      state.view.emplace(direction);
    });
    // Not before: a process with threads cannot enter a user namespace, unshare(2).
    if (!ticker_.joinable()) ticker_ = std::thread([this] { tick_until_stopped(); });
  }
  void layers(std::size_t total, std::size_t present) override {
    state_.with([&](State& state) {
      if (state.view) state.view->start(total, present);
    });
  }
  void layer(const LayerProgress& progress) override {
    const MonoTime now = clock_.mono();
    state_.with([&](State& state) {
      if (state.view) state.view->apply(progress, now);
    });
  }
  void say(const std::string& line) override {
    state_.with([&](State& state) { state.pending += printable(line) + "\n"; });
  }
  void end() override {
    state_.with([](State& state) {
      state.view.reset();
      state.leave();
    });
  }

 private:
  struct State {
    explicit State(int fd) : screen(fd) {}
    Screen screen;
    std::string title;
    std::optional<TransferView> view;
    std::string pending;
    std::size_t frame = 0;

    void leave() {
      screen.leave(pending);
      pending.clear();
    }
  };

  void tick_until_stopped() {
    pollfd stop{stop_.poll_fd(), POLLIN, 0};
    while (::poll(&stop, 1, kFrameMilliseconds) <= 0) {
      state_.with([this](State& state) {
        if (!state.view) return;
        std::vector<std::string> live = state.view->draw(state.title, clock_.mono(), state.frame++,
                                                         state.screen.size(), style_);
        state.screen.draw(state.pending, std::move(live));
        state.pending.clear();
      });
    }
  }

  const Style style_;
  const Clock& clock_;
  CancelToken stop_;
  Guarded<State> state_;
  std::thread ticker_;
};

}  // namespace

std::unique_ptr<TransferProgress> make_transfer_progress(const ProgressOptions& options,
                                                         const Clock& clock) {
  switch (resolve_progress_mode(options)) {
    case ProgressMode::kTty:
      return std::make_unique<TtyTransfer>(
          options.fd, Style{.colour = options.colour, .utf8 = locale_is_utf8()}, clock);
    case ProgressMode::kJson:
      return std::make_unique<JsonTransfer>(STDOUT_FILENO, clock);
    case ProgressMode::kQuiet:
      return std::make_unique<QuietTransfer>(options.fd);
    case ProgressMode::kPlain:
    case ProgressMode::kAuto:
      break;
  }
  return std::make_unique<PlainTransfer>(options.fd);
}

}  // namespace slipway::runner
