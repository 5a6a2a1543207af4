// Layout of the live area. Pure: state, time and size in, lines out.
#include "runner/logs/live_area.h"

#include <algorithm>

#include "base/text.h"
#include "base/units.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kMaxColumns = 110;  // wider lines put the timers too far from the names
constexpr std::size_t kBarColumns = 24;

/// A cell of known width; colours are added after measuring.
struct Line {
  std::string text;
  std::size_t used = 0;

  void add(const std::string& plain, Paint paint, const Style& style) {
    text += style.paint(paint, plain);
    used += display_width(plain);
  }
  void pad_to(std::size_t column) {
    if (used >= column) return;
    text.append(column - used, ' ');
    used = column;
  }
};

std::string fit(std::string text, std::size_t columns, const Style& style) {
  std::replace(text.begin(), text.end(), '\t', ' ');
  std::string out = ellipsize(text, columns);
  if (!style.utf8 && out != text && out.ends_with("…")) out.replace(out.size() - 3, 3, "~");
  return out;
}

std::string timer(MonoTime since, MonoTime now) {
  // Whole seconds: tenths in a live area only make it restless.
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - since);
  if (seconds < std::chrono::seconds(10))
    return std::to_string(std::max<std::int64_t>(seconds.count(), 0)) + "s";
  return format_duration(seconds);
}

std::string step_text(const JobView& job) {
  if (!job.step.empty()) return printable(job.step);
  return job.steps_done == 0 ? "starting" : "finishing";
}

std::string step_counter(const JobView& job) {
  if (job.steps < 2 || job.step.empty()) return {};
  return std::to_string(std::min(job.steps_done + 1, job.steps)) + "/" + std::to_string(job.steps);
}

std::string job_row(const JobView& job, MonoTime now, std::size_t frame, std::size_t name_columns,
                    std::size_t columns, const Style& style) {
  const std::string time = timer(job.started, now);
  const std::size_t time_column = columns > time.size() + 1 ? columns - time.size() : columns;
  Line line;
  line.add(std::string(style.spinner(frame)) + " ", Paint::kRunning, style);
  line.add(fit(printable(job.name), name_columns, style), Paint::kBold, style);
  line.pad_to(2 + name_columns + 2);
  const auto room = [&] { return time_column > line.used + 2 ? time_column - line.used - 2 : 0; };
  if (const std::string counter = step_counter(job); !counter.empty() && room() > counter.size()) {
    line.add(counter + " ", Paint::kDim, style);
  }
  line.add(fit(step_text(job), room(), style), Paint::kNone, style);
  const std::string& newest = job.progress.empty() ? job.last_line : job.progress;
  if (!newest.empty() && room() > 16) {
    line.add("  " + fit(terminal_safe(newest, KeepColour::kNo), room() - 2, style), Paint::kDim,
             style);
  }
  line.pad_to(time_column);
  line.add(line.used + time.size() <= columns ? time : "", Paint::kDim, style);
  return line.text;
}

std::string progress_row(const RunView& view, MonoTime now, std::size_t columns,
                         const Style& style) {
  const std::size_t total = std::max<std::size_t>(1, view.jobs().size());
  Line line;
  if (columns >= 60) {
    const std::size_t filled = view.ended() * kBarColumns / total;
    const std::string_view on = style.utf8 ? "━" : "=";
    const std::string_view off = style.utf8 ? "─" : ".";
    std::string done;
    std::string rest;
    for (std::size_t i = 0; i < kBarColumns; ++i)
      (i < filled ? done : rest) += i < filled ? on : off;
    line.add(done, view.failed() > 0 ? Paint::kBad : Paint::kGood, style);
    line.add(rest + "  ", Paint::kDim, style);
  }
  line.add(std::to_string(view.ended()) + "/" + std::to_string(view.jobs().size()) + " done",
           Paint::kNone, style);
  const std::size_t waiting = view.jobs().size() - view.ended() - view.running();
  const auto add_count = [&](std::size_t count, std::string_view word, Paint paint) {
    const std::string text = std::to_string(count) + " " + std::string(word);
    if (count == 0 || line.used + 3 + text.size() + 8 > columns) return;
    line.add(" " + std::string(style.dot()) + " ", Paint::kDim, style);
    line.add(text, paint, style);
  };
  add_count(view.failed(), "failed", Paint::kBad);
  add_count(view.running(), "running", Paint::kNone);
  add_count(waiting, "waiting", Paint::kDim);
  const std::string time = timer(view.started(), now);
  if (line.used + 2 + time.size() <= columns) {
    line.pad_to(columns - time.size());
    line.add(time, Paint::kDim, style);
  }
  return line.text;
}

std::string single_row(const JobView& job, MonoTime now, std::size_t frame, std::size_t columns,
                       const Style& style) {
  const std::string time = timer(job.step.empty() ? job.started : job.step_started, now);
  const std::string counter = step_counter(job);
  const std::size_t tail = counter.size() + time.size() + 4;
  Line line;
  line.add(std::string(style.spinner(frame)) + " ", Paint::kRunning, style);
  line.add(fit(step_text(job), columns > tail + 2 ? columns - tail - 2 : 4, style), Paint::kBold,
           style);
  if (line.used + tail > columns) return line.text;
  if (!counter.empty()) line.add("  " + counter, Paint::kDim, style);
  line.add("  " + time, Paint::kDim, style);
  if (!job.progress.empty() && line.used + 16 < columns) {
    line.add("  " + fit(printable(job.progress), columns - line.used - 2, style), Paint::kDim,
             style);
  }
  return line.text;
}

}  // namespace

std::vector<std::string> draw_live_area(const RunView& view, MonoTime now, std::size_t frame,
                                        ScreenSize size, const Style& style) {
  std::vector<std::string> lines;
  if (size.columns < 12 || size.rows < 3 || view.running() + view.ended() == 0) return lines;
  // One column less than the screen: a full line would leave the cursor in the "wrap pending"
  // state.
  const std::size_t columns = std::min(size.columns - 1, kMaxColumns);
  if (!view.several()) {
    for (const JobView& job : view.jobs()) {
      if (job.phase == JobView::Phase::kRunning)
        lines.push_back(single_row(job, now, frame, columns, style));
    }
    return lines;
  }
  if (view.ended() == view.jobs().size()) return lines;
  // The cursor's own line, the progress row and perhaps "more" take the rest of the screen.
  const std::size_t max_rows = size.rows - 2;
  std::size_t name_columns = 0;
  for (const JobView& job : view.jobs()) {
    if (job.phase != JobView::Phase::kRunning) continue;
    name_columns = std::max(name_columns, display_width(printable(job.name)));
  }
  name_columns = std::min(name_columns, columns * 2 / 5);
  const std::size_t shown = view.running() <= max_rows ? view.running() : max_rows - 1;
  for (const JobView& job : view.jobs()) {
    if (lines.size() == shown) break;
    if (job.phase != JobView::Phase::kRunning) continue;
    lines.push_back(job_row(job, now, frame, name_columns, columns, style));
  }
  if (shown < view.running()) {
    lines.push_back(style.paint(
        Paint::kDim,
        fit("  and " + std::to_string(view.running() - shown) + " more", columns, style)));
  }
  lines.push_back(progress_row(view, now, columns, style));
  return lines;
}

}  // namespace slipway::runner
