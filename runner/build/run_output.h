#pragma once

#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runner/build/vertices.h"
#include "runner/logs/masker.h"

namespace slipway::runner {

/// Carries a RUN's stdout and stderr to the observer, masked, and keeps the last lines. It always reads on, so that no
/// command ever blocks on its output.
class RunOutput {
 public:
  /// Beyond this the output is read and dropped, and a note says so: as a pipeline's step.
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;
  static constexpr std::size_t kLastLines = 20;
  static constexpr std::size_t kMaxLine = 1'000;  ///< Of a kept line.

  RunOutput(Vertices& vertices, std::size_t vertex, const SecretSet& mask)
      : vertices_(vertices), vertex_(vertex), mask_(mask) {}
  ~RunOutput() { finish(); }
  RunOutput(const RunOutput&) = delete;
  RunOutput& operator=(const RunOutput&) = delete;

  Status open();
  int stdout_fd() const { return out_write_.get(); }
  int stderr_fd() const { return err_write_.get(); }
  void start();   ///< Closes our copies of the write ends and reads.
  void finish();  ///< Waits until every writer is gone.
  std::vector<std::string> last_lines() const { return {last_.begin(), last_.end()}; }

 private:
  struct Lane;
  void read_all();
  void deliver(Lane& lane, std::string_view bytes);
  void emit(Lane& lane);

  Vertices& vertices_;
  const std::size_t vertex_;
  const SecretSet& mask_;
  Fd out_read_, out_write_, err_read_, err_write_;
  std::uint64_t bytes_ = 0;
  std::deque<std::string> last_;
  std::thread reader_;
};

}  // namespace slipway::runner
