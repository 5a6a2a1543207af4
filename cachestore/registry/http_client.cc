// HTTP by libcurl: the only file that knows its options. A `Line` is a multi handle (which keeps connections) with one
// easy handle; driving the multi ourselves lets the caller's cancel descriptor wake us and lets time spent in the
// caller's sink not count as a stall.
#include "cachestore/registry/http_client.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "base/guarded.h"
#include "base/text.h"
#include "cachestore/registry/address.h"
#include "cachestore/registry/curl_library.h"

namespace slipway::cachestore {
namespace {

constexpr std::size_t kMaxHeaders =
    65'536;  // SECURITY: all header lines of an exchange, 1xx answers too
constexpr std::size_t kMaxErrorBody = 65'536;
constexpr std::size_t kMaxIdleLines =
    16;  // for each origin; more than anybody's parallel transfers
constexpr long kBufferSize =
    256 * 1024;  // of libcurl's 16 KiB default every blob pays a system call per read
constexpr int kLongestPollMs = 1000;
constexpr const char* kUserAgent = "slipway/" SLIPWAY_VERSION;

using Kind = HttpFailure::Kind;

/// libcurl's result -> how to go on. What is not listed is final.
struct CodeRow {
  CURLcode code;
  Kind kind;
  ErrorCode error;
};
constexpr CodeRow kCodes[] = {
    {CURLE_COULDNT_RESOLVE_PROXY, Kind::kUnreached, ErrorCode::kUnavailable},
    {CURLE_COULDNT_RESOLVE_HOST, Kind::kUnreached, ErrorCode::kUnavailable},
    {CURLE_COULDNT_CONNECT, Kind::kUnreached, ErrorCode::kUnavailable},
    {CURLE_WEIRD_SERVER_REPLY, Kind::kFinal, ErrorCode::kUnsupported},
    {CURLE_UNSUPPORTED_PROTOCOL, Kind::kFinal, ErrorCode::kUnsupported},  // what comes is no HTTP
    {CURLE_PARTIAL_FILE, Kind::kTransient, ErrorCode::kUnavailable},
    {CURLE_OPERATION_TIMEDOUT, Kind::kTransient, ErrorCode::kTimeout},
    {CURLE_GOT_NOTHING, Kind::kTransient, ErrorCode::kUnavailable},
    {CURLE_SEND_ERROR, Kind::kTransient, ErrorCode::kUnavailable},
    {CURLE_RECV_ERROR, Kind::kTransient, ErrorCode::kUnavailable},
    {CURLE_SEND_FAIL_REWIND, Kind::kTransient, ErrorCode::kUnavailable},
    {CURLE_SSL_CONNECT_ERROR, Kind::kNoTls, ErrorCode::kUnavailable},
    {CURLE_PEER_FAILED_VERIFICATION, Kind::kFinal, ErrorCode::kPermission},
    {CURLE_SSL_CERTPROBLEM, Kind::kFinal, ErrorCode::kInvalid},
    {CURLE_SSL_CACERT_BADFILE, Kind::kFinal, ErrorCode::kInvalid},
    {CURLE_OUT_OF_MEMORY, Kind::kFinal, ErrorCode::kExhausted},
};

bool proxy_in_environment() {
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return true;
  }
  return false;
}

/// A line's handles; a curl handle keeps its connections until it goes.
class Line {
 public:
  explicit Line(const CurlLibrary* curl)
      : curl_(curl), easy(curl->easy_init()), multi(curl->multi_init()) {}
  ~Line() {
    if (easy != nullptr) curl_->easy_cleanup(easy);
    if (multi != nullptr) curl_->multi_cleanup(multi);
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  bool valid() const { return easy != nullptr && multi != nullptr; }

 private:
  const CurlLibrary* curl_;

 public:
  CURL* easy;
  CURLM* multi;
};

/// One request in flight. libcurl calls back into it from within multi_perform, on the caller's thread.
class Exchange {
 public:
  Exchange(const CurlLibrary& curl, Line& line, const HttpRequest& request,
           const HttpLimits& limits)
      : curl_(curl), line_(line), request_(request), limits_(limits) {}
  ~Exchange() {
    if (headers_ != nullptr) curl_.slist_free_all(headers_);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  HttpResult run(const CancelToken& cancel);

 private:
  template <typename T>
  void set(CURLoption option, T value) {
    curl_.easy_setopt(line_.easy, option, value);
  }
  void set_up();
  void set_up_tls();
  void set_up_body();
  void add_header(const std::string& line);
  CURLcode drive(const CancelToken& cancel);
  HttpFailure failure(CURLcode code);
  std::size_t on_header(std::string_view line);
  std::size_t on_body(std::string_view data);
  std::size_t on_read(char* data, std::size_t size);
  void moved() { last_moved_ = std::chrono::steady_clock::now(); }
  std::size_t stop(Error error) {
    own_error_ = std::move(error);
    return 0;
  }
  std::size_t stop_by_caller(Error error) {
    callers_error_ = true;
    return stop(std::move(error));
  }

  const CurlLibrary& curl_;
  Line& line_;
  const HttpRequest& request_;
  const HttpLimits& limits_;
  HttpAnswer answer_;
  curl_slist* headers_ = nullptr;
  std::size_t header_bytes_ = 0;
  std::uint64_t sent_ = 0;
  bool headers_done_ = false;
  bool proxied_ = false;
  bool stalled_ = false;
  bool enough_ = false;
  std::optional<Error> own_error_;
  bool callers_error_ = false;
  MonoTime last_moved_;
  char message_[CURL_ERROR_SIZE] = {};
};

void Exchange::add_header(const std::string& line) {
  headers_ = curl_.slist_append(headers_, line.c_str());
}

void Exchange::set_up_tls() {
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!request_.tls) return;
  const TlsSettings& tls = *request_.tls;
  set(CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
  if (!tls.extra_authorities.empty()) {
    // Replaces the system's bundle; its hashed directory (CURLOPT_CAPATH, set by Debian) still counts.
    curl_blob blob{const_cast<char*>(tls.extra_authorities.data()), tls.extra_authorities.size(),
                   CURL_BLOB_NOCOPY};
    set(CURLOPT_CAINFO_BLOB, &blob);
  }
  if (!tls.certificate_file.empty()) {
    set(CURLOPT_SSLCERT, tls.certificate_file.c_str());
    set(CURLOPT_SSLKEY, tls.key_file.c_str());
  }
}

void Exchange::set_up_body() {
  set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  if (!request_.upload) {
    if (request_.method == "HEAD") set(CURLOPT_NOBODY, 1L);
    return;
  }
  const HttpUpload& upload = *request_.upload;
  const bool typed =
      std::any_of(request_.headers.begin(), request_.headers.end(),
                  [](const std::string& line) { return line.starts_with("Content-Type:"); });
  if (!typed) add_header("Content-Type:");  // libcurl would call it a form
  add_header("Expect:");  // many registries answer no 100-continue, and libcurl then waits a second
  // libcurl sends a request anew when a kept connection turns out to be dead. That must not happen to a part of an
  // upload, of which some may have arrived: without a seek function it cannot.
  if (upload.body == nullptr && request_.method != "PATCH") {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(upload.content.size()));
    set(CURLOPT_POSTFIELDS, upload.content.data() == nullptr ? "" : upload.content.data());
    return;
  }
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_UPLOAD_BUFFERSIZE, kBufferSize);
  set(CURLOPT_INFILESIZE_LARGE,
      upload.length ? static_cast<curl_off_t>(*upload.length) : curl_off_t{-1});
  set(CURLOPT_READDATA, this);
  set(
      CURLOPT_READFUNCTION, +[](char* data, std::size_t size, std::size_t count, void* self) {
        return static_cast<Exchange*>(self)->on_read(data, size * count);
      });
}

void Exchange::set_up() {
  curl_.easy_reset(line_.easy);
  set(CURLOPT_URL, request_.url.str().c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // a cancelled name look-up is not waited for
  set(CURLOPT_ERRORBUFFER, message_);
  set(CURLOPT_USERAGENT, kUserAgent);
  set(CURLOPT_BUFFERSIZE, kBufferSize);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits_.connect.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request_.total_limit.count()));
  // Through a proxy "loopback" would be the proxy's machine.
  if (is_loopback_host(request_.url.host)) set(CURLOPT_PROXY, "");
  proxied_ = !is_loopback_host(request_.url.host) && proxy_in_environment();
  if (request_.refuse_local && !proxied_) {
    set(
        CURLOPT_OPENSOCKETFUNCTION,
        +[](void*, curlsocktype, curl_sockaddr* address) -> curl_socket_t {
          const std::optional<Address> to = Address::of(address->addr);
          if (to && to->machine_local()) return CURL_SOCKET_BAD;
          return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
        });
  }
  set_up_tls();
  for (const std::string& line : request_.headers) add_header(line);
  add_header("Accept-Encoding: identity");
  set_up_body();
  set(CURLOPT_HTTPHEADER, headers_);
  set(CURLOPT_HEADERDATA, this);
  set(
      CURLOPT_HEADERFUNCTION, +[](char* data, std::size_t size, std::size_t count, void* self) {
        return static_cast<Exchange*>(self)->on_header({data, size * count});
      });
  set(CURLOPT_WRITEDATA, this);
  set(
      CURLOPT_WRITEFUNCTION, +[](char* data, std::size_t size, std::size_t count, void* self) {
        return static_cast<Exchange*>(self)->on_body({data, size * count});
      });
}

