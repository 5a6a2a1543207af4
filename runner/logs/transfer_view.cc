// Progress of pulls and pushes as numbers and lines. Pure: layer states, time and size in, text out.
#include "runner/logs/transfer_view.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/units.h"

namespace slipway::runner {
namespace {

using cachestore::LayerProgress;
using State = LayerProgress::State;

constexpr std::chrono::seconds kWindow{3};  // shorter jumps about, longer hides a stall
constexpr std::chrono::milliseconds kSampleGap{100};
constexpr std::size_t kMaxColumns = 110;
constexpr std::size_t kTextColumns = 42;  // "1000 KiB of 2.58 MiB  490 KiB/s  1m05s left"
constexpr std::size_t kMinTitle = 12;
constexpr std::chrono::hours kLongest{99};  // beyond it a time left says nothing

struct StateRow {
  State state;
  std::string_view name;
  std::string_view shown;  // on a terminal
  std::string_view pull;   // docker's words
  std::string_view push;
};
constexpr std::array<StateRow, 9> kStates{{
    {State::kWaiting, "waiting", "waiting", "Pulling fs layer", "Preparing"},
    {State::kDownloading, "downloading", "downloading", "", ""},
    {State::kExtracting, "extracting", "extracting", "Download complete", ""},
    {State::kDone, "done", "done", "Pull complete", "Pushed"},
    {State::kPresent, "present", "already here", "Already exists", "Layer already exists"},
    {State::kMounted, "mounted", "mounted", "Already exists", "Mounted"},
    {State::kCompressing, "compressing", "compressing", "", ""},
    {State::kUploading, "uploading", "uploading", "", ""},
    {State::kRetrying, "retrying", "retrying", "Retrying", "Retrying"},
}};

const StateRow& row_of(State state) { return kStates[static_cast<std::size_t>(state)]; }

constexpr bool rows_follow_the_enum() {
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    if (static_cast<std::size_t>(kStates[i].state) != i) return false;
  }
  return true;
}
static_assert(rows_follow_the_enum());

bool at_work(State state) {
  return state == State::kDownloading || state == State::kExtracting ||
         state == State::kCompressing || state == State::kUploading || state == State::kRetrying;
}
bool over(State state) {
  return state == State::kDone || state == State::kPresent || state == State::kMounted;
}

std::string of_total(std::uint64_t done, std::uint64_t total) {
  std::string text = format_size({done});
  if (total > 0) text += " of " + format_size({total});
  return text;
}

std::string rate_text(double rate) {
  return format_size({static_cast<std::uint64_t>(rate)}) + "/s";
}

/// "" while nothing moves or the end is not known.
std::string time_left(std::uint64_t done, std::uint64_t total, double rate) {
  if (rate < 1 || total <= done) return "";
  const double seconds = static_cast<double>(total - done) / rate;
  if (seconds > static_cast<double>(std::chrono::seconds(kLongest).count())) return "";
  const auto whole = std::chrono::seconds(static_cast<std::int64_t>(seconds) + 1);
  return (whole < std::chrono::seconds(10) ? std::to_string(whole.count()) + "s"
                                           : format_duration(whole)) +
         " left";
}

std::string bar(std::uint64_t done, std::uint64_t total, std::size_t width, const Style& style) {
  const std::uint64_t filled = std::min<std::uint64_t>(width, done * width / total);
  std::string on;
  std::string off;
  for (std::size_t i = 0; i < width; ++i) {
    if (i < filled)
      on += style.utf8 ? "━" : "=";
    else
      off += style.utf8 ? "─" : ".";
  }
  return style.paint(Paint::kGood, on) + style.paint(Paint::kDim, off);
}

}  // namespace

void RateMeter::add(MonoTime now, std::uint64_t total) {
  // Many samples of one moment say no more than one; the first of the window is the one that counts.
  if (samples_.size() > 1 && now - samples_[samples_.size() - 2].time < kSampleGap)
    samples_.pop_back();
  samples_.push_back({now, total});
  while (samples_.size() > 2 && now - samples_.front().time > kWindow) samples_.pop_front();
}

double RateMeter::per_second(MonoTime now) const {
  if (samples_.size() < 2) return 0;
  const double seconds = std::chrono::duration<double>(now - samples_.front().time).count();
  const std::uint64_t first = samples_.front().total;
  const std::uint64_t last = samples_.back().total;
  if (seconds < 0.2 || last <= first) return 0;  // too short to mean anything; or begun again
  return static_cast<double>(last - first) / seconds;
}

void TransferView::start(std::size_t layers, std::size_t present) {
  total_ = layers;
  present_ = present;
}

void TransferView::apply(const LayerProgress& progress, MonoTime now) {
  const auto [entry, added] = layers_.try_emplace(progress.layer);
  Layer& layer = entry->second;
  if (added) layer.order = layers_.size();
  if (layer.progress.state != progress.state) layer.rate = RateMeter();
  layer.progress = progress;
  layer.rate.add(now, progress.done);
  std::uint64_t done = 0;
  for (const auto& [digest, known] : layers_) {
    if (known.progress.state != State::kPresent && known.progress.state != State::kMounted)
      done += known.progress.done;
  }
  rate_.add(now, done);
}

