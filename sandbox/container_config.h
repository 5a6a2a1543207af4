#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/units.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// What a person asked for when a container was created: docker's Config, HostConfig and NetworkingConfig in our
/// units. It is kept as JSON beside the container and never changes, but for name, limits and restart policy.

enum class Protocol { kTcp, kUdp, kSctp };

/// `-p [ip:]host:container[/protocol]`; ranges are expanded by the caller.
struct PublishedPort {
  std::string host_ip;          ///< "": all addresses, IPv4 and IPv6.
  std::uint16_t host_port = 0;  ///< 0: any free one.
  std::uint16_t container_port = 0;
  Protocol protocol = Protocol::kTcp;
  bool operator==(const PublishedPort&) const = default;
};

/// How a container is to be on one network.
struct EndpointConfig {
  std::string network;  ///< Name or id.
  std::vector<std::string> aliases;
  std::string ipv4;  ///< "": assigned.
  std::string ipv6;
  std::string mac;
};

struct MountConfig {
  enum class Type { kBind, kVolume, kTmpfs, kSnapshot };
  using Propagation = sandbox::Propagation;
  Type type = Type::kBind;
  std::string source;  ///< Host path, volume name ("": a new anonymous volume), or snapshot id.
  std::string target;
  Access access = Access::kReadWrite;
  Propagation propagation = Propagation::kRecursivePrivate;
  bool create_source =
      false;             ///< `-v`: a missing host directory is made; `--mount`: it is an error.
  bool no_copy = false;  ///< Volumes: not populated from the image on first use.
  std::string subpath;   ///< Volumes: a directory inside, resolved in the volume.
  std::vector<std::pair<std::string, std::string>> volume_labels;
  std::string volume_driver;  ///< "" or "local".
  ByteCount tmpfs_size;       ///< 0: half of the memory, as tmpfs does.
  unsigned tmpfs_mode = 01777;
  std::vector<std::string>
      tmpfs_options;  ///< "noexec", "uid=5", …: those of tmpfs(5) that are safe.
};

/// Docker API: HealthConfig. An empty test means the image's; {"NONE"} switches it off.
struct HealthCheck {
  std::vector<std::string> test;  ///< {"CMD", argv…} or {"CMD-SHELL", text}
  Millis interval{30'000};
  Millis timeout{30'000};
  Millis start_period{0};
  Millis start_interval{5'000};
  int retries = 3;
};

struct RestartPolicy {
  enum class Kind { kNo, kOnFailure, kAlways, kUnlessStopped };
  Kind kind = Kind::kNo;
  int maximum_retries = 0;                                    ///< kOnFailure only; 0: no limit.
  static Result<RestartPolicy> parse(std::string_view text);  ///< "on-failure:3"
  std::string str() const;
};

struct LogConfig {
  enum class Driver { kLocal, kNone };
  Driver driver = Driver::kLocal;
  ByteCount max_size = 20_MiB;  ///< Of one file; rotated then.
  int max_files = 5;
};

struct ContainerConfig {
  // --- what runs ---
  std::string image;     ///< As the person wrote it; "host" for this machine's own tools.
  std::string image_id;  ///< "sha256:…"; filled in by Containers::create.
  std::optional<std::vector<std::string>> entrypoint;  ///< Nothing: the image's.
  std::vector<std::string> command;  ///< Empty: the image's (unless an entrypoint is given).
  std::vector<std::string> env;      ///< "NAME=value"; added to the image's.
  std::string user;
  std::string working_dir;
  std::string hostname;
  std::string domainname;
  bool tty = false;
  bool open_stdin = false;
  bool stdin_once = false;  ///< Stdin ends with the first attached client's.
  std::string stop_signal;
  std::optional<Millis> stop_timeout;
  std::optional<HealthCheck> health;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::string> exposed_ports;  ///< "80/tcp"
  // --- how it lives ---
  bool auto_remove = false;
  RestartPolicy restart;
  LogConfig log;
  // --- what it sees ---
  std::vector<MountConfig> mounts;
  bool read_only_root = false;
  std::vector<std::string> volumes_from;  ///< "container[:ro|rw]"
  std::string network_mode = "bridge";    ///< bridge | host | none | container:ID | network name
  std::vector<EndpointConfig>
      endpoints;  ///< For user-defined networks; the first one is network_mode's.
  std::vector<PublishedPort> ports;
  bool publish_all = false;
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;
  std::vector<std::pair<std::string, std::string>>
      extra_hosts;  ///< Name, address or "host-gateway".
  // --- what it may ---
  Limits limits;
  Isolation isolation;

  Json to_json() const;
  static Result<ContainerConfig> from_json(const Json& json);  ///< kCorrupt names the member.
};

}  // namespace slipway::sandbox