std::size_t Exchange::on_header(std::string_view line) {
  moved();
  header_bytes_ += line.size();
  if (header_bytes_ > kMaxHeaders) {
    return stop(Error(ErrorCode::kCorrupt, "the answer's headers exceed 64 KiB"));
  }
  if (headers_done_) return line.size();  // trailers of a chunked body
  const std::string_view text = trim(line);
  if (text.starts_with("HTTP/")) {  // again after a 1xx answer
    answer_.headers.clear();
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    answer_.headers.add(text.substr(0, colon), trim(text.substr(colon + 1)));
  }
  if (!text.empty()) return line.size();
  long status = 0;
  curl_.easy_getinfo(line_.easy, CURLINFO_RESPONSE_CODE, &status);
  if (status < 200) return line.size();
  answer_.status = static_cast<int>(status);
  headers_done_ = true;
  if (request_.sink && status < 300) {
    if (Status taken = request_.sink(answer_, {}); !taken)
      return stop_by_caller(std::move(taken).error());
  }
  return line.size();
}

std::size_t Exchange::on_body(std::string_view data) {
  const bool good = answer_.status >= 200 && answer_.status < 300;
  if (request_.sink && good) {
    Status taken = request_.sink(answer_, data);
    moved();
    if (!taken) return stop_by_caller(std::move(taken).error());
    return data.size();
  }
  moved();
  const std::size_t limit = good ? request_.body_limit : kMaxErrorBody;
  const std::size_t room = limit - std::min(limit, answer_.body.size());
  if (data.size() > room && good) {
    return stop(Error(ErrorCode::kExhausted, "the answer is larger than " + format_size({limit})));
  }
  answer_.body.append(data.substr(0, room));
  enough_ = data.size() > room;  // of an error: its text is long enough, and may be endless
  return enough_ ? 0 : data.size();
}

