// Users and groups of an image, read by the engine itself from the image's own files.
#include "sandbox/ids/user_lookup.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/fd.h"
#include "base/files.h"
#include "base/text.h"

namespace slipway::sandbox {
namespace {

constexpr ByteCount kMaxFile = 1_MiB;
constexpr std::size_t kMaxLines = 10'000;
constexpr std::size_t kMaxGroups = 1'000;
constexpr long long kMaxId = 0xfffffffe;

using Lines = std::vector<std::vector<std::string_view>>;

struct Table {
  std::string text;
  Lines lines;
};

Result<Table> read_table(int root, const std::string& path, std::size_t fields) {
  Table table;
  auto fd = open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd && fd.error().code() == ErrorCode::kNotFound) return table;
  if (!fd) return fail(std::move(fd).error());
  struct stat found;
  if (::fstat(fd->get(), &found) != 0) return fail_errno("look at /" + path);
  if (!S_ISREG(found.st_mode))
    return fail(ErrorCode::kInvalid, "read /" + path + ": not a regular file");
  table.text = SLIP_TRY(read_fd(fd->get(), kMaxFile, "/" + path));
  for (const std::string_view line : split(table.text, '\n')) {
    auto parts = split(line, ':');
    if (parts.size() < fields) continue;
    table.lines.push_back(std::move(parts));
    if (table.lines.size() > kMaxLines) {
      return fail(ErrorCode::kInvalid, "read /" + path + ": more than 10000 lines");
    }
  }
  return table;
}

std::optional<std::uint32_t> parse_id(std::string_view text) {
  if (text.empty() || text[0] == '+' || text[0] == '-') return std::nullopt;
  const auto number = parse_int(text);
  if (!number || *number < 0 || *number > kMaxId) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

// Sets uid and gid; returns the user's name for the group file, empty when it has no entry.
Result<std::string> find_user(const Table& users, std::string_view wanted, UserIds& ids) {
  const auto number = parse_id(wanted);
  for (const auto& line : users.lines) {
    const auto uid = parse_id(line[2]);
    const auto gid = parse_id(line[3]);
    if (!uid || !gid || (line[0] != wanted && uid != number)) continue;
    ids.uid = *uid;
    ids.gid = *gid;
    return std::string(line[0]);
  }
  if (!number) {
    return fail(ErrorCode::kNotFound,
                "find user " + printable(wanted) + ": no such user in /etc/passwd");
  }
  ids.uid = *number;
  return std::string();
}

Result<gid_t> find_group(const Table& groups, std::string_view wanted) {
  const auto number = parse_id(wanted);
  for (const auto& line : groups.lines) {
    const auto gid = parse_id(line[2]);
    if (!gid || (line[0] != wanted && gid != number)) continue;
    return *gid;
  }
  if (!number) {
    return fail(ErrorCode::kNotFound,
                "find group " + printable(wanted) + ": no such group in /etc/group");
  }
  return *number;
}

void add_groups(const Table& groups, const std::string& name, UserIds& ids) {
  for (const auto& line : groups.lines) {
    if (ids.groups.size() == kMaxGroups) return;
    const auto gid = parse_id(line[2]);
    const auto members = split(line[3], ',');
    if (!gid || std::find(members.begin(), members.end(), name) == members.end()) continue;
    ids.groups.push_back(*gid);
  }
}

}  // namespace

Result<UserIds> look_up_user(int root, const std::string& user,
                             const std::vector<std::string>& add) {
  const auto parts = split(user, ':');
  if (parts.size() > 2 || (parts.size() == 2 && (parts[0].empty() || parts[1].empty()))) {
    return fail(ErrorCode::kInvalid,
                "find user " + printable(user) + ": not of the form user[:group]");
  }
  const std::string_view name = user.empty() ? std::string_view("0") : parts[0];
  const Table users = SLIP_TRY(read_table(root, "etc/passwd", 4));
  const Table groups = SLIP_TRY(read_table(root, "etc/group", 4));
  UserIds ids;
  const std::string found = SLIP_TRY(find_user(users, name, ids));
  if (parts.size() == 2) {
    ids.gid =
        SLIP_TRY(find_group(groups, parts[1]));  // An explicit group stands alone, as in docker.
  } else if (!found.empty()) {
    add_groups(groups, found, ids);
  }
  for (const std::string& wanted : add) {
    const gid_t group = SLIP_TRY(find_group(groups, wanted));
    if (std::find(ids.groups.begin(), ids.groups.end(), group) == ids.groups.end() &&
        ids.groups.size() < kMaxGroups)
      ids.groups.push_back(group);
  }
  return ids;
}

Result<UserIds> look_up_process_user(int root, const std::string& user,
                                     const std::vector<std::string>& add, const IdMap& map) {
  UserIds ids = SLIP_TRY(look_up_user(root, user, add));
  if (!map.has_user(ids.uid) || !map.has_group(ids.gid)) {
    return fail(ErrorCode::kInvalid, "use user " + std::to_string(ids.uid) + ":" +
                                         std::to_string(ids.gid) +
                                         ": beyond the ids that containers have here");
  }
  std::erase_if(ids.groups, [&](gid_t group) { return !map.has_group(group); });
  return ids;
}

}  // namespace slipway::sandbox
