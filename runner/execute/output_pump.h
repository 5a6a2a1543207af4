#pragma once

#include <functional>
#include <string>
#include <thread>

#include "base/fd.h"
#include "base/result.h"
#include "runner/logs/event.h"
#include "runner/logs/masker.h"

namespace slipway::runner {

/// Carries a step's or service's stdout and stderr into the event stream: masked, cut into lines, bounded. It always
/// reads on, so that no job ever blocks on its output.
class OutputPump {
 public:
  /// Beyond this a step's output is read and dropped, and a notice says so. 1 GiB of log is 15 min of a terminal at
  /// full speed.
  static constexpr std::uint64_t kMaxLogBytes = std::uint64_t{1} << 30;

  /// Whose output it is: a step's, or a service's (stream "service").
  struct Source {
    std::string job;
    std::string step;
    std::string service;
  };
  OutputPump(EventStream& events, const SecretSet& mask, Source source);
  ~OutputPump();

  Status open();
  int stdout_fd() const { return out_write_.get(); }  ///< For the container; valid until start().
  int stderr_fd() const { return err_write_.get(); }
  /// Closes our copies of the write ends and starts reading.
  void start();
  /// Also called for every line, from the reading thread. Set before start().
  void set_listener(
      std::function<void(const std::string& stream, const std::string& line)> listener) {
    listener_ = std::move(listener);
  }
  /// Waits until every writer is gone (Container::wait has returned) and the last line is out.
  void finish();

 private:
  struct Lane;
  void read_all();
  void deliver(Lane& lane, std::string_view bytes);
  void emit_lines(Lane& lane);
  void emit(const std::string& stream, std::string line);
  static void mark(Event& event);

  EventStream& events_;
  const SecretSet& mask_;
  const Source source_;
  Fd out_read_, out_write_, err_read_, err_write_;
  std::uint64_t bytes_ = 0;
  std::function<void(const std::string&, const std::string&)> listener_;
  std::thread reader_;
};

}  // namespace slipway::runner
