// Resolves paths in a stack of directories by the rules of overlayfs, without mounting it.
// Linux: Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
#include "runner/build/stack_lookup.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <deque>

#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr int kMaxLinks = 40;  // As the kernel (MAXSYMLINKS).

bool is_opaque(const std::string& dir) {
  char value = 0;
  for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"}) {
    if (::lgetxattr(dir.c_str(), name, &value, 1) == 1 && value == 'y') return true;
  }
  return false;
}

/// One directory of the merged view: its layers, top first.
using Level = std::vector<std::string>;

struct Child {
  enum class Kind { kMissing, kDirectory, kFile, kLink };
  Kind kind = Kind::kMissing;
  Level layers;
};

Child find_child(const Level& level, const std::string& name) {
  Child child;
  for (const std::string& dir : level) {
    const std::string path = dir + "/" + name;
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) continue;
    if (S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0)) break;  // A whiteout.
    if (!S_ISDIR(info.st_mode)) {
      if (child.kind != Child::Kind::kMissing) break;
      child.kind = S_ISLNK(info.st_mode) ? Child::Kind::kLink : Child::Kind::kFile;
      child.layers = {path};
      break;
    }
    child.kind = Child::Kind::kDirectory;
    child.layers.push_back(path);
    if (is_opaque(path)) break;
  }
  return child;
}

Result<std::string> read_link(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  if (size < 0) return fail_errno("read link " + path);
  return std::string(target.data(), static_cast<std::size_t>(size));
}

class Walk {
 public:
  explicit Walk(const std::vector<std::string>& lowers) {
    levels_.emplace_back(lowers.rbegin(), lowers.rend());
  }

  void enqueue(const std::string& path) {
    std::deque<std::string> front;
    for (const std::string_view part : split(path, '/')) {
      if (!part.empty() && part != ".") front.emplace_back(part);
    }
    waiting_.insert(waiting_.begin(), front.begin(), front.end());
    if (!path.starts_with('/')) return;
    levels_.resize(1);
    names_.clear();
  }

  Result<StackEntry> run(const std::string& shown) {
    int links = 0;
    while (!waiting_.empty()) {
      const std::string name = std::move(waiting_.front());
      waiting_.pop_front();
      if (name == "..") {
        up();
        continue;
      }
      Child child = find_child(levels_.back(), name);
      if (child.kind == Child::Kind::kLink) {
        if (++links > kMaxLinks)
          return fail(ErrorCode::kInvalid, "look up " + printable(shown) + ": too many links");
        enqueue(SLIP_TRY(read_link(child.layers.front())));
      } else if (child.kind == Child::Kind::kDirectory) {
        levels_.push_back(std::move(child.layers));
        names_.push_back(name);
      } else {
        return end(name, child, shown);
      }
    }
    StackEntry entry;
    entry.kind = StackEntry::Kind::kDirectory;
    entry.path = "/" + join(names_, "/");
    entry.layers.assign(levels_.back().rbegin(), levels_.back().rend());
    return entry;
  }

 private:
  void up() {
    if (names_.empty()) return;
    names_.pop_back();
    levels_.pop_back();
  }

  Result<StackEntry> end(const std::string& name, const Child& child, const std::string& shown) {
    StackEntry entry;
    entry.known = names_.size();
    names_.push_back(name);
    if (child.kind == Child::Kind::kFile) {
      if (!waiting_.empty()) {
        return fail(ErrorCode::kInvalid,
                    "look up " + printable(shown) + ": " + printable(name) + " is no directory");
      }
      entry.kind = StackEntry::Kind::kFile;
      entry.layers = child.layers;
    }
    for (const std::string& rest : waiting_) {
      if (rest != "..") {
        names_.push_back(rest);
      } else if (!names_.empty()) {
        names_.pop_back();
      }
    }
    entry.path = "/" + join(names_, "/");
    return entry;
  }

  std::vector<Level> levels_;
  std::vector<std::string> names_;
  std::deque<std::string> waiting_;
};

}  // namespace

Result<StackEntry> look_up(const std::vector<std::string>& lowers, const std::string& path) {
  Walk walk(lowers);
  walk.enqueue("/" + path);
  return walk.run(path);
}

}  // namespace slipway::runner
