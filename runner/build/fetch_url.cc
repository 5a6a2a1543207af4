// ADD of a URL: asked for only when what is here may have changed, kept by its digest.
#include <fcntl.h>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/download.h"
#include "runner/build/context.h"

namespace slipway::runner {
namespace {

constexpr const char* kContent = "/content";
constexpr ByteCount kMaxRecord = 64_KiB;

// What the file is called below a directory: the last part of the URL's path, as BuildKit has it.
std::string name_in_url(const std::string& url) {
  std::string_view path = url;
  path = path.substr(0, path.find_first_of("?#"));
  const std::size_t scheme = path.find("://");
  if (scheme != std::string_view::npos) path.remove_prefix(scheme + 3);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return "";
  const std::string_view name = path.substr(slash + 1);
  return name == "." || name == ".." ? "" : std::string(name);
}

/// What is known of a URL, in a small file by the URL's digest (and that of the credentials: others may see another
/// file).
class UrlRecord {
 public:
  UrlRecord(cachestore::Store& store, const std::string& url, const UrlCredentials& credentials)
      : path_(store.root() + "/urls/" +
              Digest::of(url + "\n" + credentials.authorization).hex().substr(0, 40)) {
    const auto text = read_file(path_, kMaxRecord);
    if (!text) return;
    if (auto json = parse_json(*text)) known_ = *std::move(json);
  }
  std::string text(std::string_view key) const { return std::string(known_[key].string_or("")); }
  std::optional<WallTime> modified() const {
    const std::int64_t seconds = known_["modified"].int_or(-1);
    if (seconds < 0) return std::nullopt;
    return WallTime(std::chrono::seconds(seconds));
  }
  void set(const cachestore::Downloaded& done, const std::string& name) {
    known_ = Json::object({{"digest", done.digest.str()},
                           {"etag", done.etag},
                           {"lastModified", done.last_modified},
                           {"name", name}});
    if (done.modified) {
      known_.set("modified",
                 std::chrono::duration_cast<std::chrono::seconds>(done.modified->time_since_epoch())
                     .count());
    }
    // Without it the next build fetches again.
    if (make_dirs(path_.substr(0, path_.rfind('/')), 0700)) {
      (void)write_file_atomic(path_, known_.dump(), 0600);
    }
  }

 private:
  std::string path_;
  Json known_;
};

Result<std::optional<FetchedUrl>> kept(cachestore::Store& store, const std::string& digest) {
  if (digest.empty()) return std::nullopt;
  const std::optional<cachestore::Snapshot> snapshot =
      SLIP_TRY(store.find(cachestore::SnapshotKind::kCache, "url-content:" + digest));
  if (!snapshot) return std::nullopt;
  auto lease = store.lease({snapshot->id});
  if (!lease) return std::nullopt;  // just pruned
  FetchedUrl fetched;
  fetched.digest = SLIP_TRY(Digest::parse(digest));
  fetched.path = snapshot->path + kContent;
  fetched.files = std::make_shared<cachestore::Lease>(std::move(*lease));
  return fetched;
}

Error wrong_checksum(const std::string& url, const std::string& wanted, const Digest& found) {
  return Error(ErrorCode::kCorrupt, "fetch " + printable(url.substr(0, url.find('?'))) +
                                        ": its digest is " + found.str() + ", not " + wanted);
}

}  // namespace

Result<FetchedUrl> fetch_url(cachestore::Store& store, const std::string& url,
                             const std::string& checksum, const UrlCredentials& credentials,
                             const CancelToken& cancel) {
  if (!checksum.empty()) {
    SLIP_TRY_WITHIN("read --checksum", Digest::parse(checksum));
  }
  UrlRecord record(store, url, credentials);
  std::optional<FetchedUrl> here =
      SLIP_TRY(kept(store, checksum.empty() ? record.text("digest") : checksum));
  const std::string url_name = name_in_url(url);
  const auto finish = [&](FetchedUrl fetched) {
    fetched.name = url_name.empty() ? record.text("name") : url_name;
    if (fetched.name.empty()) fetched.name = "__unnamed__";
    fetched.modified = record.modified();
    return fetched;
  };
  // What has the wanted digest is what is wanted, whatever the server has now.
  if (here && !checksum.empty() && record.text("digest") == checksum) {
    return finish(*std::move(here));
  }
  cachestore::Draft draft = SLIP_TRY(store.begin());
  cachestore::DownloadRequest request;
  const Fd fd = SLIP_TRY(open_file(draft.upper() + kContent, O_RDWR | O_CREAT | O_EXCL, 0600));
  request.url = url;
  request.fd = fd.get();
  request.authorization = credentials.authorization;
  if (here) {
    request.etag = record.text("etag");
    request.last_modified = record.text("lastModified");
  }
  const cachestore::Downloaded done = SLIP_TRY(cachestore::download(request, cancel));
  if (done.not_modified && here) return finish(*std::move(here));
  if (!checksum.empty() && done.digest.str() != checksum) {
    return fail(wrong_checksum(url, checksum, done.digest));
  }
  record.set(done, done.file_name);
  SLIP_TRY(store.commit(std::move(draft), cachestore::SnapshotKind::kCache,
                        "url-content:" + done.digest.str(), Json::object({{"url", url_name}}),
                        cachestore::Durability::kRelaxed));
  std::optional<FetchedUrl> fetched = SLIP_TRY(kept(store, done.digest.str()));
  if (!fetched) {
    return fail(ErrorCode::kUnavailable, "fetch " + printable(url_name) + ": pruned meanwhile");
  }
  return finish(*std::move(fetched));
}

}  // namespace slipway::runner
