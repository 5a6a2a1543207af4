// The digest of what COPY would copy. One line of thought: the walk lists every wanted file in an order that depends on
// names only; contents that are not remembered are hashed in parallel; then everything goes into one SHA-256 as records
//   type, mode, owner, group, length and bytes of the path, attributes, content's digest or link target
// each field with its length or of fixed size, so that no two selections give the same bytes.
#include "runner/build/tree_digest.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>

#include "base/files.h"
#include "base/text.h"
#include "runner/build/crew.h"

namespace slipway::runner {
namespace {

// Files that one task hashes: enough that handing it over costs nothing. Its directories stay open meanwhile.
constexpr std::size_t kBatch = 64;
constexpr std::size_t kBatchFds = 16;

using Xattrs = std::vector<std::pair<std::string, std::string>>;

struct Item {
  std::string path;
  struct stat info {};
  std::string link;
  Xattrs xattrs;  ///< Of directories; a file's are in its content's digest.
  Digest content;
  bool hashed = false;  ///< Now, not remembered.
  timespec before{};
};

void append(std::string& out, std::uint64_t number) {
  for (std::size_t i = 0; i < 8; ++i) out += static_cast<char>(number >> (8 * i));
}
void append(std::string& out, std::string_view text) {
  append(out, text.size());
  out += text;
}
void append(std::string& out, const Xattrs& xattrs) {
  append(out, xattrs.size());
  for (const auto& [name, value] : xattrs) {
    append(out, name);
    append(out, value);
  }
}

struct Unhashed {
  Item* item = nullptr;
  std::shared_ptr<const UnionDir> dir;
  UnionEntry entry;
};

/// Content and attributes of one file. A change while it is read is told: a digest of no state that ever was would
/// be remembered.
Status hash_file(const FileTree& tree, const Unhashed& work, std::vector<char>& buffer) {
  Item& item = *work.item;
  item.before = StatCache::coarse_now();
  const Fd fd = SLIP_TRY(tree.view().open_file(*work.dir, work.entry));
  Sha256 sha;
  std::uint64_t left = static_cast<std::uint64_t>(item.info.st_size);
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("read " + printable(item.path));
    if (n == 0) break;
    const auto size = static_cast<std::size_t>(n);
    sha.update(std::string_view(buffer.data(), size));
    left -= std::min<std::uint64_t>(left, size);
    if (left == 0 && size < buffer.size()) break;
  }
  const Xattrs xattrs = SLIP_TRY(tree.xattrs(fd.get()));
  if (!xattrs.empty()) {
    std::string text;
    append(text, xattrs);
    sha.update(text);
  }
  item.content = sha.finish();
  item.hashed = true;
  struct stat now {};
  if (::fstat(fd.get(), &now) != 0) return fail_errno("stat " + printable(item.path));
  if (now.st_size != item.info.st_size || now.st_ctim.tv_sec != item.info.st_ctim.tv_sec ||
      now.st_ctim.tv_nsec != item.info.st_ctim.tv_nsec) {
    return fail(ErrorCode::kUnavailable, "read " + printable(item.path) + " of " + tree.name() +
                                             ": changed while it was read");
  }
  return {};
}

class Lister : public FileTree::Visitor {
 public:
  Lister(const FileTree& tree, StatCache& stats, const CancelToken& cancel)
      : tree_(tree), stats_(stats), cancel_(cancel) {}

  void begin(const FileTree::Picked& top) { prefix_ = top.name; }

  Status directory(const std::string& path, const UnionEntry& entry, const UnionDir& dir) override {
    Item& item = items_.emplace_back();
    item.path = join_path(prefix_, path);
    item.info = entry.info;
    if (path.empty()) {
      // Only its content is copied. That this machine keeps it in a directory of mode 0700 must not matter.
      item.info.st_mode = S_IFDIR;
      item.info.st_uid = item.info.st_gid = 0;
    } else if (!dir.parts.empty()) {
      item.xattrs = SLIP_TRY(tree_.xattrs(dir.parts.front().fd.get()));
    }
    return {};
  }

