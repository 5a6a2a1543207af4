// Layers of an overlay merged by name, without mounting them. What a layer says, overlay_format.h knows.
#include "cachestore/overlay_merge.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "cachestore/layer/overlay_format.h"

namespace slipway::cachestore {
namespace {

// The limits of LayerLimits: what a layer may hold, a step may have written.
constexpr std::size_t kMaxDepth = 256;
constexpr std::size_t kMaxEntries = 4'000'000;

bool is_opaque(int dir) {
  const char* name = overlay_xattrs_here() == OverlayXattrs::kTrusted ? "trusted.overlay.opaque"
                                                                      : "user.overlay.opaque";
  char value = 0;
  return ::fgetxattr(dir, name, &value, 1) == 1 && value == 'y';
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

/// 0 when nothing is there.
mode_t mode_in(int top, const std::string& path) {
  const Result<Fd> found = open_in_root(top, path, O_PATH | O_NOFOLLOW);
  struct stat info {};
  return found && ::fstat(found->get(), &info) == 0 ? info.st_mode : 0;
}

bool is_below(std::string_view path, std::string_view dir) {
  return path.size() > dir.size() && path.starts_with(dir) && path[dir.size()] == '/';
}

/// Directories of the new tree that lead to the place being filled; filled in path order.
class TargetPath {
 public:
  explicit TargetPath(int top) : top_(top) {}
  int current() const { return open_.empty() ? top_ : open_.back().second.get(); }
  /// Leaves what does not lead to `path`.
  void leave_for(const std::string& path) {
    while (!open_.empty() && !is_below(path, open_.back().first)) open_.pop_back();
  }
  Status enter(const std::string& path, const std::string& name, const struct stat& info) {
    if (::mkdirat(current(), name.c_str(), 0700) != 0) return fail_errno("make directory " + path);
    Fd dir = SLIP_TRY(open_at(current(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (::fchown(dir.get(), info.st_uid, info.st_gid) != 0) return fail_errno("chown " + path);
    if (::fchmod(dir.get(), info.st_mode & 07777) != 0) return fail_errno("chmod " + path);
    open_.emplace_back(path, std::move(dir));
    return {};
  }

 private:
  int top_;
  std::vector<std::pair<std::string, Fd>> open_;
};

}  // namespace

bool PathOrder::operator()(const std::string& a, const std::string& b) const {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto rank = [](char c) { return c == '/' ? 0 : 1 + static_cast<unsigned char>(c); };
    return rank(x) < rank(y);
  });
}

/// Lays one layer after the other over what is there.
class OverlayMerge::Reader {
 public:
  Reader(OverlayMerge& merge, const Wanted& wanted, const CancelToken& cancel)
      : merge_(merge), wanted_(wanted), cancel_(cancel) {}

  Status read(std::size_t layer) {
    layer_ = layer;
    const Fd top = SLIP_TRY(open_at(merge_.layers_[layer].get(), ".", O_RDONLY | O_DIRECTORY));
    return walk(top.get(), "", 0);
  }

 private:
  Status walk(int dir, const std::string& prefix, std::size_t depth) {
    if (depth > kMaxDepth)
      return fail(ErrorCode::kExhausted, "read layer: " + prefix + ": deeper than 256 directories");
    if (cancel_.cancelled()) return fail(ErrorCode::kCancelled, "read layer: cancelled");
    for (const std::string& name : SLIP_TRY(list_dir(dir, prefix.empty() ? "layer" : prefix))) {
      SLIP_TRY(visit(dir, name, prefix.empty() ? name : prefix + "/" + name, depth));
    }
    return {};
  }

  Status visit(int dir, const std::string& name, const std::string& path, std::size_t depth) {
    struct stat info {};
    if (::fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
      return fail_errno("examine " + path);
    if (is_whiteout(info.st_mode, info.st_rdev)) {
      remove(path);
      return {};
    }
    if (S_ISDIR(info.st_mode)) return enter(dir, name, path, info, depth);
    erase_below(path);
    if ((S_ISREG(info.st_mode) || S_ISLNK(info.st_mode)) && wanted_(path)) return add(path, info);
    merge_.entries_.erase(path);
    return {};
  }

  Status enter(int dir, const std::string& name, const std::string& path, const struct stat& info,
               std::size_t depth) {
    const Fd inner = SLIP_TRY(open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (is_opaque(inner.get())) remove(path);
    const auto known = merge_.entries_.find(path);
    if (known != merge_.entries_.end()) {
      known->second = {layer_, info};
    } else if (wanted_(path)) {
      SLIP_TRY(add(path, info));
    }
    return walk(inner.get(), path, depth + 1);
  }

  Status add(const std::string& path, const struct stat& info) {
    if (merge_.entries_.size() >= kMaxEntries)
      return fail(ErrorCode::kExhausted, "read layer: more than 4000000 files");
    if (const std::string parent = parent_of(path);
        !parent.empty() && !merge_.entries_.contains(parent)) {
      struct stat above {};
      if (::fstatat(merge_.layers_[layer_].get(), parent.c_str(), &above, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("examine " + parent);
      SLIP_TRY(add(parent, above));
    }
    merge_.entries_.insert_or_assign(path, Entry{layer_, info});
    return {};
  }

  void remove(const std::string& path) {
    erase_below(path);
    merge_.entries_.erase(path);
    merge_.removed_.push_back(path);
  }
  void erase_below(const std::string& path) {
    auto first = merge_.entries_.lower_bound(path + "/");
    auto last = first;
    while (last != merge_.entries_.end() && is_below(last->first, path)) ++last;
    merge_.entries_.erase(first, last);
  }

  OverlayMerge& merge_;
  const Wanted& wanted_;
  const CancelToken& cancel_;
  std::size_t layer_ = 0;
};

Result<OverlayMerge> OverlayMerge::read(const std::vector<std::string>& layers,
                                        const Wanted& wanted, const CancelToken& cancel) {
  OverlayMerge merge;
  Reader reader(merge, wanted, cancel);
  for (const std::string& layer : layers) {
    merge.layers_.push_back(SLIP_TRY(open_file(layer, O_RDONLY | O_DIRECTORY)));
    SLIP_TRY_WITHIN("read " + layer, reader.read(merge.layers_.size() - 1));
  }
  for (const auto& [path, entry] : merge.entries_) {
    if (S_ISDIR(entry.info.st_mode)) continue;
    ++merge.files_;
    if (S_ISREG(entry.info.st_mode)) merge.bytes_ += static_cast<std::uint64_t>(entry.info.st_size);
  }
  return merge;
}

Result<bool> OverlayMerge::takes_from(const std::string& below) const {
  const Fd top = SLIP_TRY(open_file(below, O_PATH | O_DIRECTORY));
  for (const std::string& path : removed_) {
    if (mode_in(top.get(), path) != 0) return true;
  }
  return std::any_of(entries_.begin(), entries_.end(), [&](const auto& item) {
    const mode_t there = mode_in(top.get(), item.first);
    return there != 0 && S_ISDIR(there) != S_ISDIR(item.second.info.st_mode);
  });
}

Result<bool> OverlayMerge::adds_nothing_to(const std::vector<std::string>& below) const {
  if (files_ > 0) return false;
  std::vector<Fd> tops;
  for (const std::string& layer : below)
    tops.push_back(SLIP_TRY(open_file(layer, O_PATH | O_DIRECTORY)));
  return std::all_of(entries_.begin(), entries_.end(), [&](const auto& item) {
    return std::any_of(tops.begin(), tops.end(),
                       [&](const Fd& top) { return S_ISDIR(mode_in(top.get(), item.first)); });
  });
}

Status OverlayMerge::link_into(int target, const CancelToken& cancel) const {
  TargetPath at(target);
  for (const auto& [path, entry] : entries_) {
    if (cancel.cancelled()) return fail(ErrorCode::kCancelled, "link files: cancelled");
    at.leave_for(path);
    const std::size_t slash = path.rfind('/');
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (S_ISDIR(entry.info.st_mode)) {
      SLIP_TRY(at.enter(path, name, entry.info));
    } else if (::linkat(layers_[entry.layer].get(), path.c_str(), at.current(), name.c_str(), 0) !=
               0) {
      return fail_errno("link " + path);
    }
  }
  // Last, because filling a directory changes its time.
  for (auto item = entries_.rbegin(); item != entries_.rend(); ++item) {
    const struct stat& info = item->second.info;
    const struct timespec times[2] = {info.st_atim, info.st_mtim};
    if (S_ISDIR(info.st_mode) &&
        ::utimensat(target, item->first.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
      return fail_errno("set times of " + item->first);
  }
  return {};
}

}  // namespace slipway::cachestore
