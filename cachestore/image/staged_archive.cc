// The outer archive of saved images: read once, from a file or pipe, every file hashed while it is put aside. Applying
// a layer while it streams by would save a read from the page cache, but archives come with documents last: until then
// nobody knows what a file is.
#include "cachestore/image/staged_archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/layer/entry_path.h"
#include "cachestore/layer/fd_source.h"
#include "cachestore/layer/pump.h"
#include "cachestore/layer/tar_reader.h"

namespace slipway::cachestore {
namespace {

// 500 layers in docker's old form are 2000 entries: enough for thirty such images, few enough to keep in memory.
constexpr std::size_t kMaxEntries = 65'536;
// Docker writes links from one layer's directory to another's, one hop.
constexpr int kMaxHops = 8;
constexpr std::string_view kBlobs = "blobs/sha256/";
// A progress line is redrawn at most this often.
constexpr Millis kProgressEvery{50};

Compression compression_of(std::string_view start) {
  if (start.starts_with("\x1f\x8b")) return Compression::kGzip;
  if (start.starts_with("\x28\xb5\x2f\xfd")) return Compression::kZstd;
  return Compression::kNone;
}

// "a/b" and "../c/d" -> "c/d"; nothing when it leaves the archive.
std::optional<std::string> join_link(std::string_view from, std::string_view target) {
  if (target.starts_with('/')) return std::nullopt;
  std::vector<std::string_view> parts = split(from, '/');
  parts.pop_back();
  for (const std::string_view part : split(target, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      return std::nullopt;
    } else {
      parts.pop_back();
    }
  }
  std::string path;
  for (const std::string_view part : parts) path += (path.empty() ? "" : "/") + std::string(part);
  return path;
}

}  // namespace

/// Entries -> staged files.
class StagedArchive::Reader {
 public:
  Reader(StagedArchive& archive, TarReader& tar, const CancelToken& cancel)
      : archive_(archive), yard_(*archive.core_->yard), tar_(tar), cancel_(cancel) {}

  /// `progress` is called after every entry and piece of content.
  Status run(const std::function<void(std::uint64_t entries)>& progress) {
    TarEntry entry;
    while (SLIP_TRY(tar_.next(entry))) {
      if (++count_ > kMaxEntries) {
        return fail(tar_.error(ErrorCode::kExhausted,
                               "more than " + std::to_string(kMaxEntries) + " entries"));
      }
      auto name = clean_entry_name(entry.name, UnpackPolicy::kArtifact, archive_.core_->limits);
      if (!name) return fail(tar_.wrap(std::move(name).error()));
      SLIP_TRY(take(entry, *name, progress));
    }
    return {};
  }

 private:
  using Progress = std::function<void(std::uint64_t entries)>;

  Status take(const TarEntry& entry, const std::string& name, const Progress& progress) {
    switch (entry.type) {
      case EntryType::kDirectory:
        return {};
      case EntryType::kFile:
        return take_file(entry, name, progress);
      case EntryType::kSymlink:
        return take_link(name, join_link(name, entry.link));
      case EntryType::kHardLink: {
        auto target = clean_entry_name(entry.link, UnpackPolicy::kArtifact, archive_.core_->limits);
        return take_link(name, target ? std::optional(*target) : std::nullopt);
      }
      default:
        return fail(
            tar_.error(ErrorCode::kInvalid, "only files, links and directories belong here"));
    }
  }

  Status take_link(const std::string& name, std::optional<std::string> target) {
    if (!target) return fail(tar_.error(ErrorCode::kInvalid, "the link leads out of the archive"));
    if (archive_.entries_.contains(name)) return fail(twice());
    const auto [known, fresh] = archive_.links_.emplace(name, *target);
    return fresh || known->second == *target ? Status() : Status(fail(twice()));
  }

