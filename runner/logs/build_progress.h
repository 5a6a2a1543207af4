#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "runner/build/build.h"
#include "runner/logs/sinks.h"

namespace slipway::runner {

/// How a build looks while it runs. tty: docker's picture, redrawn in place; plain: docker's lines ("#5 [build 2/5] RUN
/// make", "#5 0.123 text", "#5 DONE 0.3s"); json: an object a line on standard output; quiet: nothing but the failure.
/// Thread-safe.
class BuildProgress : public BuildObserver {
 public:
  /// The last picture: what failed with its last lines, warnings counted. Once, after the build.
  virtual void finish() = 0;
  virtual bool wants_json() const { return false; }
};
std::unique_ptr<BuildProgress> make_build_progress(const ProgressOptions& options,
                                                   const Clock& clock);

/// "waiting", "running", "cached", "done", "failed", "cancelled"
std::string_view vertex_state_name(VertexState state);
/// docker's list at the end: "2 warnings found:" and a line each; empty when there are none.
std::string warnings_text(const std::vector<pipeline::LintFinding>& warnings);

}  // namespace slipway::runner
