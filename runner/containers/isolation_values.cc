// Isolation and limits as docker writes them: security options, devices, ulimits, signals.
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "runner/option_values.h"

namespace slipway::runner {
namespace {

tl::unexpected<Error> bad(const std::string& kind, const std::string& text,
                          const std::string& cause, ErrorCode code = ErrorCode::kInvalid) {
  return fail(code, kind + " \"" + printable(text) + "\": " + cause);
}

bool is_device_mode(std::string_view word) {
  return !word.empty() && word.size() <= 3 &&
         word.find_first_not_of("rwm") == std::string_view::npos;
}

Result<std::int64_t> parse_ulimit_number(std::string_view word, const std::string& text) {
  if (word == "unlimited") return -1;
  const auto number = parse_int(word);
  if (!number || *number < -1)
    return bad("ulimit", text, "expected a number from 0, or -1 for unlimited");
  return *number;
}

Status apply_seccomp(const std::string& value, const std::string& text,
                     sandbox::Isolation& isolation) {
  if (value == "builtin") return {};
  if (value == "unconfined") {
    isolation.powers.emplace_back(sandbox::power::UnconfinedSeccomp{});
    return {};
  }
  // A profile itself comes from API clients, which have read the file.
  const bool inline_profile = value.starts_with('{');
  std::string profile =
      inline_profile ? value : SLIP_TRY_WITHIN("security option seccomp", read_file(value, 1_MiB));
  if (const Result<Json> json = parse_json(profile); !json)
    return bad("security option", inline_profile ? "seccomp={…}" : text, json.error().text());
  isolation.powers.emplace_back(sandbox::power::CustomSeccomp{std::move(profile)});
  return {};
}

}  // namespace

// Docker run reference, "Security configuration".
Status apply_security_option(const std::string& text, sandbox::Isolation& isolation) {
  const std::size_t border = text.find_first_of("=:");
  const std::string name = text.substr(0, border);
  const std::string value = border == std::string::npos ? "" : text.substr(border + 1);
  if (name == "no-new-privileges") {
    if (value != "" && value != "true" && value != "false")
      return bad("security option", text, "expected true or false");
    isolation.no_new_privileges = value != "false";
  } else if (name == "seccomp" && !value.empty()) {
    SLIP_TRY(apply_seccomp(value, text, isolation));
  } else if (name == "apparmor" && !value.empty()) {
    isolation.apparmor_profile = value == "unconfined" ? "" : value;
  } else if (text == "systempaths=unconfined") {
    isolation.powers.emplace_back(sandbox::power::UnmaskedPaths{});
  } else if (name == "label") {
    if (value == "disable") return {};  // SELinux labels are never set here
    return bad("security option", text, "SELinux labels are not set by this engine",
               ErrorCode::kUnsupported);
  } else {
    return bad("security option", text,
               "expected no-new-privileges, seccomp=…, apparmor=… or systempaths=unconfined",
               name == "credentialspec" || name == "writable-cgroups" ? ErrorCode::kUnsupported
                                                                      : ErrorCode::kInvalid);
  }
  return {};
}

Result<sandbox::power::HostDevice> parse_device(const std::string& text) {
  const auto parts = split(text, ':');
  sandbox::power::HostDevice device;
  device.path_on_host = std::string(parts[0]);
  device.path_in_container = device.path_on_host;
  if (parts.size() == 2 && is_device_mode(parts[1])) {
    device.permissions = std::string(parts[1]);
  } else if (parts.size() >= 2) {
    device.path_in_container = std::string(parts[1]);
  }
  if (parts.size() == 3) device.permissions = std::string(parts[2]);
  if (parts.size() > 3 || !is_device_mode(device.permissions))
    return bad("device", text, "expected HOST[:CONTAINER][:rwm]");
  if (!device.path_on_host.starts_with('/') || !device.path_in_container.starts_with('/'))
    return bad("device", text, "paths must be absolute");
  return device;
}

std::string capability_name(const std::string& text) {
  std::string name = text;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return name.starts_with("CAP_") ? name.substr(4) : name;
}

// Spec: getrlimit(2); the names are docker's (go-units, ulimit.go).
Result<sandbox::Isolation::Ulimit> parse_ulimit(const std::string& text) {
  static const std::set<std::string_view> kNames{
      "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
      "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};
  const auto [name, value] = parse_pair(text);
  if (!kNames.contains(name)) return bad("ulimit", text, "unknown name; see getrlimit(2)");
  const std::size_t colon = value.find(':');
  sandbox::Isolation::Ulimit limit;
  limit.name = name;
  limit.soft = SLIP_TRY(parse_ulimit_number(value.substr(0, colon), text));
  limit.hard = colon == std::string::npos
                   ? limit.soft
                   : SLIP_TRY(parse_ulimit_number(value.substr(colon + 1), text));
  const bool soft_above = limit.hard != -1 && (limit.soft == -1 || limit.soft > limit.hard);
  if (soft_above) return bad("ulimit", text, "the soft limit is above the hard one");
  return limit;
}

Result<sandbox::Limits::DeviceRate> parse_device_rate(const std::string& text, RateUnit unit) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || !text.starts_with('/'))
    return bad("rate", text, "expected DEVICE:RATE with an absolute path");
  const std::string number = text.substr(colon + 1);
  std::uint64_t rate = 0;
  if (unit == RateUnit::kBytes) {
    rate = SLIP_TRY(parse_size(number)).value;
  } else if (const auto count = parse_int(number); count && *count > 0) {
    rate = static_cast<std::uint64_t>(*count);
  }
  if (rate == 0) return bad("rate", text, "expected a number above 0");
  return sandbox::Limits::DeviceRate{text.substr(0, colon), rate};
}

Result<int> parse_signal(const std::string& text) {
  if (const auto number = parse_int(text)) {
    if (*number > 0 && *number <= SIGRTMAX) return static_cast<int>(*number);
    return bad("signal", text, "no such signal");
  }
  const std::string upper = capability_name(text);  // upper case is what is wanted
  const std::string name = upper.starts_with("SIG") ? upper.substr(3) : upper;
  for (int signal = 1; signal < 32; ++signal) {
    const char* known = ::sigabbrev_np(signal);
    if (known != nullptr && name == known) return signal;
  }
  for (const auto& [prefix, base, sign] :
       {std::tuple("RTMIN", SIGRTMIN, 1), std::tuple("RTMAX", SIGRTMAX, -1)}) {
    if (!name.starts_with(prefix)) continue;
    const std::string rest = name.substr(name.find('+') == 5 ? 6 : 5);
    const auto offset = rest.empty() ? std::optional<long long>(0) : parse_int(rest);
    const long long number = base + offset.value_or(1000);
    if (offset && *offset * sign >= 0 && number >= SIGRTMIN && number <= SIGRTMAX)
      return static_cast<int>(number);
  }
  return bad("signal", text, "no such signal");
}

}  // namespace slipway::runner
