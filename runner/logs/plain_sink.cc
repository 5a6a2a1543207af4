// Sinks for files, pipes and dumb terminals: a line an event, and the one that speaks only of
// failure.
#include <set>

#include "base/text.h"
#include "runner/logs/output.h"
#include "runner/logs/summary.h"
#include "runner/logs/text_sinks.h"

namespace slipway::runner {
namespace {

std::string end_line(std::string_view what, const std::string& name, const Event& end,
                     const Style& style) {
  std::string out = mark_of(end.status, style) + " " + std::string(what) + printable(name) + ": " +
                    style.paint(look_of(end.status).paint, outcome_text(end));
  if (end.seconds > 0) out += style.paint(Paint::kDim, " (" + seconds_text(end.seconds) + ")");
  return out;
}

const std::string& shown_name(const std::string& name, const std::string& id) {
  return name.empty() ? id : name;
}

class PlainSink : public EventSink {
 public:
  PlainSink(const ProgressOptions& options, const Style& style)
      : out_(options.fd), repeat_(options.repeat_command), style_(style) {}

  void on_event(const Event& event) override {
    summary_.on_event(event);
    if (event.stream == "service") return;  // told with a failure only
    if (event.kind == Event::Kind::kRunStart) several_ = announced_jobs(event) > 1;
    if (event.stream == "endgroup") {
      grouped_.erase(event.job);
      return;
    }
    const std::string text = indent(event) + line_of(event);
    if (!text.empty() || event.kind == Event::Kind::kLog) out_.write(prefix(event) + text + "\n");
  }

  void close() override {
    const std::string failures = summary_.failures(style_, repeat_);
    const std::string total = summary_.total(style_);
    out_.write(summary_.reports(style_));
    out_.write(failures + (total.empty() ? "" : "\n") + total);
    summary_ = RunSummary();
  }

 private:
  std::string prefix(const Event& event) const {
    if (!several_ || event.job.empty()) return "";
    return style_.paint(Paint::kDim, "[" + printable(event.job) + "] | ");
  }

  /// What is in a group stands below its title.
  std::string indent(const Event& event) {
    if (event.kind == Event::Kind::kStepStart || event.kind == Event::Kind::kStepEnd)
      grouped_.erase(event.job);
    if (event.kind != Event::Kind::kLog) return "";
    if (event.stream == "group") {
      grouped_.insert(event.job);
      return "";
    }
    return grouped_.contains(event.job) && event.stream != "slipway" ? "  " : "";
  }

  std::string line_of(const Event& event) {
    switch (event.kind) {
      case Event::Kind::kRunStart:
        return "run " + style_.paint(Paint::kBold, printable(event.run)) +
               (event.name.empty() ? "" : " of " + printable(event.name));
      case Event::Kind::kJobStart:
        return style_.paint(Paint::kBold, "job " + printable(shown_name(event.name, event.job))) +
               image_of(event);
      case Event::Kind::kStepStart:
        return style_.paint(Paint::kBold, "step " + printable(shown_name(event.name, event.step)));
      case Event::Kind::kLog:
        return style_.log_line(event);
      case Event::Kind::kStepEnd:
        return end_line("step ", shown_name(event.name, event.step), event, style_);
      case Event::Kind::kJobEnd:
        return end_line("job ", shown_name(event.name, event.job), event, style_);
      case Event::Kind::kNotice:
        return style_.paint(Paint::kWarn, "note: " + printable(event.line));
      case Event::Kind::kRunEnd:
      case Event::Kind::kProgress:
        return "";
    }
    return "";
  }

  static std::string image_of(const Event& event) {
    const std::string_view image = event.details["image"].string_or("");
    return image.empty() ? "" : " (image " + printable(image) + ")";
  }

  TextOutput out_;
  const std::string repeat_;
  const Style style_;
  bool several_ = false;
  std::set<std::string> grouped_;  ///< Jobs that are within a group.
  RunSummary summary_;
};

class QuietSink : public EventSink {
 public:
  QuietSink(const ProgressOptions& options, const Style& style)
      : out_(options.fd), repeat_(options.repeat_command), style_(style) {}

  void on_event(const Event& event) override { summary_.on_event(event); }

  void close() override {
    if (summary_.failed()) {
      out_.write(summary_.failures(style_, repeat_).substr(1) + "\n" + summary_.total(style_));
    }
    summary_ = RunSummary();
  }

 private:
  TextOutput out_;
  const std::string repeat_;
  const Style style_;
  RunSummary summary_;
};

}  // namespace

std::size_t announced_jobs(const Event& run_start) {
  return run_start.details["jobs"].items().size();
}

std::shared_ptr<EventSink> make_plain_sink(const ProgressOptions& options, const Style& style) {
  return std::make_shared<PlainSink>(options, style);
}

std::shared_ptr<EventSink> make_quiet_sink(const ProgressOptions& options, const Style& style) {
  return std::make_shared<QuietSink>(options, style);
}

}  // namespace slipway::runner
