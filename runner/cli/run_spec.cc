// What docker does with an image's config and the command line: command, environment, home, stop signal.
#include "runner/cli/run_spec.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::size_t kPasswdLines = 10'000;

void set_env(std::vector<std::string>& env, const std::string& name, const std::string& value) {
  const std::string prefix = name + "=";
  const auto found = std::find_if(
      env.begin(), env.end(), [&](const std::string& entry) { return entry.starts_with(prefix); });
  if (found != env.end())
    *found = prefix + value;
  else
    env.push_back(prefix + value);
}

bool has_env(const std::vector<std::string>& env, const std::string& name) {
  return std::any_of(env.begin(), env.end(),
                     [&](const std::string& entry) { return entry.starts_with(name + "="); });
}

/// The bytes of /etc/passwd: the topmost layer that has one, or the machine's own for its own tools.
std::string read_passwd(const Stack& root, bool host_tools) {
  std::vector<std::string> tops;
  for (const cachestore::Snapshot& snapshot : root.snapshots())
    tops.insert(tops.begin(), snapshot.path);
  if (host_tools) tops = {"/"};
  for (const std::string& top : tops) {
    const Result<Fd> directory = open_file(top, O_PATH | O_DIRECTORY);
    if (!directory) continue;
    const Result<Fd> file =
        open_in_root(directory->get(), "etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY);
    struct stat info {};
    if (!file || ::fstat(file->get(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    return read_fd(file->get(), 1_MiB, "/etc/passwd").value_or("");
  }
  return "";
}

}  // namespace

std::string home_directory(const Stack& root, bool host_tools, const std::string& user) {
  std::string who = user.substr(0, user.find(':'));
  if (who.empty()) who = "0";
  const bool by_number = parse_int(who).has_value();
  const std::string passwd = read_passwd(root, host_tools);
  std::size_t lines = 0;
  for (const std::string_view line : split(passwd, '\n')) {
    if (++lines > kPasswdLines) break;
    const auto fields = split(line, ':');
    if (fields.size() >= 6 && fields[by_number ? 2 : 0] == who && fields[5].starts_with('/'))
      return std::string(fields[5]);
  }
  return who == "0" || who == "root" ? "/root" : "/";
}

Result<sandbox::ProcessSpec> run_process(const RunRequest& request,
                                         const cachestore::ImageConfig& config,
                                         const std::string& home, const std::string& hostname) {
  sandbox::ProcessSpec process;
  // Spec: Docker run reference: --entrypoint also drops the image's CMD.
  if (request.entrypoint) {
    if (!request.entrypoint->empty()) process.argv.push_back(*request.entrypoint);
  } else {
    process.argv = config.entrypoint;
  }
  const bool image_command = request.command.empty() && !request.entrypoint;
  const std::vector<std::string>& command = image_command ? config.cmd : request.command;
  process.argv.insert(process.argv.end(), command.begin(), command.end());
  if (process.argv.empty() || process.argv[0].empty()) {
    return fail(ErrorCode::kInvalid,
                "start " + printable(request.image) +
                    ": no command given and the image has none; add one after the image");
  }
  set_env(process.env, "PATH", kDefaultPath);
  set_env(process.env, "HOSTNAME", hostname);
  if (request.tty) set_env(process.env, "TERM", "xterm");
  for (const std::string& entry : config.env) {
    const std::size_t equals = entry.find('=');
    if (equals != std::string::npos)
      set_env(process.env, entry.substr(0, equals), entry.substr(equals + 1));
  }
  for (const auto& [name, value] : request.env) set_env(process.env, name, value);
  if (!has_env(process.env, "HOME")) set_env(process.env, "HOME", home);
  process.cwd = !request.workdir.empty()      ? request.workdir
                : !config.working_dir.empty() ? config.working_dir
                                              : "/";
  process.user = request.user.empty() ? config.user : request.user;
  return process;
}

int stop_signal_number(const std::string& name) {
  if (const auto number = parse_int(name))
    return *number > 0 && *number < 65 ? static_cast<int>(*number) : SIGTERM;
  const std::string abbreviation = name.starts_with("SIG") ? name.substr(3) : name;
  for (int signal = 1; signal < 32; ++signal) {
    const char* known = ::sigabbrev_np(signal);
    if (known != nullptr && abbreviation == known) return signal;
  }
  return SIGTERM;
}

}  // namespace slipway::runner
