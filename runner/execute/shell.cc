// A shell in the state that a step left.
#include "runner/execute/shell.h"

#include "runner/execute/layers.h"
#include "runner/execute/terminal.h"

namespace slipway::runner {
namespace {

// -i shells of every kind are found this way; the first that exists is taken by the container's own sh.
constexpr const char* kFindShell =
    "if command -v bash >/dev/null 2>&1; then exec bash -i; else exec sh -i; fi";

void set_default(std::vector<std::string>& env, const std::string& name, const std::string& value) {
  for (const std::string& entry : env) {
    if (entry.starts_with(name + "=")) return;
  }
  env.push_back(name + "=" + value);
}

}  // namespace

Result<int> interactive_shell(cachestore::Store& store, sandbox::Engine& engine,
                              const JobNetwork* network, const NetworkPlace& place,
                              const Stack& root, const Stack& work, sandbox::ContainerSpec spec,
                              const CancelToken& cancel) {
  std::optional<PersonTerminal> person = PersonTerminal::open();
  if (!person) return fail(ErrorCode::kInvalid, "open shell: stdin is not a terminal");
  const StepLayers layers = SLIP_TRY(StepLayers::begin(store, root, work));
  spec.name += "-sh";
  spec.root.stack = layers.root_overlay();
  for (sandbox::Mount& mount : spec.mounts) {
    if (auto* overlay = std::get_if<sandbox::OverlayMount>(&mount))
      overlay->stack = layers.work_overlay();
  }
  spec.process.argv = {"sh", "-c", kFindShell};
  spec.process.terminal = person->size();
  const char* term = std::getenv("TERM");
  set_default(spec.process.env, "TERM", term != nullptr ? term : "xterm");
  std::unique_ptr<sandbox::NetworkSession> session;  // outlives the container
  if (network != nullptr) session = SLIP_TRY(network->join(spec, place));
  const std::unique_ptr<sandbox::Container> container = SLIP_TRY(engine.start(spec));
  return attach_terminal(*container, *person, cancel, std::nullopt, sandbox::StopPolicy{})
      .shell_code();
}

void shell_in_failed_step(const RunContext& run, const StepRecord& step, const Stack& root,
                          const JobState& state, const sandbox::ContainerSpec& spec) {
  run.notice(
      "the step failed; this shell stands where it stopped (leave with exit, changes are thrown "
      "away)");
  run.events.pause();  // or the progress would be drawn over the shell
  const bool networked = step.bridge || !state.network.empty();
  const Result<int> code =
      interactive_shell(run.store, run.engine, networked ? &run.network : nullptr,
                        {state.network, {}}, root, state.work, spec, run.cleanup);
  run.events.resume();
  if (!code) run.notice(code.error().text());
}

}  // namespace slipway::runner
