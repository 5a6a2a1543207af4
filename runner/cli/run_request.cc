// docker run's options read into a RunRequest. Each reader below handles one option's grammar.
#include "runner/cli/run_request.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "base/files.h"
#include "base/text.h"

namespace slipway::runner {
namespace {

tl::unexpected<Error> bad(std::string_view option, const std::string& value,
                          const std::string& cause, ErrorCode code = ErrorCode::kInvalid) {
  return fail(code, "option --" + std::string(option) + " \"" + printable(value) + "\": " + cause);
}

Result<double> positive_number(std::string_view option, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || end != text.c_str() + text.size() || !std::isfinite(value) || value <= 0) {
    return bad(option, text, "expected a number above 0");
  }
  return value;
}

Result<std::int64_t> whole_number(std::string_view option, const std::string& text,
                                  std::int64_t least) {
  const auto value = parse_int(text);
  if (!value || *value < least)
    return bad(option, text, "expected a whole number from " + std::to_string(least));
  return static_cast<std::int64_t>(*value);
}

/// SRC:DST[:OPTIONS] with docker's options; SELinux labels (z, Z) mean nothing here and are taken.
Result<sandbox::BindMount> read_volume(const std::string& text, bool shifted) {
  const auto parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 3)
    return bad("volume", text, "expected SRC:DST or SRC:DST:ro");
  sandbox::BindMount mount;
  mount.shifted = shifted;
  mount.target = std::string(parts[1]);
  if (!mount.target.starts_with('/')) return bad("volume", text, "DST must be an absolute path");
  if (mount.target == "/") return bad("volume", text, "DST must not be the root directory");
  if (parts.size() == 3) {
    for (const std::string_view option : split(parts[2], ',')) {
      if (option == "ro")
        mount.access = sandbox::Access::kReadOnly;
      else if (option != "rw" && option != "z" && option != "Z")
        return bad("volume", text, "unknown option \"" + printable(option) + "\"");
    }
  }
  const std::string source(parts[0]);
  if (!source.starts_with('/') && !source.starts_with('.') && !source.starts_with('~')) {
    return bad("volume", text,
               "named volumes are not there yet; write ./" + source + " for a directory",
               ErrorCode::kUnsupported);
  }
  std::error_code failed;
  mount.source = std::filesystem::canonical(source, failed).string();
  if (failed)
    return fail(errno_error(failed.value(), "option --volume: open " + printable(source)));
  return mount;
}

/// DST[:size=64m,mode=1777,…]
Result<sandbox::TmpfsMount> read_tmpfs(const std::string& text) {
  const std::size_t colon = text.find(':');
  sandbox::TmpfsMount mount;
  mount.target = text.substr(0, colon);
  if (!mount.target.starts_with('/')) return bad("tmpfs", text, "DST must be an absolute path");
  if (colon == std::string::npos) return mount;
  for (const std::string_view option : split(std::string_view(text).substr(colon + 1), ',')) {
    if (option.starts_with("size=")) {
      mount.size = SLIP_TRY_WITHIN("option --tmpfs", parse_size(option.substr(5)));
    } else if (option.starts_with("mode=")) {
      const std::string digits(option.substr(5));
      char* end = nullptr;
      mount.mode = static_cast<unsigned>(std::strtoul(digits.c_str(), &end, 8));
      if (digits.empty() || *end != '\0' || mount.mode > 07777)
        return bad("tmpfs", text, "mode wants octal digits");
    } else if (option != "rw" && option != "nosuid" && option != "nodev" && option != "noexec" &&
               option != "exec") {
      return bad("tmpfs", text, "unknown option \"" + printable(option) + "\"");
    }
  }
  return mount;
}

Result<std::pair<std::string, std::string>> read_host(const std::string& text) {
  const std::size_t border = text.find_first_of(":=");
  if (border == std::string::npos || border == 0 || border + 1 == text.size())
    return bad("add-host", text, "expected NAME:IP");
  const std::string address = text.substr(border + 1);
  if (address.find_first_not_of("0123456789abcdefABCDEF.:[]") != std::string::npos)
    return bad("add-host", text, "not an address");
  return std::pair(text.substr(0, border), address);
}

bool valid_name(const std::string& name) {
  constexpr std::string_view kFirst =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  return !name.empty() && name.size() <= 128 && kFirst.find(name[0]) != std::string_view::npos &&
         name.find_first_not_of(std::string(kFirst) + "_.-") == std::string::npos;
}

Status read_environment(const Invocation& invocation, const Environment& environment,
                        RunRequest& request) {
  for (const std::string& file : invocation.list("env-file")) {
    for (Assignment& assignment :
         SLIP_TRY_WITHIN("option --env-file", read_env_file(file, environment))) {
      request.env.push_back(std::move(assignment));
    }
  }
  for (const std::string& text : invocation.list("env")) {
    auto assignment = SLIP_TRY_WITHIN("option --env", parse_assignment(text, environment));
    if (assignment) request.env.push_back(*std::move(assignment));
  }
  return {};
}

