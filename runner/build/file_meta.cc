// Owners and modes of COPY, ADD and WORKDIR.
// Spec: Dockerfile reference, "COPY --chown --chmod"; POSIX, chmod(1) "symbolic_mode".
#include "runner/build/file_meta.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/overlay.h"

namespace slipway::runner {
namespace {

constexpr mode_t kAllBits = 07777;
constexpr long long kMaxId = 65'535;  // ids in a container end here: the id map gives it 65,536
constexpr ByteCount kMaxTable = 4_MiB;

Result<std::uint32_t> parse_id(std::string_view text, long long id) {
  if (id > kMaxId) {
    return fail(ErrorCode::kInvalid,
                "owner " + printable(text) + " is beyond 65535, where container ids end");
  }
  return static_cast<std::uint32_t>(id);
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 16 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// The line of a table that begins with `name`, split at colons.
Result<std::vector<std::string>> find_line(const UnionView& target, const std::string& table,
                                           const std::string& name) {
  const UnionView::Place place = SLIP_TRY(target.resolve(table, UnionView::Last::kFollow));
  std::vector<std::string> none;
  if (!place.entry || !S_ISREG(place.entry->info.st_mode)) return none;
  const std::size_t slash = place.path.rfind('/');
  const std::string parent = slash == std::string::npos ? "" : place.path.substr(0, slash);
  const UnionView::Place holder = SLIP_TRY(target.resolve(parent, UnionView::Last::kKeep));
  if (!holder.entry) return none;
  const UnionDir dir = SLIP_TRY(target.open_dir(parent, holder.entry->layers));
  const Fd fd = SLIP_TRY(target.open_file(dir, *place.entry));
  const std::string text = SLIP_TRY(read_fd(fd.get(), kMaxTable, table));
  for (const std::string_view line : split(text, '\n')) {
    const std::vector<std::string_view> fields = split(trim(line), ':');
    if (fields.size() >= 3 && fields[0] == name)
      return std::vector<std::string>(fields.begin(), fields.end());
  }
  return none;
}

Error no_such(std::string_view what, const std::string& name, const char* table) {
  return Error(ErrorCode::kNotFound, "no " + std::string(what) + " \"" + printable(name) +
                                         "\" in " + table +
                                         " of the image; use a number, or add it first");
}

Result<std::uint32_t> find_group(const std::string& text, const UnionView& target) {
  if (is_number(text)) return parse_id(text, *parse_int(text));
  const std::vector<std::string> line = SLIP_TRY(find_line(target, "/etc/group", text));
  const auto id = line.size() >= 3 ? parse_int(line[2]) : std::nullopt;
  if (!id || *id < 0) return fail(no_such("group", text, "/etc/group"));
  return parse_id(text, *id);
}

unsigned bits_of(char letter, mode_t mode, bool is_dir) {
  switch (letter) {
    case 'r':
      return 0444;
    case 'w':
      return 0222;
    case 'x':
      return 0111;
    case 'X':
      return is_dir || (mode & 0111U) != 0 ? 0111 : 0;
    case 'u':
      return ((mode >> 6) & 7U) * 0111U;
    case 'g':
      return ((mode >> 3) & 7U) * 0111U;
    case 'o':
      return (mode & 7U) * 0111U;
    default:
      return 0;
  }
}

tl::unexpected<Error> bad_mode(std::string_view text) {
  return fail(ErrorCode::kInvalid,
              "bad --chmod \"" + printable(text) +
                  "\": use an octal number up to 07777 or a symbolic mode such as u=rwX,go=rX");
}

}  // namespace

Result<Owner> find_owner(const std::string& text, const UnionView& target) {
  const std::size_t colon = text.find(':');
  const std::string user = text.substr(0, colon);
  const std::string group = colon == std::string::npos ? "" : text.substr(colon + 1);
  Owner owner;
  if (is_number(user)) {
    owner.uid = owner.gid = SLIP_TRY(parse_id(user, *parse_int(user)));
  } else if (!user.empty()) {
    const std::vector<std::string> line = SLIP_TRY(find_line(target, "/etc/passwd", user));
    const auto uid = line.size() >= 4 ? parse_int(line[2]) : std::nullopt;
    const auto gid = line.size() >= 4 ? parse_int(line[3]) : std::nullopt;
    if (!uid || !gid || *uid < 0 || *gid < 0) return fail(no_such("user", user, "/etc/passwd"));
    owner = {SLIP_TRY(parse_id(user, *uid)), SLIP_TRY(parse_id(user, *gid))};
  }
  if (!group.empty()) owner.gid = SLIP_TRY(find_group(group, target));
  return owner;
}

Result<ModeChange> ModeChange::parse(std::string_view text) {
  ModeChange change;
  if (text.empty()) return change;
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    mode_t mode = 0;
    for (const char digit : text) {
      if (digit > '7' || mode > kAllBits) return bad_mode(text);
      mode = mode * 8 + static_cast<mode_t>(digit - '0');
    }
    if (mode > kAllBits) return bad_mode(text);
    change.octal_ = mode;
    return change;
  }
  for (std::string_view clause : split(text, ',')) {
    unsigned who = 0;
    for (; !clause.empty() && std::string_view("ugoa").find(clause[0]) != std::string_view::npos;
         clause.remove_prefix(1)) {
      who |= clause[0] == 'u' ? 0700U : clause[0] == 'g' ? 0070U : clause[0] == 'o' ? 0007U : 0777U;
    }
    if (clause.empty()) return bad_mode(text);
    while (!clause.empty()) {
      if (std::string_view("+-=").find(clause[0]) == std::string_view::npos) return bad_mode(text);
      const char op = clause[0];
      const std::size_t end = std::min(clause.find_first_of("+-=", 1), clause.size());
      const std::string_view what = clause.substr(1, end - 1);
      const bool copies =
          what.size() == 1 && std::string_view("ugo").find(what[0]) != std::string_view::npos;
      if (!copies && what.find_first_not_of("rwxXst") != std::string_view::npos) {
        return bad_mode(text);
      }
      change.clauses_.push_back({who == 0 ? 0777U : who, op, std::string(what)});
      clause.remove_prefix(end);
    }
  }
  return change;
}

mode_t ModeChange::apply(mode_t mode) const {
  if (octal_) return *octal_;
  const bool is_dir = S_ISDIR(mode);
  mode_t now = mode & kAllBits;
  for (const Clause& clause : clauses_) {
    mode_t bits = 0;
    for (const char letter : clause.what) {
      if (letter == 's') {
        if ((clause.who & 0700U) != 0) bits |= S_ISUID;
        if ((clause.who & 0070U) != 0) bits |= S_ISGID;
      } else if (letter == 't') {
        bits |= S_ISVTX;
      } else {
        bits |= bits_of(letter, now, is_dir) & clause.who;
      }
    }
    if (clause.op == '=') {
      mode_t cleared = clause.who;
      if ((clause.who & 0700U) != 0) cleared |= S_ISUID;
      if ((clause.who & 0070U) != 0) cleared |= S_ISGID;
      if (clause.who == 0777U) cleared |= S_ISVTX;
      now &= ~cleared;
    }
    now = clause.op == '-' ? now & ~bits : now | bits;
  }
  return now;
}

namespace {

// An ordinary user owns what it copies; of the ids it was given, the others follow where the map has them.
Status set_owner(int result) {
  if (result == 0) return {};
  if (!cachestore::gives_all_ids() && (errno == EPERM || errno == EINVAL)) return {};
  return fail_errno("set owner");
}

}  // namespace

Status apply_meta(int fd, const FileMeta& meta, Fresh fresh) {
  // chown takes set-id bits and capabilities away: first the owner, then the rest.
  static const Owner own = {::geteuid(), ::getegid()};
  if (fresh == Fresh::kNo || meta.owner != own) {
    SLIP_TRY(set_owner(::fchown(fd, meta.owner.uid, meta.owner.gid)));
  }
  if (::fchmod(fd, meta.mode & kAllBits) != 0) return fail_errno("set mode");
  for (const auto& [name, value] : meta.xattrs) {
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0) continue;
    // Not every file system and namespace knows every attribute; the file is of use without it.
    if (errno != EOPNOTSUPP && errno != EPERM)
      return fail_errno("set attribute " + printable(name));
  }
  const std::array<timespec, 2> both = {meta.modified, meta.modified};
  if (::futimens(fd, both.data()) != 0) return fail_errno("set time");
  return {};
}

Status apply_meta_at(int dir_fd, const std::string& name, const FileMeta& meta) {
  SLIP_TRY(set_owner(
      ::fchownat(dir_fd, name.c_str(), meta.owner.uid, meta.owner.gid, AT_SYMLINK_NOFOLLOW)));
  const std::array<timespec, 2> both = {meta.modified, meta.modified};
  if (::utimensat(dir_fd, name.c_str(), both.data(), AT_SYMLINK_NOFOLLOW) != 0) {
    return fail_errno("set time");
  }
  return {};
}

timespec to_timespec(WallTime time) {
  const auto since = time.time_since_epoch();
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);
  timespec out{};
  out.tv_sec = whole.count();
  out.tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(since - whole).count();
  return out;
}

}  // namespace slipway::runner