std::size_t Exchange::on_read(char* data, std::size_t size) {
  const HttpUpload& upload = *request_.upload;
  if (upload.length)
    size = static_cast<std::size_t>(std::min<std::uint64_t>(size, *upload.length - sent_));
  if (size == 0) return 0;
  Result<std::size_t> got = size;
  if (upload.body != nullptr) {
    got = upload.body->read(data, size);
  } else {
    std::copy_n(upload.content.data() + sent_, size, data);
  }
  moved();
  if (!got) {
    stop_by_caller(std::move(got).error());
    return CURL_READFUNC_ABORT;
  }
  if (*got == 0 && upload.length) {
    stop(Error(ErrorCode::kCorrupt, "the body to be sent is shorter than its size"));
    return CURL_READFUNC_ABORT;
  }
  sent_ += *got;
  return *got;
}

CURLcode Exchange::drive(const CancelToken& cancel) {
  moved();
  int running = 1;
  while (true) {
    if (cancel.cancelled()) {
      stop(Error(ErrorCode::kCancelled, "cancelled"));
      return CURLE_ABORTED_BY_CALLBACK;
    }
    if (curl_.multi_perform(line_.multi, &running) != CURLM_OK) return CURLE_FAILED_INIT;
    if (running == 0) break;
    const auto idle = std::chrono::steady_clock::now() - last_moved_;
    if (idle >= limits_.stall) {
      stalled_ = true;
      return CURLE_OPERATION_TIMEDOUT;
    }
    const auto left = std::chrono::ceil<Millis>(limits_.stall - idle).count();
    curl_waitfd extra{cancel.poll_fd(), CURL_WAIT_POLLIN};
    curl_.multi_poll(line_.multi, &extra, 1,
                     static_cast<int>(std::min<long long>(left, kLongestPollMs)), nullptr);
  }
  int left = 0;
  while (const CURLMsg* message = curl_.multi_info_read(line_.multi, &left)) {
    if (message->msg == CURLMSG_DONE) return message->data.result;
  }
  return CURLE_FAILED_INIT;
}

