#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "runner/build/build.h"
#include "runner/logs/live_area.h"
#include "runner/logs/masker.h"
#include "runner/logs/style.h"

namespace slipway::runner {

/// One line that a step of a build wrote.
struct BuildLine {
  int stream = 1;
  double seconds = 0;  ///< Since its step began.
  std::string text;    ///< Without its newline, not yet made safe.
};

/// What is known of one step of a build.
struct BuildStepView {
  std::size_t number = 0;  ///< In order of appearance, from 1: "#3".
  BuildVertex vertex;
  MonoTime started{};
  std::deque<BuildLine> tail;  ///< The newest lines.
  std::string doing;           ///< "transferring context"
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};

/// The state of a build as its observer hears it, and how a terminal shows it. Pure: time comes in; not thread-safe.
class BuildView {
 public:
  static constexpr std::size_t kTail = 20;  ///< Lines that are shown again when a step fails.

  BuildStepView& apply(const BuildVertex& vertex, MonoTime now);
  /// The whole lines that are complete with these bytes.
  std::vector<BuildLine> output(std::size_t vertex, int stream, std::string_view bytes,
                                MonoTime now);
  /// What the step's streams hold back: a last line without a newline.
  std::vector<BuildLine> rest(std::size_t vertex, MonoTime now);
  void progress(std::size_t vertex, const std::string& what, std::uint64_t done,
                std::uint64_t total);

  const std::deque<BuildStepView>& steps() const { return steps_; }
  const BuildStepView& step(std::size_t vertex) { return find_or_add(vertex); }
  std::size_t ended() const;
  const BuildStepView* failed() const;

 private:
  struct Streams {
    LineSplitter out, err;
  };
  BuildStepView& find_or_add(std::size_t vertex);
  std::vector<BuildLine> keep(BuildStepView& step, int stream, std::vector<std::string> texts,
                              MonoTime now);

  std::deque<BuildStepView> steps_;
  std::map<std::size_t, std::size_t> index_;
  std::map<std::size_t, Streams> streams_;
};

bool has_ended(VertexState state);
/// "12.3 MiB / 40 MiB", "12.3 MiB", or nothing.
std::string amount_text(const BuildStepView& step);

/// "[+] Building 1.2s (5/8)", then a row a step with its time on the right, running ones with their newest lines. As
/// many rows as the screen takes, the newest; all of them when `size.rows` is 0 (the last picture, which stays).
std::vector<std::string> draw_build(const BuildView& view, MonoTime started, MonoTime now,
                                    ScreenSize size, const Style& style);
/// The lines of a step that failed, between rules, as they are repeated at the end.
std::string failed_step_text(const BuildStepView& step, const Style& style);

}  // namespace slipway::runner
