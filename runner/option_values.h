#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sandbox/container_config.h"

namespace slipway::runner {

/// The texts in which docker's command line and API say what a container is to have, one grammar each. All are kInvalid
/// with `kind "text": cause`, kUnsupported for what docker can and this cannot, with the reason.

/// `-p [[IP:]HOST:]PORT[/PROTOCOL]`, with ranges ("8000-8002:80-82"), which come back as single ports.
Result<std::vector<sandbox::PublishedPort>> parse_published_ports(const std::string& text);
/// `--expose 80`, `80-82/udp` as "80/udp", …
Result<std::vector<std::string>> parse_exposed_ports(const std::string& text);

/// `-v [SRC:]DST[:OPTIONS]`. A SRC that starts with / . or ~ is a path of this machine, relative to the directory here.
Result<sandbox::MountConfig> parse_volume(const std::string& text);
/// `--mount type=…,source=…,target=…`, comma-separated values as CSV.
Result<sandbox::MountConfig> parse_mount(const std::string& text);
/// `--tmpfs DST[:OPTIONS]`
Result<sandbox::MountConfig> parse_tmpfs(const std::string& text);

/// `--security-opt`; seccomp=FILE is read here (at most 1 MiB).
Status apply_security_option(const std::string& text, sandbox::Isolation& isolation);
/// `--device HOST[:CONTAINER][:rwm]`
Result<sandbox::power::HostDevice> parse_device(const std::string& text);
/// "NET_RAW" of "cap_net_raw"; "ALL".
std::string capability_name(const std::string& text);
/// `--ulimit nofile=1024:2048`
Result<sandbox::Isolation::Ulimit> parse_ulimit(const std::string& text);

/// `NAME=VALUE`, VALUE may be missing.
std::pair<std::string, std::string> parse_pair(const std::string& text);
/// `--add-host NAME:IP`; IP may be host-gateway.
Result<std::pair<std::string, std::string>> parse_extra_host(const std::string& text);
enum class RateUnit { kBytes, kOperations };
/// `--device-read-bps /dev/sda:1m`
Result<sandbox::Limits::DeviceRate> parse_device_rate(const std::string& text, RateUnit unit);
/// Whether `text` is an address of IPv4, IPv6, or a MAC address.
bool is_ipv4(const std::string& text);
bool is_ipv6(const std::string& text);
bool is_mac(const std::string& text);
/// Number of "SIGQUIT", "quit" or "3". kInvalid for what is no signal.
Result<int> parse_signal(const std::string& text);

}  // namespace slipway::runner