  Status take_file(const TarEntry& entry, const std::string& name, const Progress& progress) {
    if (entry.sparse) return fail(tar_.error(ErrorCode::kUnsupported, "a sparse file"));
    StagedEntry staged;
    staged.name = name;
    staged.file = archive_.draft_->id + "/e" + std::to_string(count_);
    SLIP_TRY(copy(staged, progress));
    if (name.starts_with(kBlobs) && staged.digest.hex() != name.substr(kBlobs.size())) {
      return fail(tar_.error(ErrorCode::kCorrupt, "its content does not match its digest"));
    }
    if (archive_.links_.contains(name)) return fail(twice());
    const auto known = archive_.entries_.find(name);
    if (known == archive_.entries_.end()) {
      archive_.entries_.emplace(name, std::move(staged));
      return {};
    }
    ::unlinkat(yard_.fd(), staged.file.c_str(), 0);
    return known->second.digest == staged.digest ? Status() : Status(fail(twice()));
  }

  Status copy(StagedEntry& staged, const Progress& progress) {
    const Fd out =
        SLIP_TRY(open_at(yard_.fd(), staged.file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    const std::string shown = yard_.path() + "/" + staged.file;
    Sha256 sha;
    for (;;) {
      const std::string_view piece = SLIP_TRY(tar_.data());
      if (piece.empty()) break;
      if (cancel_.cancelled()) return fail(tar_.error(ErrorCode::kCancelled, "cancelled"));
      if (staged.size == 0) staged.compression = compression_of(piece);
      sha.update(piece);
      SLIP_TRY(write_all(out.get(), piece, shown));
      staged.size += piece.size();
      progress(count_);
    }
    staged.digest = sha.finish();
    return {};
  }

  Error twice() const { return tar_.error(ErrorCode::kInvalid, "the archive has it twice"); }

  StagedArchive& archive_;
  DraftYard& yard_;
  TarReader& tar_;
  const CancelToken& cancel_;
  std::size_t count_ = 0;
};

Result<StagedArchive> StagedArchive::read(StoreCore& core, const LoadRequest& request,
                                          const CancelToken& cancel) {
  StagedArchive archive(core);
  archive.draft_ = std::make_unique<DraftHandle>();
  archive.draft_->yard = core.yard;
  archive.draft_->id = SLIP_TRY(core.yard->create());
  const CancelToken stop = cancel.child();
  FdSource raw({request.fd, request.source, -1, "", stop, core.limits.stall, core.limits.total});
  Decoded decoded = SLIP_TRY(decode(raw, request.source, core.limits.max_ratio));
  PumpedChunks chunks(*decoded.bytes, stop);
  TarReader tar(chunks, request.source, core.limits);
  struct stat info {};
  const bool sized = ::fstat(request.fd, &info) == 0 && S_ISREG(info.st_mode);
  const std::uint64_t total = sized ? static_cast<std::uint64_t>(info.st_size) : 0;
  MonoTime last{};
  Reader reader(archive, tar, cancel);
  SLIP_TRY(reader.run([&](std::uint64_t entries) {
    if (!request.progress) return;
    const MonoTime now = real_clock().mono();
    if (now - last < kProgressEvery) return;
    last = now;
    request.progress({raw.bytes(), total, entries});
  }));
  return archive;
}

const StagedEntry* StagedArchive::find(std::string_view name) const {
  std::string at(name);
  if (at.starts_with("./")) at.erase(0, 2);
  for (int hop = 0; hop <= kMaxHops; ++hop) {
    const auto entry = entries_.find(at);
    if (entry != entries_.end()) return &entry->second;
    const auto link = links_.find(at);
    if (link == links_.end()) return nullptr;
    at = link->second;
  }
  return nullptr;
}

Result<const StagedEntry*> StagedArchive::need(std::string_view name, std::string_view who) const {
  const StagedEntry* entry = find(name);
  if (entry != nullptr) return entry;
  return fail(ErrorCode::kInvalid, "there is no \"" + printable(ellipsize(name, 200)) +
                                       "\", which " + std::string(who) + " names");
}

Result<std::string> StagedArchive::text(const StagedEntry& entry, ByteCount limit) const {
  const Fd fd = SLIP_TRY(open(entry));
  return read_fd(fd.get(), limit, "\"" + printable(entry.name) + "\"");
}

Result<Fd> StagedArchive::open(const StagedEntry& entry) const {
  return open_at(core_->yard->fd(), entry.file, O_RDONLY | O_NOFOLLOW);
}

}  // namespace slipway::cachestore
