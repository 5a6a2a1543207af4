#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/container_config.h"
#include "sandbox/container_state.h"

namespace slipway::sandbox {

/// config.json: all that is needed to start the container without asking the store, the image or the person again.
struct Record {
  std::string id;
  std::string name;
  WallTime created{};
  ContainerConfig config;
  // What became of it, with the image's part filled in.
  std::vector<std::string> argv;
  std::vector<std::string> env;
  std::string cwd = "/";
  std::string user;
  std::string hostname;
  bool host_tools = false;
  std::vector<std::string> snapshots;  ///< Ids of the image's layers, bottom first.
  int stop_signal = 15;
  std::optional<HealthCheck> health;
  std::vector<MountInfo> mounts;
};

/// state.json: how it is.
struct StateRecord {
  ContainerState state;
  /// Stopped by a person: `unless-stopped` then holds its peace, and nobody restarts it.
  bool stopped_by_hand = false;
  std::vector<EndpointInfo> endpoints;
  std::vector<PublishedPort> ports;
};

std::string_view health_name(HealthState::Status status);  ///< "healthy"

std::string encode_record(const Record& record);
Result<Record> decode_record(std::string_view text);
std::string encode_state(const StateRecord& state);
Result<StateRecord> decode_state(std::string_view text);

/// `directory` is the container's.
Result<Record> read_record(int directory);
Result<StateRecord> read_state(int directory);
Status write_record(int directory, const Record& record);
Status write_state(int directory, const StateRecord& state);

}  // namespace slipway::sandbox
