// Sources of COPY and ADD: patterns, links and ignore rules over a stack.
// Spec: Dockerfile reference, "COPY" and ".dockerignore file"; where it is silent, BuildKit 0.28.
#include "runner/build/file_tree.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/overlay.h"

namespace slipway::runner {
namespace {

// Linux: XATTR_LIST_MAX and XATTR_SIZE_MAX, limits.h.
constexpr std::size_t kMaxXattrs = 65'536;
constexpr std::string_view kCapability = "security.capability";

// The most names among which a near one is looked for.
constexpr std::size_t kMaxCandidates = 500;

Result<bool> matches(const std::string& pattern, const std::string& name) {
  if (!has_wildcard(pattern) && pattern.find('\\') == std::string::npos) return pattern == name;
  return pipeline::match_path(pattern, name);
}

}  // namespace

bool has_wildcard(std::string_view path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\') {
      ++i;
    } else if (path[i] == '*' || path[i] == '?' || path[i] == '[') {
      return true;
    }
  }
  return false;
}

ParentsSource split_parents(const std::string& source, bool parents) {
  if (!parents) return {source, ""};
  const std::size_t pivot = source.find("/./");
  if (pivot == std::string::npos) return {"/", clean_path(source)};
  return {source.substr(0, pivot), clean_path(source.substr(pivot + 3))};
}

bool FileTree::Filter::keeps(const Picked& picked) const {
  return picked.entry.is_directory() || exclude.empty() || !exclude.ignores(picked.name);
}

Result<std::vector<PickedSource>> pick_all(const FileTree& tree, const Selection& selection) {
  std::vector<PickedSource> all;
  for (const std::string& text : selection.sources) {
    const ParentsSource source = split_parents(text, selection.parents);
    PickedSource picked;
    picked.filter.exclude =
        SLIP_TRY_WITHIN("read --exclude", pipeline::IgnorePatterns::of(selection.excludes));
    if (!source.pattern.empty()) {
      picked.filter.include.push_back(source.pattern);
      // A name without patterns must be there; below it nothing is promised.
      const std::string whole = source.source + "/" + source.pattern;
      if (!has_wildcard(whole)) SLIP_TRY(tree.pick(whole));
    }
    picked.tops = SLIP_TRY(tree.pick(source.source));
    all.push_back(std::move(picked));
  }
  return all;
}

Result<std::vector<FileTree::Picked>> FileTree::pick(const std::string& source) const {
  const std::vector<std::string> parts = path_parts(clean_path(source));
  const auto first = std::find_if(parts.begin(), parts.end(), has_wildcard);
  const std::string plain = join({parts.begin(), first}, "/");
  const UnionView::Place start = SLIP_TRY(view_.resolve(plain, UnionView::Last::kFollow));
  const auto picked = [&](const std::string& path,
                          bool by_pattern) -> Result<std::optional<Picked>> {
    UnionView::Place place = SLIP_TRY(view_.resolve(path, UnionView::Last::kFollow));
    if (!place.entry || !SLIP_TRY(visible(place.path, *place.entry))) return std::nullopt;
    return Picked{path.substr(path.rfind('/') + 1), std::move(place.path), *std::move(place.entry),
                  by_pattern};
  };
  std::vector<Picked> all;
  if (first == parts.end()) {
    std::optional<Picked> one = SLIP_TRY(picked(plain, false));
    if (!one) return fail(missing(source, plain));
    all.push_back(*std::move(one));
    return all;
  }
  if (!start.entry || !start.entry->is_directory()) return all;
  std::vector<std::string> found;
  SLIP_TRY(match(start.path, *start.entry, {first, parts.end()}, 0, found));
  for (const std::string& path : found) {
    std::optional<Picked> one = SLIP_TRY(picked(path, true));
    if (!one) {
      return fail(ErrorCode::kNotFound, "\"/" + printable(path) + "\" of " + name_ +
                                            ": the link leads to nothing that can be copied");
    }
    all.push_back(*std::move(one));
  }
  return all;
}

