// Paths of containers and who owns which name. Reads no record.
#include "sandbox/containers/layout.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"
#include "base/text.h"

namespace slipway::sandbox {
namespace {

constexpr std::size_t kIdDigits = 64;
constexpr std::size_t kLongestName = 255 - 16;  // NAME_MAX, with room for what is put before it

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool is_container_id(std::string_view text) { return text.size() == kIdDigits && is_hex(text); }

bool is_container_name(std::string_view text) {
  if (text.size() < 2 || text.size() > kLongestName || !is_alphanumeric(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

Status Layout::make() const {
  for (const char* part : {"", "/by-name", "/.running", "/.making", "/.leaving"})
    SLIP_TRY(make_dirs(root() + part, 0700));
  struct stat found {};
  if (::stat(root().c_str(), &found) != 0) return fail_errno("look at " + root());
  if (found.st_uid != ::geteuid() || (found.st_mode & 0077) != 0) {
    return fail(ErrorCode::kPermission,
                "open containers: " + root() + " must be yours with mode 0700");
  }
  return {};
}

Result<Fd> Layout::lock_making() const {
  Fd lock = SLIP_TRY(open_file(making_lock(), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  while (::flock(lock.get(), LOCK_SH) != 0) {
    if (errno != EINTR) return fail_errno("lock " + making_lock());
  }
  return lock;
}

Status Layout::reserve_name(const std::string& name, const std::string& id) const {
  const std::string link = name_link(name);
  if (::symlink(("../" + id).c_str(), link.c_str()) == 0) return {};
  if (errno != EEXIST) return fail_errno("reserve name " + name);
  const std::string owner = id_of_name(name).value_or("");
  return fail(ErrorCode::kExists,
              "reserve name " + name + ": it is in use by container " + owner.substr(0, 12));
}

void Layout::free_name(const std::string& name, const std::string& id) const {
  if (!name.empty() && id_of_name(name) == id) ::unlink(name_link(name).c_str());
}

std::optional<std::string> Layout::id_of_name(const std::string& name) const {
  char target[PATH_MAX];
  const ssize_t size = ::readlink(name_link(name).c_str(), target, sizeof target);
  if (size <= 3) return std::nullopt;
  const std::string id(target + 3, static_cast<std::size_t>(size) - 3);
  if (!is_container_id(id)) return std::nullopt;
  return id;
}

Result<std::vector<std::string>> Layout::ids() const {
  const Fd directory = SLIP_TRY(open_file(root(), O_RDONLY | O_DIRECTORY));
  std::vector<std::string> names = SLIP_TRY(list_dir(directory.get(), root()));
  std::erase_if(names, [](const std::string& name) { return !is_container_id(name); });
  return names;
}

Result<std::string> Layout::resolve(const std::string& name) const {
  const auto missing = [&] {
    return fail(ErrorCode::kNotFound, "no such container: " + printable(name));
  };
  if (is_container_id(name)) {
    if (path_exists(of(name))) return name;
    return missing();
  }
  if (is_container_name(name)) {
    const auto id = id_of_name(name);
    if (id && path_exists(of(*id))) return *id;
  }
  if (name.empty() || !is_hex(name) || name.size() > kIdDigits) return missing();
  std::string found;
  for (const std::string& id : SLIP_TRY(ids())) {
    if (!id.starts_with(name)) continue;
    if (!found.empty())
      return fail(ErrorCode::kInvalid, "find container " + name + ": several ids begin with it");
    found = id;
  }
  if (found.empty()) return missing();
  return found;
}

Status replace_file(int directory, const std::string& name, std::string_view data) {
  const std::string next = name + ".next";
  {
    const Fd file =
        SLIP_TRY(open_at(directory, next, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
    SLIP_TRY(write_all(file.get(), data, name));
  }
  if (::renameat(directory, next.c_str(), directory, name.c_str()) != 0)
    return fail_errno("replace " + name);
  return {};
}

}  // namespace slipway::sandbox
