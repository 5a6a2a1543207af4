#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/result.h"
#include "sandbox/container_state.h"
#include "sandbox/containers/record.h"

namespace slipway::sandbox {

/// The machine's events: <state>/events.log, one object of JSON in a line, appended by whoever did something with one
/// write(2). At 1 MiB it becomes events.log.1 and the one before goes.
class EventLog {
 public:
  explicit EventLog(std::string state_dir) : state_(std::move(state_dir)) {}

  /// Never fails: an event that cannot be written is lost, what it tells of is not.
  void append(const ContainerEvent& event) const;
  /// Past ones since a time, then live ones until `until` or cancelled. An error of the sink ends it and is returned.
  Status follow(std::optional<WallTime> since, std::optional<WallTime> until,
                const std::function<Status(const ContainerEvent&)>& sink,
                const CancelToken& cancel) const;

 private:
  std::string state_;
};

/// An event of a container with docker's attributes: image, name, its labels, and `more`.
ContainerEvent container_event(const Record& record, std::string action,
                               std::vector<std::pair<std::string, std::string>> more = {});

std::string encode_event(const ContainerEvent& event);  ///< With its newline.
Result<ContainerEvent> decode_event(std::string_view line);

}  // namespace slipway::sandbox
