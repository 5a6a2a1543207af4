#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"

namespace slipway::cachestore {

/// What an image's config says. Spec: OCI image-spec, config.md; what docker adds to it has docker's names.

/// HEALTHCHECK. Durations of zero and no retries mean docker's defaults.
struct Healthcheck {
  std::vector<std::string> test;  ///< {"NONE"}, {"CMD", word…} or {"CMD-SHELL", line}.
  std::chrono::nanoseconds interval{};
  std::chrono::nanoseconds timeout{};
  std::chrono::nanoseconds start_period{};
  std::chrono::nanoseconds start_interval{};
  std::int64_t retries = 0;
  bool operator==(const Healthcheck&) const = default;
};

/// One step of an image's making. Those that are not `empty_layer` stand for its layers, in order.
struct HistoryEntry {
  WallTime created{};  ///< The epoch: not told.
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
  bool operator==(const HistoryEntry&) const = default;
};

struct ImageConfig {
  std::string architecture;
  std::string variant;  ///< "v8"
  std::string os;
  std::string os_version;
  std::string author;
  std::string comment;
  WallTime created{};
  std::vector<HistoryEntry> history;

  std::string user;
  std::vector<std::string> env;  ///< "NAME=value"
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::string working_dir;
  std::string stop_signal;
  std::vector<std::string> volumes;
  std::vector<std::string> exposed_ports;  ///< "80/tcp"
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::string> on_build;
  std::vector<std::string> shell;  ///< SHELL: what runs shell forms; empty: /bin/sh -c.
  std::optional<Healthcheck> healthcheck;
  bool args_escaped = false;

  Json extra;          ///< Other members of the document, as they came; null or an object.
  Json extra_runtime;  ///< Other members of its `config`.
  bool operator==(const ImageConfig&) const = default;
};

}  // namespace slipway::cachestore
