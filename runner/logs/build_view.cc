// The picture of a build: what its steps are doing, as lines for a terminal. No effects.
#include "runner/logs/build_view.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "base/units.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kMaxColumns = 110;  // as in the view of a run
constexpr std::size_t kShownLines = 6;    // of each running step, as BuildKit's view has

double seconds_between(MonoTime from, MonoTime to) {
  return std::max(0.0, std::chrono::duration<double>(to - from).count());
}

std::string tenths(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1fs", seconds);
  return text;
}

std::string fit(const std::string& text, std::size_t columns, const Style& style) {
  std::string out = ellipsize(text, columns);
  if (!style.utf8 && out != text && out.ends_with("…")) out.replace(out.size() - 3, 3, "~");
  return out;
}

Paint paint_of(VertexState state) {
  switch (state) {
    case VertexState::kFailed:
      return Paint::kBad;
    case VertexState::kCancelled:
      return Paint::kWarn;
    case VertexState::kRunning:
      return Paint::kNone;
    case VertexState::kWaiting:
      return Paint::kDim;
    default:
      return Paint::kRunning;
  }
}

std::string_view word_of(VertexState state) {
  switch (state) {
    case VertexState::kCached:
      return "CACHED ";
    case VertexState::kFailed:
      return "ERROR ";
    case VertexState::kCancelled:
      return "CANCELED ";
    default:
      return "";
  }
}

/// " => [2/3] RUN make                         1.0s"
std::string row(const std::string& text, const std::string& time, std::size_t columns, Paint paint,
                const Style& style) {
  const std::size_t room = columns > time.size() + 2 ? columns - time.size() - 2 : 4;
  std::string line = fit(text, room, style);
  const std::size_t used = display_width(line);
  line.append(used < room + 2 ? room + 2 - used : 1, ' ');
  return style.paint(paint, line + time);
}

void add_step(std::vector<std::string>& lines, const BuildStepView& step, MonoTime now,
              std::size_t columns, const Style& style) {
  const BuildVertex& vertex = step.vertex;
  const bool running = vertex.state == VertexState::kRunning;
  const double seconds = running ? seconds_between(step.started, now) : vertex.seconds;
  lines.push_back(row(" => " + std::string(word_of(vertex.state)) + printable(vertex.name),
                      tenths(seconds), columns, paint_of(vertex.state), style));
  if (!running) return;
  if (!step.doing.empty()) {
    lines.push_back(row(" => => " + printable(step.doing) + " " + amount_text(step),
                        tenths(seconds), columns, Paint::kNone, style));
  }
  const std::size_t count = step.tail.size();
  for (std::size_t i = count > kShownLines ? count - kShownLines : 0; i < count; ++i) {
    std::string text = terminal_safe(step.tail[i].text, KeepColour::kNo);
    std::replace(text.begin(), text.end(), '\t', ' ');
    lines.push_back(style.paint(Paint::kDim, fit(" => => # " + text, columns, style)));
  }
}

}  // namespace

bool has_ended(VertexState state) {
  return state != VertexState::kWaiting && state != VertexState::kRunning;
}

BuildStepView& BuildView::find_or_add(std::size_t vertex) {
  const auto [entry, added] = index_.try_emplace(vertex, steps_.size());
  if (added) {
    steps_.emplace_back();
    steps_.back().number = steps_.size();
    steps_.back().vertex.id = vertex;
  }
  return steps_[entry->second];
}

BuildStepView& BuildView::apply(const BuildVertex& vertex, MonoTime now) {
  BuildStepView& step = find_or_add(vertex.id);
  if (step.vertex.state != VertexState::kRunning && vertex.state == VertexState::kRunning)
    step.started = now;
  step.vertex = vertex;
  if (has_ended(vertex.state)) step.doing.clear();
  return step;
}

std::vector<BuildLine> BuildView::keep(BuildStepView& step, int stream,
                                       std::vector<std::string> texts, MonoTime now) {
  std::vector<BuildLine> lines;
  for (std::string& text : texts) {
    lines.push_back({stream, seconds_between(step.started, now), std::move(text)});
    step.tail.push_back(lines.back());
    if (step.tail.size() > kTail) step.tail.pop_front();
  }
  return lines;
}

std::vector<BuildLine> BuildView::output(std::size_t vertex, int stream, std::string_view bytes,
                                         MonoTime now) {
  std::vector<std::string> texts;
  Streams& streams = streams_[vertex];
  (stream == 2 ? streams.err : streams.out).write(bytes, texts);
  return keep(find_or_add(vertex), stream, std::move(texts), now);
}

std::vector<BuildLine> BuildView::rest(std::size_t vertex, MonoTime now) {
  std::vector<BuildLine> lines;
  const auto streams = streams_.find(vertex);
  if (streams == streams_.end()) return lines;
  for (const int stream : {1, 2}) {
    std::vector<std::string> texts;
    (stream == 2 ? streams->second.err : streams->second.out).finish(texts);
    for (BuildLine& line : keep(find_or_add(vertex), stream, std::move(texts), now))
      lines.push_back(std::move(line));
  }
  streams_.erase(streams);
  return lines;
}

void BuildView::progress(std::size_t vertex, const std::string& what, std::uint64_t done,
                         std::uint64_t total) {
  BuildStepView& step = find_or_add(vertex);
  step.doing = what;
  step.done = done;
  step.total = total;
}

std::size_t BuildView::ended() const {
  return static_cast<std::size_t>(
      std::count_if(steps_.begin(), steps_.end(),
                    [](const BuildStepView& step) { return has_ended(step.vertex.state); }));
}

const BuildStepView* BuildView::failed() const {
  const auto found = std::find_if(steps_.begin(), steps_.end(), [](const BuildStepView& step) {
    return step.vertex.state == VertexState::kFailed;
  });
  return found == steps_.end() ? nullptr : &*found;
}

std::string amount_text(const BuildStepView& step) {
  if (step.total > 0) return format_size({step.done}) + " / " + format_size({step.total});
  return step.done > 0 ? format_size({step.done}) : "";
}

std::vector<std::string> draw_build(const BuildView& view, MonoTime started, MonoTime now,
                                    ScreenSize size, const Style& style) {
  std::vector<std::string> lines;
  const bool last = size.rows == 0;
  if (size.columns < 20 || (!last && size.rows < 4)) return lines;
  const std::size_t columns = std::min(size.columns - 1, kMaxColumns);
  for (const BuildStepView& step : view.steps()) {
    if (step.vertex.state == VertexState::kWaiting) continue;
    add_step(lines, step, now, columns, style);
  }
  // The cursor's own line and the heading take two.
  if (!last && lines.size() > size.rows - 2) {
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(size.rows - 2));
  }
  const std::string counts =
      "(" + std::to_string(view.ended()) + "/" + std::to_string(view.steps().size()) + ")";
  const bool all = last && view.failed() == nullptr && view.ended() == view.steps().size();
  lines.insert(lines.begin(),
               style.paint(Paint::kBold,
                           "[+] Building " + tenths(seconds_between(started, now)) + " " + counts) +
                   (all ? style.paint(Paint::kBold, " FINISHED") : ""));
  return lines;
}

std::string failed_step_text(const BuildStepView& step, const Style& style) {
  std::string text = "------\n > " + printable(step.vertex.name) + ":\n";
  for (const BuildLine& line : step.tail) {
    char time[32];
    std::snprintf(time, sizeof time, "%.3f ", line.seconds);
    text += time + style.job_line(line.text) + "\n";
  }
  return text + "------\n";
}

}  // namespace slipway::runner
