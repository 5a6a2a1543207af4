// The progress of an import on a terminal.
#include "runner/cli/import_progress.h"

#include "base/files.h"
#include "base/text.h"
#include "runner/cli/console.h"

namespace slipway::runner {
namespace {
constexpr auto kRedraw =
    std::chrono::milliseconds(100);  // ten times a second looks smooth and costs nothing
}

ImportProgressLine::ImportProgressLine(int fd, std::string source, const Clock& clock)
    : fd_(fd),
      source_(std::move(source)),
      clock_(clock),
      started_(clock.mono()),
      drawn_(started_) {}

ImportProgressLine::~ImportProgressLine() {
  if (visible_) (void)write_all(fd_, "\r\x1b[K", "terminal");
}

void ImportProgressLine::update(const cachestore::ImportProgress& progress) {
  const MonoTime now = clock_.mono();
  if (now - drawn_ < kRedraw) return;
  drawn_ = now;
  visible_ = true;
  const std::string line = printable(source_) + "  " +
                           text(progress, std::chrono::duration_cast<Millis>(now - started_));
  (void)write_all(fd_, "\r" + ellipsize(line, line_width(fd_) - 1) + "\x1b[K", "terminal");
}

std::string ImportProgressLine::text(const cachestore::ImportProgress& progress, Millis elapsed) {
  std::string text = format_size({progress.bytes_read});
  if (progress.total > 0) text += " of " + format_size({progress.total});
  const double seconds = static_cast<double>(elapsed.count()) / 1000;
  if (seconds <= 0 || progress.bytes_read == 0) return text;
  const double rate = static_cast<double>(progress.bytes_read) / seconds;
  text += "  " + format_size({static_cast<std::uint64_t>(rate)}) + "/s";
  if (progress.total > progress.bytes_read) {
    const double left = static_cast<double>(progress.total - progress.bytes_read) / rate;
    text += "  " + format_duration(Millis(static_cast<std::int64_t>(left * 1000))) + " left";
  }
  return text;
}

}  // namespace slipway::runner
