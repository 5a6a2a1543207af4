// What docker does with an image's config and what was asked for: command, environment, home, stop signal, health
// check.
#include "sandbox/containers/resolve.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/base_image.h"
#include "sandbox/containers/home.h"

namespace slipway::sandbox {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// The topmost layer's that has one, or the machine's own for its own tools.
std::string home_of(const ImageParts& image, const std::string& user) {
  std::vector<std::string> tops;
  for (const cachestore::Snapshot& snapshot : image.snapshots)
    tops.insert(tops.begin(), snapshot.path);
  if (image.host_tools) tops = {"/"};
  for (const std::string& top : tops) {
    const auto directory = open_file(top, O_PATH | O_DIRECTORY);
    const std::string passwd = directory ? passwd_of(directory->get()) : "";
    if (!passwd.empty()) return home_in(passwd, user);
  }
  return home_in("", user);
}

// Spec: Docker run reference: an entrypoint also drops the image's CMD.
Status resolve_command(Record& record, const ImageParts& image) {
  const ContainerConfig& config = record.config;
  record.argv = config.entrypoint ? *config.entrypoint : image.config.entrypoint;
  if (config.entrypoint && config.entrypoint->size() == 1 && config.entrypoint->front().empty())
    record.argv.clear();  // --entrypoint ""
  const bool image_command = config.command.empty() && !config.entrypoint;
  const auto& command = image_command ? image.config.cmd : config.command;
  record.argv.insert(record.argv.end(), command.begin(), command.end());
  if (!record.argv.empty() && !record.argv[0].empty()) return {};
  return fail(ErrorCode::kInvalid, "create container of " + printable(config.image) +
                                       ": no command given and the image has none");
}

Status resolve_environment(Record& record, const ImageParts& image) {
  const ContainerConfig& config = record.config;
  set_env(record.env, std::string("PATH=") + kDefaultPath);
  set_env(record.env, "HOSTNAME=" + record.hostname);
  if (config.tty) set_env(record.env, "TERM=xterm");
  for (const std::string& entry : image.config.env) {
    if (entry.find('=') != std::string::npos) set_env(record.env, entry);
  }
  for (const std::string& entry : config.env) {
    const std::size_t equals = entry.find('=');
    if (equals == 0 || entry.find('\0') != std::string::npos)
      return fail(ErrorCode::kInvalid, "set variable \"" + printable(entry) + "\": no name");
    // Docker: a bare NAME takes the variable away.
    if (equals == std::string::npos)
      std::erase_if(record.env, [&](const auto& one) { return one.starts_with(entry + "="); });
    else
      set_env(record.env, entry);
  }
  if (!has_env(record.env, "HOME")) set_env(record.env, "HOME=" + home_of(image, record.user));
  return {};
}

// The image's labels below the person's own.
void resolve_labels(Record& record, const ImageParts& image) {
  auto& labels = record.config.labels;
  for (const auto& label : image.config.labels) {
    const bool given = std::any_of(labels.begin(), labels.end(),
                                   [&](const auto& one) { return one.first == label.first; });
    if (!given) labels.push_back(label);
  }
}

void resolve_ports(Record& record, const ImageParts& image) {
  auto& ports = record.config.exposed_ports;
  for (const std::string& port : image.config.exposed_ports) {
    if (std::find(ports.begin(), ports.end(), port) == ports.end()) ports.push_back(port);
  }
}

// What is not said is docker's default; {"NONE"} is no check at all.
std::optional<HealthCheck> image_health(const cachestore::Healthcheck& said) {
  if (said.test.empty()) return std::nullopt;
  const auto either = [](std::chrono::nanoseconds time, Millis usual) {
    return time.count() > 0 ? std::chrono::duration_cast<Millis>(time) : usual;
  };
  HealthCheck check;
  check.test = said.test;
  check.interval = either(said.interval, check.interval);
  check.timeout = either(said.timeout, check.timeout);
  check.start_period = either(said.start_period, check.start_period);
  check.start_interval = either(said.start_interval, check.start_interval);
  if (said.retries > 0)
    check.retries = static_cast<int>(std::min<std::int64_t>(said.retries, 1000));
  return check;
}

std::optional<HealthCheck> resolve_health(const ContainerConfig& config, const ImageParts& image) {
  std::optional<HealthCheck> check = config.health;
  if (!check || check->test.empty()) {
    auto of_image =
        image.config.healthcheck ? image_health(*image.config.healthcheck) : std::nullopt;
    if (check && of_image) check->test = of_image->test;  // Only times were given.
    if (!check) check = std::move(of_image);
  }
  if (!check || check->test.empty() || check->test[0] == "NONE") return std::nullopt;
  return check;
}

}  // namespace

Result<ImageParts> find_image(cachestore::Store& store, const std::string& name) {
  ImageParts parts;
  if (name == "host") {
    parts.host_tools = true;
    parts.snapshots.push_back(SLIP_TRY(host_base(store)));
    return parts;
  }
  cachestore::Image image = SLIP_TRY(store.image(name));
  parts.id = image.id.str();
  parts.config = std::move(image.config);
  parts.snapshots = std::move(image.layers);
  if (parts.snapshots.empty()) parts.snapshots.push_back(SLIP_TRY(empty_base(store)));
  return parts;
}

Status resolve(Record& record, const ImageParts& image) {
  ContainerConfig& config = record.config;
  config.image_id = image.id;
  record.host_tools = image.host_tools;
  for (const cachestore::Snapshot& snapshot : image.snapshots)
    record.snapshots.push_back(snapshot.id);
  record.hostname = config.hostname.empty() ? record.id.substr(0, 12) : config.hostname;
  record.user = config.user.empty() ? image.config.user : config.user;
  record.cwd = !config.working_dir.empty()         ? config.working_dir
               : !image.config.working_dir.empty() ? image.config.working_dir
                                                   : "/";
  if (record.cwd[0] != '/')
    return fail(ErrorCode::kInvalid,
                "use working directory " + printable(record.cwd) + ": it is not an absolute path");
  SLIP_TRY(resolve_command(record, image));
  SLIP_TRY(resolve_environment(record, image));
  resolve_labels(record, image);
  resolve_ports(record, image);
  record.health = resolve_health(config, image);
  if (!config.stop_signal.empty()) {
    record.stop_signal = SLIP_TRY(signal_number(config.stop_signal));
  } else {
    record.stop_signal = signal_number(image.config.stop_signal).value_or(SIGTERM);
  }
  return {};
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? std::string("SIG") + name : std::to_string(signal);
}

Result<int> signal_number(const std::string& name) {
  if (name.empty()) return SIGTERM;
  if (const auto number = parse_int(name); number && *number > 0 && *number < 65)
    return static_cast<int>(*number);
  std::string abbreviation = name;
  for (char& c : abbreviation) c = static_cast<char>(::toupper(static_cast<unsigned char>(c)));
  if (abbreviation.starts_with("SIG")) abbreviation.erase(0, 3);
  for (int signal = 1; signal < 32; ++signal) {
    const char* known = ::sigabbrev_np(signal);
    if (known != nullptr && abbreviation == known) return signal;
  }
  return fail(ErrorCode::kInvalid, "find signal " + printable(name) + ": no signal has that name");
}

}  // namespace slipway::sandbox