HttpFailure Exchange::failure(CURLcode code) {
  if (own_error_) return {Kind::kFinal, *std::move(own_error_), headers_done_, callers_error_};
  const auto* row = std::find_if(std::begin(kCodes), std::end(kCodes),
                                 [&](const CodeRow& entry) { return entry.code == code; });
  std::string text = message_[0] != '\0' ? printable(message_) : curl_.easy_strerror(code);
  if (stalled_) text = "nothing moved for " + format_duration(limits_.stall);
  if (row == std::end(kCodes)) return {Kind::kFinal, Error(ErrorCode::kInternal, text)};
  Kind kind = row->kind;
  long connected = 0;
  curl_.easy_getinfo(line_.easy, CURLINFO_NUM_CONNECTS, &connected);
  double connect_time = 0;
  curl_.easy_getinfo(line_.easy, CURLINFO_CONNECT_TIME, &connect_time);
  if (code == CURLE_OPERATION_TIMEDOUT && connect_time == 0 && !headers_done_)
    kind = Kind::kUnreached;
  return {kind, Error(row->error, text), headers_done_};
}

HttpResult Exchange::run(const CancelToken& cancel) {
  set_up();
  if (curl_.multi_add_handle(line_.multi, line_.easy) != CURLM_OK) {
    return tl::unexpected(
        HttpFailure{Kind::kFinal, Error(ErrorCode::kInternal, "start the request")});
  }
  CURLcode code = drive(cancel);
  if (code == CURLE_WRITE_ERROR && enough_) code = CURLE_OK;
  if (code == CURLE_OK) {
    char* peer = nullptr;
    curl_.easy_getinfo(line_.easy, CURLINFO_PRIMARY_IP, &peer);
    const std::optional<Address> address = Address::parse(peer == nullptr ? "" : peer);
    answer_.peer_is_local = !proxied_ && address && address->machine_local();
  }
  HttpFailure failed = code == CURLE_OK
                           ? HttpFailure{Kind::kFinal, Error(ErrorCode::kInternal, "none")}
                           : failure(code);
  curl_.multi_remove_handle(line_.multi, line_.easy);
  curl_.easy_reset(line_.easy);  // it must not point into this any more
  if (code != CURLE_OK) return tl::unexpected(std::move(failed));
  return std::move(answer_);
}

}  // namespace

struct HttpClient::State {
  const CurlLibrary* curl = nullptr;
  HttpLimits limits;
  Guarded<std::map<std::string, std::vector<std::unique_ptr<Line>>>> idle;  // by origin

  std::unique_ptr<Line> take(const std::string& origin) {
    std::unique_ptr<Line> line = idle.with([&](auto& lines) -> std::unique_ptr<Line> {
      auto& list = lines[origin];
      if (list.empty()) return nullptr;
      std::unique_ptr<Line> last = std::move(list.back());  // the warmest
      list.pop_back();
      return last;
    });
    return line ? std::move(line) : std::make_unique<Line>(curl);
  }
  void put_back(const std::string& origin, std::unique_ptr<Line> line) {
    idle.with([&](auto& lines) {
      auto& list = lines[origin];
      if (list.size() < kMaxIdleLines) list.push_back(std::move(line));
    });
  }
};

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::open(HttpLimits limits) {
  auto state = std::make_unique<State>();
  state->curl = SLIP_TRY(load_curl());
  state->limits = limits;
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(state)));
}

HttpResult HttpClient::perform(const HttpRequest& request, const CancelToken& cancel) {
  // A connection that was allowed to a local address must not serve a request that refuses them.
  const std::string key = request.url.origin() + (request.refuse_local ? " public" : "");
  std::unique_ptr<Line> line = state_->take(key);
  if (!line->valid()) {
    return tl::unexpected(
        HttpFailure{Kind::kFinal, Error(ErrorCode::kExhausted, "no memory for libcurl")});
  }
  HttpResult result = Exchange(*state_->curl, *line, request, state_->limits).run(cancel);
  state_->put_back(key, std::move(line));
  return result;
}

}  // namespace slipway::cachestore