Status FileTree::match(const std::string& base, const UnionEntry& dir,
                       const std::vector<std::string>& patterns, std::size_t at,
                       std::vector<std::string>& found) const {
  const UnionDir open = SLIP_TRY(view_.open_dir(base, dir.layers));
  for (const UnionEntry& entry : SLIP_TRY(view_.list(open))) {
    if (!SLIP_TRY(matches(patterns[at], entry.name))) continue;
    const std::string path = join_path(base, entry.name);
    if (at + 1 < patterns.size()) {
      if (entry.is_directory()) SLIP_TRY(match(path, entry, patterns, at + 1, found));
    } else if (!S_ISSOCK(entry.info.st_mode) && SLIP_TRY(visible(path, entry))) {
      found.push_back(path);
    }
  }
  return {};
}

Result<bool> FileTree::visible(const std::string& path, const UnionEntry& entry) const {
  if (path.empty() || !ignore_.ignores(path)) return true;
  return entry.is_directory() && SLIP_TRY(has_visible(path, entry));
}

// An ignored directory is there when something in it is taken back.
Result<bool> FileTree::has_visible(const std::string& path, const UnionEntry& entry) const {
  if (!ignore_.may_include_below(path)) return false;
  const UnionDir dir = SLIP_TRY(view_.open_dir(path, entry.layers));
  for (const UnionEntry& child : SLIP_TRY(view_.list(dir))) {
    if (SLIP_TRY(visible(join_path(path, child.name), child))) return true;
  }
  return false;
}

Error FileTree::missing(const std::string& source, const std::string& path) const {
  std::string text = "\"" + printable(source) + "\" not found in " + name_;
  const auto hidden = view_.resolve(path, UnionView::Last::kFollow);
  if (hidden && hidden->entry) {
    return Error(ErrorCode::kNotFound, text + ": the ignore file leaves it out");
  }
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "" : path.substr(0, slash);
  const auto place = view_.resolve(parent, UnionView::Last::kFollow);
  if (place && place->entry && place->entry->is_directory()) {
    const auto dir = view_.open_dir(place->path, place->entry->layers);
    const auto entries = dir ? view_.list(*dir) : Result<std::vector<UnionEntry>>();
    std::vector<std::string> candidates;
    if (entries && entries->size() <= kMaxCandidates) {
      for (const UnionEntry& entry : *entries) candidates.push_back(join_path(parent, entry.name));
    }
    if (const auto near = did_you_mean(path, candidates)) {
      text += "; did you mean \"" + printable(*near) + "\"?";
    }
  }
  return Error(ErrorCode::kNotFound, text);
}

Result<std::shared_ptr<const UnionDir>> FileTree::parent_of(const Picked& file) const {
  const std::size_t slash = file.path.rfind('/');
  const std::string parent = slash == std::string::npos ? "" : file.path.substr(0, slash);
  const UnionView::Place place = SLIP_TRY(view_.resolve(parent, UnionView::Last::kKeep));
  if (!place.entry || !place.entry->is_directory()) {
    return fail(ErrorCode::kUnavailable,
                "open /" + printable(parent) + ": the directory was replaced meanwhile");
  }
  return std::make_shared<const UnionDir>(
      SLIP_TRY(view_.open_dir(place.path, place.entry->layers)));
}

Result<std::vector<std::pair<std::string, std::string>>> FileTree::xattrs(int fd) const {
  std::vector<std::pair<std::string, std::string>> kept;
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  // Nearly no file has any: ask with a small buffer first.
  std::string names(256, '\0');
  ssize_t size = ::listxattr(path.c_str(), names.data(), names.size());
  if (size < 0 && errno == ERANGE) {
    names.resize(kMaxXattrs);
    size = ::listxattr(path.c_str(), names.data(), names.size());
  }
  if (size < 0 && (errno == EOPNOTSUPP || errno == EPERM || errno == EACCES)) return kept;
  if (size < 0) return fail_errno("list extended attributes");
  std::string_view rest(names.data(), static_cast<std::size_t>(size));
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(name.size() + 1);
    // BuildKit's contexts lose all but capabilities on their way; a layer's files keep what layers keep.
    if (name != kCapability && (owners_ == Owners::kRoot || !cachestore::is_layer_xattr(name))) {
      continue;
    }
    std::string value(kMaxXattrs, '\0');
    const ssize_t n = ::getxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (n < 0 && errno == ENODATA) continue;
    if (n < 0) return fail_errno("read extended attribute " + printable(name));
    value.resize(static_cast<std::size_t>(n));
    kept.emplace_back(name, std::move(value));
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

}  // namespace slipway::runner
