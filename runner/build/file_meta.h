#pragma once

#include <sys/stat.h>

#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "runner/build/union_view.h"

namespace slipway::runner {

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  bool operator==(const Owner&) const = default;
};
/// `--chown`: "user", "user:group", ":group", names or numbers; a number alone is the group's, too, a name alone brings
/// its group. Names are looked up in /etc/passwd and /etc/group of the stack. kNotFound: no such name; kInvalid: an id
/// beyond 65535.
Result<Owner> find_owner(const std::string& text, const UnionView& target);

/// `--chmod`: octal, or symbolic as chmod(1) with an umask of 0 ("u=rwX,go-w").
class ModeChange {
 public:
  static Result<ModeChange> parse(std::string_view text);  ///< Empty: no change.
  /// Permission bits of a file of this type and mode afterwards.
  mode_t apply(mode_t mode) const;
  std::optional<mode_t> octal() const { return octal_; }
  bool empty() const { return !octal_ && clauses_.empty(); }

 private:
  struct Clause {
    unsigned who = 0;  ///< 0700, 0070, 0007 and their sum.
    char op = '+';
    std::string what;  ///< Of rwxXst, or one of ugo.
  };
  std::optional<mode_t> octal_;
  std::vector<Clause> clauses_;
};

/// What a copied file gets.
struct FileMeta {
  mode_t mode = 0;  ///< Permission bits.
  Owner owner;
  timespec modified{};
  std::vector<std::pair<std::string, std::string>> xattrs;
};
/// Of an open file or directory (not O_PATH) that was made with `made` as its permission bits by this process's user.
enum class Fresh { kNo, kYes };
Status apply_meta(int fd, const FileMeta& meta, Fresh fresh);
/// Of a link, fifo or device, by name, never followed.
Status apply_meta_at(int dir_fd, const std::string& name, const FileMeta& meta);
timespec to_timespec(WallTime time);

}  // namespace slipway::runner
