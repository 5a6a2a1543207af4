// The books of caches: one small file each.
#include "runner/cache/cache_index.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/digest.h"
#include "base/files.h"

namespace slipway::runner {
namespace {

constexpr ByteCount kMaxEntry = 4_MiB;  // outputs of a memo's step are in it: 1 MiB each
constexpr ByteCount kMaxLog = 16_MiB;
constexpr std::size_t kIdDigits = 32;

std::int64_t millis_of(WallTime time) {
  return std::chrono::duration_cast<Millis>(time.time_since_epoch()).count();
}
WallTime time_of(std::int64_t millis) { return WallTime(Millis(millis)); }

Json to_json(const CacheEntry& entry) {
  Json paths = Json::array();
  for (const std::string& path : entry.paths) paths.push(path);
  Json layers = Json::array();
  for (const CacheLayer& layer : entry.layers)
    layers.push(Json::object(
        {{"snapshot", layer.snapshot}, {"files", layer.files}, {"bytes", layer.bytes}}));
  return Json::object({{"kind", entry.kind},
                       {"scope", entry.scope},
                       {"key", entry.key},
                       {"paths", std::move(paths)},
                       {"layers", std::move(layers)},
                       {"created", millis_of(entry.created)},
                       {"details", entry.details}});
}

CacheEntry from_json(const Json& json) {
  CacheEntry entry;
  entry.kind = json["kind"].string_or(CacheEntry::kCache);
  entry.scope = json["scope"].string_or("");
  entry.key = json["key"].string_or("");
  for (const Json& path : json["paths"].items()) entry.paths.emplace_back(path.string_or(""));
  for (const Json& layer : json["layers"].items())
    entry.layers.push_back({std::string(layer["snapshot"].string_or("")),
                            static_cast<std::uint64_t>(layer["files"].int_or(0)),
                            static_cast<std::uint64_t>(layer["bytes"].int_or(0))});
  entry.created = time_of(json["created"].int_or(0));
  entry.details = json["details"];
  return entry;
}

}  // namespace

std::string CacheEntry::id() const {
  const std::string text = kind + '\0' + scope + '\0' + key;
  return Digest::of(text).hex().substr(0, kIdDigits);
}

std::uint64_t CacheEntry::files() const {
  std::uint64_t sum = 0;
  for (const CacheLayer& layer : layers) sum += layer.files;
  return sum;
}
std::uint64_t CacheEntry::bytes() const {
  std::uint64_t sum = 0;
  for (const CacheLayer& layer : layers) sum += layer.bytes;
  return sum;
}

Result<CacheIndex> CacheIndex::open(const std::string& store_root) {
  std::string path = store_root + "/caches";
  SLIP_TRY(make_dirs(path, 0700));
  return CacheIndex(std::move(path));
}

std::optional<CacheEntry> CacheIndex::read(const std::string& id) const {
  const Result<Fd> fd = open_file(file_of(id), O_RDONLY | O_NOFOLLOW);
  struct stat info {};
  if (!fd || ::fstat(fd->get(), &info) != 0) return std::nullopt;
  const Result<std::string> text = read_fd(fd->get(), kMaxEntry, "cache entry " + id);
  if (!text) return std::nullopt;
  const Result<Json> json = parse_json(*text);
  if (!json) return std::nullopt;
  CacheEntry entry = from_json(*json);
  if (entry.id() != id) return std::nullopt;
  entry.used = time_of(info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1'000'000);
  return entry;
}

Result<std::optional<CacheEntry>> CacheIndex::find(const CacheEntry& name) const {
  std::optional<CacheEntry> entry = read(name.id());
  const bool same =
      entry && entry->kind == name.kind && entry->scope == name.scope && entry->key == name.key;
  return same ? std::move(entry) : std::nullopt;
}

Result<std::vector<CacheEntry>> CacheIndex::list() const {
  constexpr std::string_view kEnding = ".json";
  const Fd dir = SLIP_TRY(open_file(path_, O_RDONLY | O_DIRECTORY));
  std::vector<CacheEntry> entries;
  for (const std::string& name : SLIP_TRY(list_dir(dir.get(), path_))) {
    if (!name.ends_with(kEnding)) continue;
    std::optional<CacheEntry> entry = read(name.substr(0, name.size() - kEnding.size()));
    if (entry) entries.push_back(*std::move(entry));
  }
  std::sort(entries.begin(), entries.end(),
            [](const CacheEntry& a, const CacheEntry& b) { return a.used < b.used; });
  return entries;
}

Result<std::optional<CacheEntry>> CacheIndex::find_prefix(const std::string& kind,
                                                          const std::string& scope,
                                                          const std::string& prefix) const {
  std::optional<CacheEntry> newest;
  for (CacheEntry& entry : SLIP_TRY(list())) {
    if (entry.kind != kind || entry.scope != scope || !entry.key.starts_with(prefix)) continue;
    if (!newest || newest->created <= entry.created) newest = std::move(entry);
  }
  return newest;
}

Status CacheIndex::put(const CacheEntry& entry) const {
  return write_file_atomic(file_of(entry.id()), to_json(entry).dump(), 0600);
}

Status CacheIndex::put_log(const std::string& id, const std::string& text) const {
  return write_file_atomic(log_of(id), text, 0600);
}

Result<std::string> CacheIndex::read_log(const std::string& id) const {
  return read_file(log_of(id), kMaxLog);
}

Status CacheIndex::remove(const std::string& id) const {
  (void)::unlink(log_of(id).c_str());
  if (::unlink(file_of(id).c_str()) != 0 && errno != ENOENT)
    return fail_errno("remove " + file_of(id));
  return {};
}

void CacheIndex::touch(const CacheEntry& entry) const {
  (void)::utimensat(AT_FDCWD, file_of(entry.id()).c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

Result<Fd> CacheIndex::lock() const {
  const std::string path = path_ + "/lock";
  Fd fd = SLIP_TRY(open_file(path, O_RDWR | O_CREAT, 0600));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail_errno("lock " + path);
  }
  return fd;
}

}  // namespace slipway::runner
