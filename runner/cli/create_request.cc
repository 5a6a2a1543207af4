// docker create's options read into a container's config. Limits and networking have files of their own; the grammars
// of values are in runner/containers.
#include "runner/cli/create_request.h"

#include <algorithm>

#include "base/text.h"
#include "runner/cli/assignment.h"
#include "runner/cli/network_options.h"
#include "runner/container_powers.h"
#include "runner/option_values.h"
#include "sandbox/volumes.h"

namespace slipway::runner {
namespace {

using sandbox::ContainerConfig;
namespace power = sandbox::power;

std::string within_option(std::string_view option) { return "option --" + std::string(option); }

Status read_process(const Invocation& invocation, const Environment& environment,
                    ContainerConfig& config) {
  config.image = invocation.operand(0);
  config.command.assign(invocation.operands().begin() + 1, invocation.operands().end());
  if (invocation.given("entrypoint")) {
    const std::string entrypoint = invocation.value("entrypoint");
    config.entrypoint.emplace();
    if (!entrypoint.empty()) config.entrypoint->push_back(entrypoint);
  }
  config.env = SLIP_TRY(read_env_options(invocation, environment));
  config.user = invocation.value("user");
  config.working_dir = invocation.value("workdir");
  if (!config.working_dir.empty() && !config.working_dir.starts_with('/'))
    return bad_option("workdir", config.working_dir, "must be an absolute path");
  config.tty = invocation.flag("tty");
  config.open_stdin = invocation.flag("interactive");
  config.stop_signal = invocation.value("stop-signal");
  if (!config.stop_signal.empty())
    SLIP_TRY_WITHIN(within_option("stop-signal"), parse_signal(config.stop_signal));
  if (invocation.given("stop-timeout")) {
    config.stop_timeout = grace_of_seconds(
        SLIP_TRY(number_option(invocation, "stop-timeout", -1, std::int64_t{86'400} * 365)));
  }
  config.isolation.init = invocation.flag("init");
  config.isolation.group_add = invocation.list("group-add");
  return {};
}

bool is_host_name(const std::string& name) {
  return name.size() <= 63 && !name.starts_with('-') &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
             std::string::npos;
}

Result<std::vector<std::pair<std::string, std::string>>> read_labels(
    const Invocation& invocation, const Environment& environment) {
  std::vector<std::pair<std::string, std::string>> labels;
  for (const std::string& file : invocation.list("label-file")) {
    for (Assignment& label :
         SLIP_TRY_WITHIN(within_option("label-file"), read_env_file(file, environment)))
      labels.push_back(std::move(label));
  }
  for (const std::string& text : invocation.list("label")) {
    if (text.empty() || text.starts_with('='))
      return bad_option("label", text, "the name is missing");
    labels.push_back(parse_pair(text));
  }
  std::vector<std::pair<std::string, std::string>> last_wins;
  for (auto& label : labels) {
    const auto found = std::find_if(last_wins.begin(), last_wins.end(),
                                    [&](const auto& other) { return other.first == label.first; });
    if (found != last_wins.end())
      found->second = std::move(label.second);
    else
      last_wins.push_back(std::move(label));
  }
  return last_wins;
}

Status read_log_options(const Invocation& invocation, ContainerConfig& config) {
  const bool none = invocation.value("log-driver") == "none";
  if (none) config.log.driver = sandbox::LogConfig::Driver::kNone;
  for (const std::string& text : invocation.list("log-opt")) {
    const auto [name, value] = parse_pair(text);
    if (none) return bad_option("log-opt", text, "goes not with --log-driver none");
    if (name == "max-size") {
      config.log.max_size = SLIP_TRY_WITHIN(within_option("log-opt"), parse_size(value));
      if (config.log.max_size < 4_KiB) return bad_option("log-opt", text, "at least 4k");
    } else if (name == "max-file") {
      const auto count = parse_int(value);
      if (!count || *count < 1 || *count > 1000)
        return bad_option("log-opt", text, "expected a number from 1 to 1000");
      config.log.max_files = static_cast<int>(*count);
    } else {
      return bad_option("log-opt", text, "max-size and max-file are possible",
                        ErrorCode::kUnsupported);
    }
  }
  return {};
}

Status read_identity(const Invocation& invocation, const Environment& environment,
                     CreateRequest& request) {
  ContainerConfig& config = request.config;
  request.name = invocation.value("name");
  if (!request.name.empty() && !sandbox::valid_object_name(request.name))
    return bad_option("name", request.name, "only [a-zA-Z0-9][a-zA-Z0-9_.-]+ is allowed");
  request.cidfile = invocation.value("cidfile");
  request.platform = invocation.value("platform");
  request.quiet = invocation.flag("quiet");
  request.pull = invocation.value("pull", "missing");
  config.hostname = invocation.value("hostname");
  config.domainname = invocation.value("domainname");
  for (const std::string_view option : {"hostname", "domainname"}) {
    if (!is_host_name(invocation.value(option)))
      return bad_option(option, invocation.value(option), "not a host name");
  }
  config.labels = SLIP_TRY(read_labels(invocation, environment));
  config.auto_remove = invocation.flag("rm");
  config.restart = SLIP_TRY_WITHIN(within_option("restart"),
                                   sandbox::RestartPolicy::parse(invocation.value("restart")));
  if (config.auto_remove && config.restart.kind != sandbox::RestartPolicy::Kind::kNo)
    return fail(ErrorCode::kInvalid, "options --rm and --restart exclude each other");
  return read_log_options(invocation, config);
}

Result<Millis> health_duration(const Invocation& invocation, std::string_view option,
                               Millis fallback) {
  if (!invocation.given(option)) return fallback;
  const Millis duration =
      SLIP_TRY_WITHIN(within_option(option), parse_duration(invocation.value(option)));
  if (duration.count() < 0) return bad_option(option, invocation.value(option), "below 0");
  return duration.count() == 0 ? fallback : duration;
}

Status read_health(const Invocation& invocation, ContainerConfig& config) {
  constexpr std::array<std::string_view, 6> kOptions{
      "health-cmd",     "health-interval",     "health-timeout",
      "health-retries", "health-start-period", "health-start-interval"};
  const bool asked = std::any_of(kOptions.begin(), kOptions.end(),
                                 [&](std::string_view option) { return invocation.given(option); });
  if (invocation.flag("no-healthcheck")) {
    if (asked)
      return fail(ErrorCode::kInvalid, "option --no-healthcheck goes not with --health-… options");
    config.health.emplace().test = {"NONE"};
    return {};
  }
  if (!asked) return {};
  sandbox::HealthCheck& health = config.health.emplace();
  if (invocation.given("health-cmd")) health.test = {"CMD-SHELL", invocation.value("health-cmd")};
  health.interval = SLIP_TRY(health_duration(invocation, "health-interval", health.interval));
  health.timeout = SLIP_TRY(health_duration(invocation, "health-timeout", health.timeout));
  health.start_period =
      SLIP_TRY(health_duration(invocation, "health-start-period", health.start_period));
  health.start_interval =
      SLIP_TRY(health_duration(invocation, "health-start-interval", health.start_interval));
  if (invocation.given("health-retries")) {
    const auto retries = SLIP_TRY(number_option(invocation, "health-retries", 0, 1'000'000));
    if (retries > 0) health.retries = static_cast<int>(retries);
  }
  return {};
}

Status read_files(const Invocation& invocation, ContainerConfig& config) {
  for (const std::string& text : invocation.list("volume"))
    config.mounts.push_back(SLIP_TRY_WITHIN(within_option("volume"), parse_volume(text)));
  for (const std::string& text : invocation.list("mount"))
    config.mounts.push_back(SLIP_TRY_WITHIN(within_option("mount"), parse_mount(text)));
  for (const std::string& text : invocation.list("tmpfs"))
    config.mounts.push_back(SLIP_TRY_WITHIN(within_option("tmpfs"), parse_tmpfs(text)));
  for (auto mount = config.mounts.begin(); mount != config.mounts.end(); ++mount) {
    const auto same = std::find_if(config.mounts.begin(), mount, [&](const auto& other) {
      return other.target == mount->target;
    });
    if (same != mount)
      return fail(ErrorCode::kInvalid, "duplicate mount point: " + printable(mount->target));
  }
  for (const std::string& text : invocation.list("volumes-from")) {
    const auto parts = split(text, ':');
    if (parts[0].empty() || parts.size() > 2 ||
        (parts.size() == 2 && parts[1] != "ro" && parts[1] != "rw" && parts[1] != "z" &&
         parts[1] != "Z"))
      return bad_option("volumes-from", text, "expected CONTAINER[:ro|rw]");
    config.volumes_from.push_back(text);
  }
  config.read_only_root = invocation.flag("read-only");
  if (invocation.given("shm-size"))
    config.isolation.shm_size =
        SLIP_TRY_WITHIN(within_option("shm-size"), parse_size(invocation.value("shm-size")));
  return {};
}

/// host, container:NAME and the words that mean the default.
Status read_namespaces(const Invocation& invocation, sandbox::Isolation& isolation) {
  const auto joined = [&](std::string_view option) {
    const std::string value = invocation.value(option);
    return value.starts_with("container:") ? value.substr(10) : std::string();
  };
  const auto wrong = [&](std::string_view option, const std::string& expected) {
    return bad_option(option, invocation.value(option), "expected " + expected);
  };
  isolation.pid_of = joined("pid");
  if (const std::string pid = invocation.value("pid"); pid == "host")
    isolation.powers.emplace_back(power::HostPid{});
  else if (!pid.empty() && pid != "private" && isolation.pid_of.empty())
    return wrong("pid", "host or container:NAME");
  isolation.ipc_of = joined("ipc");
  if (const std::string ipc = invocation.value("ipc"); ipc == "host")
    isolation.powers.emplace_back(power::HostIpc{});
  else if (ipc == "none")
    isolation.ipc_none = true;
  else if (!ipc.empty() && ipc != "private" && ipc != "shareable" && isolation.ipc_of.empty())
    return wrong("ipc", "private, shareable, none, host or container:NAME");
  if (const std::string uts = invocation.value("uts"); uts == "host")
    isolation.powers.emplace_back(power::HostUts{});
  else if (!uts.empty())
    return wrong("uts", "host");
  if (const std::string users = invocation.value("userns"); users == "host")
    isolation.powers.emplace_back(power::HostUserNamespace{});
  else if (!users.empty() && users != "private")
    return wrong("userns", "host");
  if (invocation.value("cgroupns") == "host") isolation.powers.emplace_back(power::HostCgroups{});
  return {};
}

Status read_security(const Invocation& invocation, sandbox::Isolation& isolation) {
  if (invocation.flag("privileged")) isolation.powers.emplace_back(power::Privileged{});
  for (const std::string& name : invocation.list("cap-add"))
    isolation.powers.emplace_back(power::AddedCapability{capability_name(name)});
  for (const std::string& name : invocation.list("cap-drop"))
    isolation.drop_capabilities.push_back(capability_name(name));
  for (const std::string& text : invocation.list("security-opt"))
    SLIP_TRY_WITHIN(within_option("security-opt"), apply_security_option(text, isolation));
  for (const std::string& text : invocation.list("device"))
    isolation.powers.emplace_back(SLIP_TRY_WITHIN(within_option("device"), parse_device(text)));
  for (const std::string& rule : invocation.list("device-cgroup-rule"))
    isolation.powers.emplace_back(power::DeviceAccess{rule});
  SLIP_TRY(read_namespaces(invocation, isolation));
  for (const std::string& text : invocation.list("sysctl")) {
    if (text.find('=') == std::string::npos || text.starts_with('='))
      return bad_option("sysctl", text, "expected NAME=VALUE");
    isolation.sysctls.push_back(parse_pair(text));
  }
  for (const std::string& text : invocation.list("ulimit"))
    isolation.ulimits.push_back(SLIP_TRY_WITHIN(within_option("ulimit"), parse_ulimit(text)));
  return {};
}

}  // namespace

tl::unexpected<Error> bad_option(std::string_view option, const std::string& value,
                                 const std::string& cause, ErrorCode code) {
  return fail(code, "option --" + std::string(option) + " \"" + printable(value) + "\": " + cause);
}

Result<std::int64_t> number_option(const Invocation& invocation, std::string_view option,
                                   std::int64_t least, std::int64_t most) {
  const std::string text = invocation.value(option);
  const auto value = parse_int(text);
  if (!value || *value < least || *value > most)
    return bad_option(
        option, text,
        "expected a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return static_cast<std::int64_t>(*value);
}

Millis grace_of_seconds(std::int64_t seconds) {
  // A century is never, and still fits into every clock.
  constexpr std::int64_t kNever = std::int64_t{100} * 365 * 86'400;
  return std::chrono::seconds(seconds < 0 ? kNever : seconds);
}

Result<std::vector<std::string>> read_env_options(const Invocation& invocation,
                                                  const Environment& environment) {
  std::vector<std::string> env;
  for (const std::string& file : invocation.list("env-file")) {
    for (const Assignment& assignment :
         SLIP_TRY_WITHIN("option --env-file", read_env_file(file, environment)))
      env.push_back(assignment.first + "=" + assignment.second);
  }
  for (const std::string& text : invocation.list("env")) {
    const auto assignment = SLIP_TRY_WITHIN("option --env", parse_assignment(text, environment));
    if (assignment) env.push_back(assignment->first + "=" + assignment->second);
  }
  return env;
}

Result<CreateRequest> read_create_request(const Invocation& invocation,
                                          const Environment& environment) {
  CreateRequest request;
  ContainerConfig& config = request.config;
  SLIP_TRY(read_process(invocation, environment, config));
  SLIP_TRY(read_identity(invocation, environment, request));
  SLIP_TRY(read_health(invocation, config));
  SLIP_TRY(read_files(invocation, config));
  SLIP_TRY(read_networking(invocation, config));
  SLIP_TRY(read_security(invocation, config.isolation));
  config.limits = SLIP_TRY(read_limits(invocation, {}));
  for (const auto& [option, rates, unit] :
       {std::tuple("device-read-bps", &config.limits.read_bps, RateUnit::kBytes),
        std::tuple("device-write-bps", &config.limits.write_bps, RateUnit::kBytes),
        std::tuple("device-read-iops", &config.limits.read_iops, RateUnit::kOperations),
        std::tuple("device-write-iops", &config.limits.write_iops, RateUnit::kOperations)}) {
    for (const std::string& text : invocation.list(option))
      rates->push_back(SLIP_TRY_WITHIN(within_option(option), parse_device_rate(text, unit)));
  }
  if (invocation.given("oom-score-adj"))
    config.limits.oom_score_adj =
        static_cast<int>(SLIP_TRY(number_option(invocation, "oom-score-adj", -1000, 1000)));
  complete_powers(config);
  return request;
}

}  // namespace slipway::runner
