// One file by HTTP: redirects, repetition, limits. What a registry needs beyond that has exchange.cc.
#include "cachestore/download.h"

#include <time.h>
#include <unistd.h>

#include <memory>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/registry/http_client.h"
#include "cachestore/registry/retry.h"

namespace slipway::cachestore {
namespace {

constexpr int kMaxRedirects = 10;  // as Go's client, which builders use
constexpr std::size_t kMaxName = 255;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// `attachment; filename="x.tar"`: never more than a name. Spec: RFC 6266.
std::string name_of(std::string_view disposition) {
  constexpr std::string_view kKey = "filename=";
  const std::size_t at = to_lower(disposition).find(kKey);
  if (at == std::string::npos) return "";
  std::string_view value = trim(disposition.substr(at + kKey.size()));
  if (value.starts_with('"')) {
    value.remove_prefix(1);
    value = value.substr(0, value.find('"'));
  } else {
    value = value.substr(0, value.find_first_of("; "));
  }
  value = value.substr(value.find_last_of("/\\") + 1);
  const bool usable = !value.empty() && value != "." && value != ".." && value.size() <= kMaxName &&
                      value.find('\0') == std::string_view::npos;
  return usable ? std::string(value) : "";
}

// Spec: RFC 9110, 5.6.7; the obsolete forms are not worth reading.
std::optional<WallTime> parse_date(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

class Download {
 public:
  Download(HttpClient& client, const DownloadRequest& request, Url first)
      : client_(client), request_(request), first_(std::move(first)), url_(first_) {}

  Result<Downloaded> run(const CancelToken& cancel) {
    const RegistryOptions options;
    Retry retry(options);
    for (int redirects = 0;;) {
      HttpResult answer = client_.perform(make_request(), cancel);
      if (!answer) {
        std::optional<Trouble> trouble = trouble_of(answer.error());
        if (!trouble || answer.error().callers) return fail(std::move(answer.error().error));
        SLIP_TRY(retry.again(*std::move(trouble), cancel));
      } else if (is_redirect(answer->status)) {
        if (++redirects > kMaxRedirects) {
          return fail(ErrorCode::kInvalid, "more than 10 redirects");
        }
        SLIP_TRY(follow(*answer));
      } else if (std::optional<Trouble> trouble = trouble_of(*answer, "")) {
        SLIP_TRY(retry.again(*std::move(trouble), cancel));
      } else {
        return take(*answer);
      }
    }
  }

 private:
  HttpRequest make_request() {
    HttpRequest http;
    http.url = url_;
    http.refuse_local = refuse_local_;
    http.headers.push_back("Accept: " + request_.accept);
    if (!request_.authorization.empty() && url_.same_origin(first_)) {
      http.headers.push_back("Authorization: " + request_.authorization);
    }
    if (!request_.etag.empty()) http.headers.push_back("If-None-Match: " + request_.etag);
    if (!request_.last_modified.empty()) {
      http.headers.push_back("If-Modified-Since: " + request_.last_modified);
    }
    http.sink = [this](const HttpAnswer&, std::string_view data) { return write(data); };
    return http;
  }

  // The first call of each answer has no data: what an earlier attempt left goes.
  Status write(std::string_view data) {
    if (data.empty()) {
      if (::ftruncate(request_.fd, 0) != 0 || ::lseek(request_.fd, 0, SEEK_SET) != 0) {
        return fail_errno("write");
      }
      size_ = 0;
      sha_ = Sha256();
      return {};
    }
    size_ += data.size();
    if (size_ > request_.limit.value) {
      return fail(ErrorCode::kExhausted, "larger than " + format_size(request_.limit));
    }
    sha_.update(data);
    return write_all(request_.fd, data, "download");
  }

  Status follow(const HttpAnswer& answer) {
    const Url next = SLIP_TRY(url_.resolve(answer.headers.first("Location")));
    if (url_.https() && !next.https() && !request_.authorization.empty()) {
      return fail(ErrorCode::kPermission, "redirected to plain http, but it needs credentials");
    }
    // A server of the world must not make us ask what only this machine can reach.
    refuse_local_ = refuse_local_ || !answer.peer_is_local;
    url_ = next;
    return {};
  }

  Result<Downloaded> take(const HttpAnswer& answer) {
    Downloaded done;
    if (answer.status == 304) {
      done.not_modified = true;
      return done;
    }
    if (answer.status == 404 || answer.status == 410) {
      return fail(ErrorCode::kNotFound, "not found (HTTP " + std::to_string(answer.status) + ")");
    }
    if (answer.status == 401 || answer.status == 403) {
      return fail(ErrorCode::kUnauthenticated,
                  "refused (HTTP " + std::to_string(answer.status) + ")");
    }
    if (answer.status < 200 || answer.status > 299) {
      return fail(ErrorCode::kUnavailable, "HTTP " + std::to_string(answer.status));
    }
    done.digest = sha_.finish();
    done.size = size_;
    done.etag = answer.headers.first("ETag");
    done.last_modified = answer.headers.first("Last-Modified");
    done.modified = parse_date(done.last_modified);
    done.file_name = name_of(answer.headers.first("Content-Disposition"));
    return done;
  }

  HttpClient& client_;
  const DownloadRequest& request_;
  const Url first_;
  Url url_;
  bool refuse_local_ = false;
  std::uint64_t size_ = 0;
  Sha256 sha_;
};

}  // namespace

Result<Downloaded> download(const DownloadRequest& request, const CancelToken& cancel) {
  Url url = SLIP_TRY(Url::parse(request.url));
  const std::string doing = "fetch " + printable(url.shown());
  const std::unique_ptr<HttpClient> client = SLIP_TRY_WITHIN(doing, HttpClient::open({}));
  return SLIP_TRY_WITHIN(doing, Download(*client, request, std::move(url)).run(cancel));
}

}  // namespace slipway::cachestore