std::string TransferView::total_text(MonoTime now) const {
  std::uint64_t done = 0;
  std::uint64_t bytes = 0;
  std::size_t finished = 0;
  bool known = true;
  for (const auto& [digest, layer] : layers_) {
    const LayerProgress& progress = layer.progress;
    if (over(progress.state)) ++finished;
    if (progress.state == State::kPresent || progress.state == State::kMounted) continue;
    done += progress.done;
    bytes += std::max(progress.total, progress.done);
    if (progress.total == 0 && progress.state != State::kDone) known = false;
  }
  std::string text;
  const std::string all = std::to_string(total_);
  if (present_ > 0) {
    text = direction_ == Direction::kPull ? "already have " : "already there: ";
    text += std::to_string(present_) + " of " + all + " layers";
  } else if (total_ > 0) {
    text = std::to_string(finished) + " of " + all + " layers";
  }
  if (done == 0 && bytes == 0) return text;
  if (!text.empty()) text += ", ";
  text += of_total(done, known ? bytes : 0);
  const double rate = rate_.per_second(now);
  if (rate > 0) text += ", " + rate_text(rate);
  if (const std::string left = time_left(done, known ? bytes : 0, rate); !left.empty())
    text += ", " + left;
  return text;
}

std::string TransferView::layer_row(const Layer& layer, MonoTime now, std::size_t frame,
                                    std::size_t columns, const Style& style) const {
  const LayerProgress& progress = layer.progress;
  std::string words(row_of(progress.state).shown);
  words.resize(std::max<std::size_t>(words.size(), 11), ' ');
  std::string text;
  if (progress.state == State::kRetrying) {
    text = printable(progress.note);
  } else {
    text = of_total(progress.done, progress.total);
    const double rate = layer.rate.per_second(now);
    if (rate > 0) text += "  " + rate_text(rate);
    if (const std::string left = time_left(progress.done, progress.total, rate); !left.empty())
      text += "  " + left;
    if (!progress.note.empty()) text = printable(progress.note) + "  " + text;
  }
  const std::string head = std::string(style.spinner(frame)) + " " + progress.layer.short_hex();
  std::size_t used = 2 + 12 + 2 + words.size() + 2;
  if (used >= columns) return ellipsize(head, columns);
  std::string row =
      style.paint(Paint::kRunning, style.spinner(frame)) + " " + progress.layer.short_hex() + "  " +
      style.paint(progress.state == State::kRetrying ? Paint::kWarn : Paint::kDim, words) + "  ";
  // What the numbers leave over is for the bar.
  const std::size_t room =
      columns > used + kTextColumns + 2 ? columns - used - kTextColumns - 2 : 0;
  const std::size_t width = room >= 20 ? 20 : room >= 10 ? 10 : 0;
  if (width > 0 && progress.state != State::kRetrying && progress.total > 0) {
    row += bar(progress.done, progress.total, width, style) + "  ";
    used += width + 2;
  }
  return row + ellipsize(text, columns - used);
}

std::vector<std::string> TransferView::draw(const std::string& title, MonoTime now,
                                            std::size_t frame, ScreenSize size,
                                            const Style& style) const {
  std::vector<std::string> lines;
  if (size.columns < 24 || size.rows < 3) return lines;
  // One column less than the screen: a full line would leave the cursor in the "wrap pending" state.
  const std::size_t columns = std::min(size.columns - 1, kMaxColumns);
  std::vector<const Layer*> working;
  for (const auto& [digest, layer] : layers_) {
    if (at_work(layer.progress.state)) working.push_back(&layer);
  }
  std::sort(working.begin(), working.end(),
            [](const Layer* a, const Layer* b) { return a->order < b->order; });
  const std::size_t room = size.rows - 2;
  const std::size_t shown = working.size() <= room ? working.size() : room - 1;
  for (std::size_t i = 0; i < shown; ++i)
    lines.push_back(layer_row(*working[i], now, frame, columns, style));
  if (shown < working.size()) {
    lines.push_back(
        style.paint(Paint::kDim, "  and " + std::to_string(working.size() - shown) + " more"));
  }
  const std::string total = total_text(now);
  const std::size_t wanted = display_width(total) + 4;
  const std::size_t title_columns = std::max(kMinTitle, columns - std::min(columns, wanted));
  const std::string name = ellipsize(printable(title), std::min(title_columns, columns - 2));
  const std::size_t used = display_width(name) + 4;
  std::string last = std::string(style.spinner(frame)) + " " + style.paint(Paint::kBold, name);
  if (used < columns && !total.empty()) last += "  " + ellipsize(total, columns - used);
  lines.push_back(std::move(last));
  return lines;
}

std::string_view layer_words(State state, Direction direction) {
  const StateRow& row = row_of(state);
  return direction == Direction::kPull ? row.pull : row.push;
}

std::string_view layer_state_name(State state) { return row_of(state).name; }

}  // namespace slipway::runner