Status read_limits(const Invocation& invocation, RunRequest& request) {
  for (const std::string_view option : {"cpus", "memory", "memory-swap", "pids-limit"}) {
    if (invocation.given(option)) request.limits_asked = true;
  }
  if (invocation.given("cpus"))
    request.limits.cpus = SLIP_TRY(positive_number("cpus", invocation.value("cpus")));
  if (invocation.given("memory"))
    request.limits.memory =
        SLIP_TRY_WITHIN("option --memory", parse_size(invocation.value("memory")));
  if (request.limits.memory && *request.limits.memory < 6_MiB) {
    return bad("memory", invocation.value("memory"), "at least 6m is needed to start a process");
  }
  if (const std::string swap = invocation.value("memory-swap"); !swap.empty()) {
    if (!request.limits.memory) return bad("memory-swap", swap, "goes only with --memory");
    // -1 is docker's word for unlimited swap; a limit nobody reaches says the same.
    request.limits.memory_swap = swap == "-1"
                                     ? ByteCount{std::uint64_t{1} << 62}
                                     : SLIP_TRY_WITHIN("option --memory-swap", parse_size(swap));
    if (*request.limits.memory_swap < *request.limits.memory)
      return bad("memory-swap", swap, "must not be below --memory");
  }
  if (invocation.given("pids-limit")) {
    request.limits.pids = SLIP_TRY(whole_number("pids-limit", invocation.value("pids-limit"), 1));
  }
  return {};
}

Status read_security(const Invocation& invocation, RunRequest& request) {
  request.add_capabilities = invocation.list("cap-add");
  request.drop_capabilities = invocation.list("cap-drop");
  for (const std::string& option : invocation.list("security-opt")) {
    if (option == "no-new-privileges" || option == "no-new-privileges=true" ||
        option == "no-new-privileges:true") {
      request.no_new_privileges = true;
    } else if (option == "no-new-privileges=false" || option == "no-new-privileges:false") {
      request.no_new_privileges = false;
    } else {
      return bad("security-opt", option, "only no-new-privileges[=true|false] is known",
                 ErrorCode::kUnsupported);
    }
  }
  return {};
}

Status read_mounts(const Invocation& invocation, bool host_root, RunRequest& request) {
  for (const std::string& text : invocation.list("volume"))
    request.mounts.emplace_back(SLIP_TRY(read_volume(text, host_root)));
  for (const std::string& text : invocation.list("tmpfs"))
    request.mounts.emplace_back(SLIP_TRY(read_tmpfs(text)));
  return {};
}

Status read_network(const Invocation& invocation, RunRequest& request) {
  const std::string mode = invocation.value("network", "none");
  if (mode == "bridge")
    return bad("network", mode, "bridge networks are not there yet; use none or host",
               ErrorCode::kUnsupported);
  request.network = mode == "host" ? sandbox::Network::kHost : sandbox::Network::kNone;
  for (const std::string& text : invocation.list("add-host"))
    request.extra_hosts.push_back(SLIP_TRY(read_host(text)));
  return {};
}

Status read_times(const Invocation& invocation, RunRequest& request) {
  if (invocation.given("stop-timeout")) {
    request.stop_grace = std::chrono::seconds(
        SLIP_TRY(whole_number("stop-timeout", invocation.value("stop-timeout"), 0)));
  }
  if (!invocation.given("timeout")) return {};
  request.timeout =
      SLIP_TRY_WITHIN("option --timeout", parse_duration(invocation.value("timeout")));
  if (request.timeout->count() <= 0)
    return bad("timeout", invocation.value("timeout"), "must be above 0");
  return {};
}

}  // namespace

Result<RunRequest> run_request(const Invocation& invocation, const Environment& environment,
                               bool host_root) {
  RunRequest request;
  request.image = invocation.operand(0);
  request.command.assign(invocation.operands().begin() + 1, invocation.operands().end());
  if (invocation.given("entrypoint")) request.entrypoint = invocation.value("entrypoint");
  request.user = invocation.value("user");
  request.workdir = invocation.value("workdir");
  if (!request.workdir.empty() && !request.workdir.starts_with('/'))
    return bad("workdir", request.workdir, "must be an absolute path");
  request.name = invocation.value("name");
  if (!request.name.empty() && !valid_name(request.name))
    return bad("name", request.name, "only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed");
  request.hostname = invocation.value("hostname");
  if (request.hostname.size() > 63 ||
      (!request.hostname.empty() && !valid_name(request.hostname))) {
    return bad("hostname", request.hostname, "not a host name");
  }
  request.read_only = invocation.flag("read-only");
  request.interactive = invocation.flag("interactive");
  request.tty = invocation.flag("tty");
  SLIP_TRY(read_environment(invocation, environment, request));
  SLIP_TRY(read_limits(invocation, request));
  SLIP_TRY(read_security(invocation, request));
  SLIP_TRY(read_mounts(invocation, host_root, request));
  SLIP_TRY(read_network(invocation, request));
  SLIP_TRY(read_times(invocation, request));
  return request;
}

}  // namespace slipway::runner
