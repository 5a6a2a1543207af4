#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "runner/build/build.h"

namespace slipway::runner {

/// Numbers a build's vertices and tells the observer what happens to them, one call at a time whoever calls.
class Vertices {
 public:
  explicit Vertices(BuildObserver& observer) : observer_(observer) {}

  std::size_t add(const std::string& name, const std::string& stage);
  void set(std::size_t id, VertexState state, const std::string& error = "");
  void output(std::size_t id, int stream, std::string_view bytes);
  void progress(std::size_t id, const std::string& what, std::uint64_t done, std::uint64_t total);
  void warning(const pipeline::LintFinding& finding);
  void note(const std::string& text);
  /// What still waits will not run.
  void cancel_rest();

  std::size_t steps() const { return vertices_.size(); }
  std::size_t cached() const { return cached_; }

 private:
  struct Timed {
    BuildVertex vertex;
    MonoTime begin{};
  };
  BuildObserver& observer_;
  mutable std::mutex mutex_;  ///< Held while the observer is called: its calls never overlap.
  std::vector<Timed> vertices_;
  std::size_t cached_ = 0;
};

}  // namespace slipway::runner
