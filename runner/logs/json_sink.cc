// Events as JSON lines: --progress json and --events FILE.
#include "runner/logs/json_sink.h"

#include <fcntl.h>

#include "base/files.h"
#include "runner/logs/output.h"
#include "runner/logs/sinks.h"

namespace slipway::runner {
namespace {

class JsonSink : public EventSink {
 public:
  JsonSink(Fd owned, int fd) : owned_(std::move(owned)), out_(fd) {}

  void on_event(const Event& event) override {
    std::string line = to_json(event).dump();
    line += '\n';
    out_.write(line);
  }

 private:
  Fd owned_;
  TextOutput out_;
};

}  // namespace

std::shared_ptr<EventSink> make_json_sink(int borrowed_fd) {
  return std::make_shared<JsonSink>(Fd(), borrowed_fd);
}

Result<std::shared_ptr<EventSink>> make_json_file_sink(const std::string& path) {
  // Opened as the user named it: a FIFO or /dev/fd/N is a fine place for events.
  Fd file = SLIP_TRY_WITHIN("write events", open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  const int fd = file.get();
  return std::static_pointer_cast<EventSink>(std::make_shared<JsonSink>(std::move(file), fd));
}

}  // namespace slipway::runner