  Status leaves(const std::string& path, std::shared_ptr<const UnionDir> dir,
                std::vector<UnionEntry> entries) override {
    bool held = false;
    for (UnionEntry& entry : entries) {
      const bool known =
          SLIP_TRY(leaf(join_path(join_path(prefix_, path), entry.name), dir, entry));
      if (!known && !held) batch_fds_ += dir->parts.size();
      held = held || !known;
      if (batch_.size() >= kBatch) {
        flush();
        held = false;
      }
    }
    if (batch_fds_ >= kBatchFds) flush();
    return crew_.failed() ? crew_.finish() : Status();
  }

  /// False: its content has to be read.
  Result<bool> leaf(std::string path, const std::shared_ptr<const UnionDir>& dir,
                    UnionEntry& entry) {
    Item& item = items_.emplace_back();
    item.path = std::move(path);
    item.info = entry.info;
    if (entry.is_link()) item.link = SLIP_TRY(tree_.view().read_link(*dir, entry));
    if (!S_ISREG(entry.info.st_mode)) return true;
    const std::optional<Digest> known = stats_.find(entry.info);
    if (known) {
      item.content = *known;
      return true;
    }
    batch_.push_back({&item, dir, std::move(entry)});
    return false;
  }

  Status finish() {
    flush();
    SLIP_TRY(crew_.finish());
    for (const Item& item : items_) {
      if (item.hashed) stats_.remember(item.info, item.content, item.before);
    }
    return {};
  }
  const std::deque<Item>& items() const { return items_; }

 private:
  void flush() {
    if (batch_.empty()) return;
    crew_.add([this, batch = std::make_shared<const std::vector<Unhashed>>(
                         std::move(batch_))]() -> Status {
      std::vector<char> buffer(std::size_t{128} << 10);
      for (const Unhashed& work : *batch) {
        if (cancel_.cancelled()) return fail(ErrorCode::kCancelled, "read files: cancelled");
        SLIP_TRY(hash_file(tree_, work, buffer));
      }
      return {};
    });
    batch_.clear();
    batch_fds_ = 0;
  }

  const FileTree& tree_;
  StatCache& stats_;
  const CancelToken& cancel_;
  std::string prefix_;
  std::deque<Item> items_;  ///< Threads write into them: they must not move.
  std::vector<Unhashed> batch_;
  std::size_t batch_fds_ = 0;
  Crew crew_;  ///< Last: its threads end first.
};

void append_item(std::string& out, const Item& item, FileTree::Owners owners) {
  const bool root = owners == FileTree::Owners::kRoot;
  // A link has no mode of its own.
  append(out, std::uint64_t{S_ISLNK(item.info.st_mode) ? S_IFLNK : item.info.st_mode});
  append(out, root ? 0 : std::uint64_t{item.info.st_uid});
  append(out, root ? 0 : std::uint64_t{item.info.st_gid});
  append(out, item.path);
  append(out, item.xattrs);
  if (S_ISLNK(item.info.st_mode)) append(out, item.link);
  if (S_ISCHR(item.info.st_mode) || S_ISBLK(item.info.st_mode)) append(out, item.info.st_rdev);
  if (S_ISREG(item.info.st_mode)) {
    out.append(reinterpret_cast<const char*>(item.content.bytes().data()), Digest::kBytes);
  }
}

}  // namespace

Result<Digest> digest_selection(const FileTree& tree, const Selection& selection, StatCache& stats,
                                const CancelToken& cancel) {
  Lister lister(tree, stats, cancel);
  for (const PickedSource& source : SLIP_TRY(pick_all(tree, selection))) {
    for (const FileTree::Picked& top : source.tops) {
      if (!source.filter.keeps(top)) continue;
      lister.begin(top);
      if (top.entry.is_directory()) {
        SLIP_TRY(tree.walk(top, source.filter, lister, cancel));
      } else {
        UnionEntry entry = top.entry;
        const std::shared_ptr<const UnionDir> dir = SLIP_TRY(tree.parent_of(top));
        SLIP_TRY(lister.leaf(top.name, dir, entry));
      }
    }
  }
  SLIP_TRY(lister.finish());
  Sha256 sha;
  std::string records = "slipway files 1\n";
  for (const Item& item : lister.items()) {
    append_item(records, item, tree.owners());
    if (records.size() < (std::size_t{64} << 10)) continue;
    sha.update(records);
    records.clear();
  }
  sha.update(records);
  return sha.finish();
}

}  // namespace slipway::runner
