// A pull as events of a step.
#include "runner/execute/step_transfer.h"

#include "base/guarded.h"
#include "base/text.h"
#include "runner/logs/transfer_view.h"

namespace slipway::runner {
namespace {

constexpr std::chrono::milliseconds kProgressGap{500};
constexpr std::chrono::seconds kLogGap{10};

class StepTransfer : public TransferProgress {
 public:
  StepTransfer(EventStream& events, const SecretSet& mask, std::string job, std::string step)
      : events_(events), mask_(mask), job_(std::move(job)), step_(std::move(step)) {}

  void begin(const std::string& title, Direction direction) override {
    const MonoTime now = real_clock().mono();
    state_.with([&](State& state) {
      state.title = (direction == Direction::kPull ? "pulling " : "pushing ") + title;
      state.view = TransferView(direction);
      state.told = state.logged = now;
    });
    say((direction == Direction::kPull ? "pulling image " : "pushing ") + title);
  }
  void layers(std::size_t total, std::size_t present) override {
    state_.with([&](State& state) { state.view.start(total, present); });
  }
  void layer(const cachestore::LayerProgress& progress) override {
    const MonoTime now = real_clock().mono();
    std::string told;
    std::string logged;
    state_.with([&](State& state) {
      state.view.apply(progress, now);
      if (now - state.told >= kProgressGap) {
        state.told = now;
        told = state.title + ": " + state.view.total_text(now);
      }
      if (now - state.logged >= kLogGap) {
        state.logged = now;
        logged = state.title + ": " + state.view.total_text(now);
      }
    });
    if (!told.empty()) emit(Event::Kind::kProgress, told);
    if (!logged.empty()) say(logged);
  }
  void say(const std::string& line) override { emit(Event::Kind::kLog, line); }
  void end() override { emit(Event::Kind::kProgress, ""); }

 private:
  struct State {
    std::string title;
    TransferView view{Direction::kPull};
    MonoTime told{};
    MonoTime logged{};
  };

  void emit(Event::Kind kind, const std::string& line) {
    Event event;
    event.kind = kind;
    event.job = job_;
    event.step = step_;
    if (kind == Event::Kind::kLog) event.stream = "slipway";
    event.line = mask_.mask(to_valid_utf8(line));
    events_.emit(std::move(event));
  }

  EventStream& events_;
  const SecretSet& mask_;
  const std::string job_;
  const std::string step_;
  Guarded<State> state_;
};

}  // namespace

std::unique_ptr<TransferProgress> make_step_transfer(const RunContext& run, const std::string& job,
                                                     const std::string& step) {
  return std::make_unique<StepTransfer>(run.events, run.secrets.mask, job, step);
}

}  // namespace slipway::runner
