// HostConfig: what a container may, and how it lives.
#include "web/docker_api/host_config.h"

#include <array>
#include <cmath>

#include "base/text.h"
#include "base/units.h"
#include "runner/option_values.h"
#include "web/docker_api/container_config.h"

namespace slipway::web::docker_api {
namespace {

using sandbox::ContainerConfig;
using sandbox::Isolation;
namespace power = sandbox::power;

tl::unexpected<Error> bad_member(std::string_view member, std::string_view text,
                                 std::string_view cause) {
  return fail(ErrorCode::kInvalid,
              std::string(member) + " \"" + printable(text) + "\": " + std::string(cause));
}

/// "", "private", "host" and "container:ID" of PidMode and its siblings.
template <typename HostPower>
Status read_mode(const Json& host, std::string_view member, std::string* joined,
                 Isolation& isolation) {
  const std::string mode(host[member].string_or(""));
  if (mode.empty() || mode == "private") return {};
  if (mode == "host") {
    isolation.powers.emplace_back(HostPower{});
    return {};
  }
  if (joined != nullptr && mode.starts_with("container:")) {
    *joined = mode.substr(10);
    return {};
  }
  return bad_member(member, mode, "not known here");
}

Status read_namespaces(const Json& host, Isolation& isolation) {
  SLIP_TRY(read_mode<power::HostPid>(host, "PidMode", &isolation.pid_of, isolation));
  const std::string_view ipc = host["IpcMode"].string_or("");
  if (ipc == "none")
    isolation.ipc_none = true;
  else if (ipc != "shareable")  // ours always are
    SLIP_TRY(read_mode<power::HostIpc>(host, "IpcMode", &isolation.ipc_of, isolation));
  SLIP_TRY(read_mode<power::HostUts>(host, "UTSMode", nullptr, isolation));
  SLIP_TRY(read_mode<power::HostUserNamespace>(host, "UsernsMode", nullptr, isolation));
  return read_mode<power::HostCgroups>(host, "CgroupnsMode", nullptr, isolation);
}

Status read_security(const Json& host, Isolation& isolation) {
  if (host["Privileged"].bool_or(false)) isolation.powers.emplace_back(power::Privileged{});
  for (const std::string& name : strings(host["CapAdd"]))
    isolation.powers.emplace_back(power::AddedCapability{runner::capability_name(name)});
  for (const std::string& name : strings(host["CapDrop"]))
    isolation.drop_capabilities.push_back(runner::capability_name(name));
  for (const std::string& option : strings(host["SecurityOpt"])) {
    // Docker's clients read the file themselves and send what is in it.
    if (option.starts_with("seccomp={") || option.starts_with("seccomp:{")) {
      isolation.powers.emplace_back(power::CustomSeccomp{option.substr(8)});
      continue;
    }
    if (option.starts_with("seccomp=") && option != "seccomp=unconfined" &&
        option != "seccomp=builtin")
      return bad_member("SecurityOpt", option, "send the profile's JSON, not a file's name");
    if (option == "seccomp=builtin" || option == "label=disable" || option == "label:disable")
      continue;
    SLIP_TRY(runner::apply_security_option(option, isolation));
  }
  for (const Json& json : host["Devices"].items()) {
    power::HostDevice device;
    device.path_on_host = json["PathOnHost"].string_or("");
    device.path_in_container = json["PathInContainer"].string_or("");
    if (device.path_in_container.empty()) device.path_in_container = device.path_on_host;
    if (const auto permissions = json["CgroupPermissions"].string_or(""); !permissions.empty())
      device.permissions = permissions;
    isolation.powers.emplace_back(std::move(device));
  }
  // Known by docker, and of no effect where nothing of the kind exists; asked for, they must not be passed over.
  if (!host["DeviceRequests"].items().empty()) {
    const Json& first = host["DeviceRequests"].items().front();
    return fail(ErrorCode::kUnsupported, "could not select device driver \"" +
                                             printable(first["Driver"].string_or("")) +
                                             "\": GPUs and CDI devices are not supported");
  }
  if (!host["DeviceCgroupRules"].items().empty())
    return fail(ErrorCode::kUnsupported, "DeviceCgroupRules: name the devices (--device) instead");
  return {};
}

Status read_ulimits(const Json& host, Isolation& isolation) {
  for (const Json& json : host["Ulimits"].items()) {
    const std::string name(json["Name"].string_or(""));
    const std::string soft = std::to_string(json["Soft"].int_or(0));
    const std::string hard = std::to_string(json["Hard"].int_or(0));
    isolation.ulimits.push_back(SLIP_TRY(runner::parse_ulimit(name + "=" + soft + ":" + hard)));
  }
  return {};
}

Status read_log_config(const Json& json, sandbox::LogConfig& log) {
  const std::string type(json["Type"].string_or(""));
  if (type == "none") {
    log.driver = sandbox::LogConfig::Driver::kNone;
    return {};
  }
  if (!type.empty() && type != "json-file" && type != "local")
    return fail(ErrorCode::kUnsupported, "log driver \"" + printable(type) +
                                             "\" is not supported: json-file, local and none are");
  for (const auto& [name, value] : string_pairs(json["Config"])) {
    if (name == "max-size") {
      log.max_size = SLIP_TRY_WITHIN("log option max-size", parse_size(value));
    } else if (name == "max-file") {
      const auto count = parse_int(value);
      if (!count || *count < 1 || *count > 1000)
        return bad_member("max-file", value, "expected 1 to 1000");
      log.max_files = static_cast<int>(*count);
    }  // compress, labels, env, tag: they change docker's files only
  }
  return {};
}

Status read_rates(const Json& list, std::vector<sandbox::Limits::DeviceRate>& rates) {
  if (list.is_null()) return {};
  rates.clear();
  for (const Json& json : list.items()) {
    const std::int64_t rate = json["Rate"].int_or(0);
    if (rate <= 0) return bad_member("Rate", std::to_string(rate), "must be above 0");
    rates.push_back({std::string(json["Path"].string_or("")), static_cast<std::uint64_t>(rate)});
  }
  return {};
}

Status read_processors(const Json& json, sandbox::Limits& limits) {
  constexpr double kNano = 1e9;
  if (const std::int64_t nano = json["NanoCpus"].int_or(0); nano != 0) {
    if (nano < 0) return bad_member("NanoCpus", std::to_string(nano), "must not be negative");
    limits.cpus = static_cast<double>(nano) / kNano;
  }
  if (const std::int64_t quota = json["CpuQuota"].int_or(0); quota > 0) {
    const std::int64_t period = json["CpuPeriod"].int_or(0);
    if (period != 0 && (period < 1000 || period > 1'000'000))
      return bad_member("CpuPeriod", std::to_string(period),
                        "cannot be less than 1ms or larger than 1s");
    limits.cpus = static_cast<double>(quota) / static_cast<double>(period == 0 ? 100'000 : period);
  }
  if (const std::int64_t shares = json["CpuShares"].int_or(0); shares != 0) {
    if (shares < 2 || shares > 262'144)
      return bad_member("CpuShares", std::to_string(shares), "expected 2 to 262144");
    limits.cpu_shares = static_cast<std::uint64_t>(shares);
  }
  for (const auto& [member, list] : {std::pair("CpusetCpus", &limits.cpuset_cpus),
                                     std::pair("CpusetMems", &limits.cpuset_mems)}) {
    const std::string text(json[member].string_or(""));
    if (text.find_first_not_of("0123456789,-") != std::string::npos)
      return bad_member(member, text, "expected a list such as 0-1,3");
    if (!text.empty()) *list = text;
  }
  return {};
}

Status read_memory(const Json& json, sandbox::Limits& limits) {
  if (const std::int64_t memory = json["Memory"].int_or(0); memory != 0) {
    if (memory < 0 || ByteCount{static_cast<std::uint64_t>(memory)} < 6_MiB)
      return fail(ErrorCode::kInvalid, "minimum memory limit allowed is 6MB");
    limits.memory = ByteCount{static_cast<std::uint64_t>(memory)};
  }
  const std::int64_t swap = json["MemorySwap"].int_or(0);
  if (swap != 0) {
    if (!limits.memory)
      return fail(ErrorCode::kInvalid,
                  "you should always set the Memory limit when using Memoryswap limit");
    limits.memory_swap =
        ByteCount{swap < 0 ? std::uint64_t{1} << 62 : static_cast<std::uint64_t>(swap)};
    if (*limits.memory_swap < *limits.memory)
      return fail(ErrorCode::kInvalid,
                  "minimum memoryswap limit should be larger than memory limit");
  }
  if (const std::int64_t kept = json["MemoryReservation"].int_or(0); kept > 0) {
    limits.memory_reservation = ByteCount{static_cast<std::uint64_t>(kept)};
    if (limits.memory && *limits.memory_reservation > *limits.memory)
      return fail(ErrorCode::kInvalid,
                  "minimum memory limit can not be less than memory reservation limit");
  }
  return {};
}

}  // namespace

Result<sandbox::Limits> read_resources(const Json& json, sandbox::Limits limits) {
  SLIP_TRY(read_processors(json, limits));
  SLIP_TRY(read_memory(json, limits));
  if (const Json& pids = json["PidsLimit"]; pids.is_int()) {
    const std::int64_t value = pids.int_or(0);
    limits.pids = value <= 0 ? -1 : value;
  }
  if (const std::int64_t weight = json["BlkioWeight"].int_or(0); weight != 0) {
    if (weight < 10 || weight > 1000)
      return fail(ErrorCode::kInvalid, "range of blkio weight is from 10 to 1000");
    limits.blkio_weight = static_cast<unsigned>(weight);
  }
  SLIP_TRY(read_rates(json["BlkioDeviceReadBps"], limits.read_bps));
  SLIP_TRY(read_rates(json["BlkioDeviceWriteBps"], limits.write_bps));
  SLIP_TRY(read_rates(json["BlkioDeviceReadIOps"], limits.read_iops));
  SLIP_TRY(read_rates(json["BlkioDeviceWriteIOps"], limits.write_iops));
  return limits;
}

Result<sandbox::RestartPolicy> read_restart_policy(const Json& json) {
  const std::string name(json["Name"].string_or(""));
  const std::int64_t retries = json["MaximumRetryCount"].int_or(0);
  if (retries != 0 && name != "on-failure")
    return fail(ErrorCode::kInvalid,
                "invalid restart policy: maximum retry count can only be used with 'on-failure'");
  std::string text = name;
  if (retries > 0) text += ":" + std::to_string(retries);
  return sandbox::RestartPolicy::parse(text);
}

Status read_host_config(const Json& host, ContainerConfig& config) {
  Isolation& isolation = config.isolation;
  config.auto_remove = host["AutoRemove"].bool_or(false);
  config.restart = SLIP_TRY(read_restart_policy(host["RestartPolicy"]));
  if (config.auto_remove && config.restart.kind != sandbox::RestartPolicy::Kind::kNo)
    return fail(ErrorCode::kInvalid, "can't create 'AutoRemove' container with restart policy");
  config.read_only_root = host["ReadonlyRootfs"].bool_or(false);
  config.dns = strings(host["Dns"]);
  config.dns_search = strings(host["DnsSearch"]);
  config.dns_options = strings(host["DnsOptions"]);
  for (const std::string& text : strings(host["ExtraHosts"]))
    config.extra_hosts.push_back(SLIP_TRY(runner::parse_extra_host(text)));
  config.limits = SLIP_TRY(read_resources(host, config.limits));
  if (const std::int64_t score = host["OomScoreAdj"].int_or(0); score != 0) {
    if (score < -1000 || score > 1000)
      return fail(ErrorCode::kInvalid, "invalid value " + std::to_string(score) +
                                           ", range for oom score adj is [-1000, 1000]");
    config.limits.oom_score_adj = static_cast<int>(score);
  }
  SLIP_TRY(read_namespaces(host, isolation));
  SLIP_TRY(read_security(host, isolation));
  SLIP_TRY(read_ulimits(host, isolation));
  SLIP_TRY(read_log_config(host["LogConfig"], config.log));
  isolation.sysctls = string_pairs(host["Sysctls"]);
  isolation.group_add = strings(host["GroupAdd"]);
  isolation.init = host["Init"].bool_or(false);
  if (const std::int64_t size = host["ShmSize"].int_or(0); size != 0) {
    if (size < 0) return fail(ErrorCode::kInvalid, "SHM size can not be less than 0");
    isolation.shm_size = ByteCount{static_cast<std::uint64_t>(size)};
  }
  return {};
}

}  // namespace slipway::web::docker_api
