// Secrets of a local run: from a file that only its owner can read, and from the runner's own environment.
#include "runner/execute/secrets.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>

#include "base/files.h"
#include "base/text.h"
#include "runner/execute/assignments.h"

namespace slipway::runner {
namespace {

constexpr ByteCount kMaxSecretFile = 1_MiB;  // far above any key; a larger file is a mistake

std::string unquote(std::string value) {
  const bool quoted = value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
                      value.front() == value.back();
  return quoted ? value.substr(1, value.size() - 2) : value;
}

Status add(Secrets& secrets, const std::string& name, std::string value) {
  SLIP_TRY(secrets.mask.add(name, value));
  secrets.values[name] = std::move(value);
  return {};
}

Status check_private(const std::string& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return fail_errno("read secret file " + printable(file));
  if ((info.st_mode & 077) != 0) {
    return fail(ErrorCode::kPermission, "read secret file " + printable(file) +
                                            ": others can read it; run chmod 600 " +
                                            shell_quote(file));
  }
  return {};
}

}  // namespace

Result<Secrets> load_secrets(const std::string& file,
                             const std::vector<std::string>& from_environment) {
  Secrets secrets;
  if (!file.empty()) {
    SLIP_TRY(check_private(file));
    const std::string text = SLIP_TRY(read_file(file, kMaxSecretFile));
    for (auto& [name, value] : SLIP_TRY(parse_assignments(text, printable(file)))) {
      SLIP_TRY(add(secrets, name, unquote(std::move(value))));
    }
  }
  for (const std::string& name : from_environment) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) {
      return fail(ErrorCode::kNotFound,
                  "read secret " + printable(name) + ": not set in the environment of runner");
    }
    SLIP_TRY(add(secrets, name, value));
  }
  return secrets;
}

}  // namespace slipway::runner
