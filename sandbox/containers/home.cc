// Home directories by an image's own passwd file, and environments as lists.
#include "sandbox/containers/home.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"

namespace slipway::sandbox {
namespace {

constexpr std::size_t kPasswdLines = 10'000;

}  // namespace

std::string home_in(const std::string& passwd, const std::string& user) {
  std::string who = user.substr(0, user.find(':'));
  if (who.empty()) who = "0";
  const bool by_number = parse_int(who).has_value();
  std::size_t lines = 0;
  for (const std::string_view line : split(passwd, '\n')) {
    if (++lines > kPasswdLines) break;
    const auto fields = split(line, ':');
    if (fields.size() >= 6 && fields[by_number ? 2 : 0] == who && fields[5].starts_with('/'))
      return std::string(fields[5]);
  }
  return who == "0" || who == "root" ? "/root" : "/";
}

std::string passwd_of(int root) {
  const auto file = open_in_root(root, "etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat info {};
  if (!file || ::fstat(file->get(), &info) != 0 || !S_ISREG(info.st_mode)) return "";
  return read_fd(file->get(), 1_MiB, "/etc/passwd").value_or("");
}

void set_env(std::vector<std::string>& env, const std::string& entry) {
  const std::string prefix = entry.substr(0, entry.find('=') + 1);
  const auto found = std::find_if(env.begin(), env.end(),
                                  [&](const std::string& one) { return one.starts_with(prefix); });
  if (found != env.end())
    *found = entry;
  else
    env.push_back(entry);
}

bool has_env(const std::vector<std::string>& env, const std::string& name) {
  return std::any_of(env.begin(), env.end(),
                     [&](const std::string& entry) { return entry.starts_with(name + "="); });
}

}  // namespace slipway::sandbox
