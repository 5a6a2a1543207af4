// Blobs from a registry: exactly the bytes asked for, over as many requests as it takes.
#include "base/text.h"
#include "cachestore/registry/client.h"

namespace slipway::cachestore {
namespace {

using namespace registry_api;

// A transfer that gets on counts its failures anew: a blob of many gigabytes may meet more than `attempts` of them.
constexpr std::uint64_t kProgress = std::uint64_t{1} << 20;

/// One blob on its way; `position` survives broken transfers and changes of the mirror.
class Fetch {
 public:
  Fetch(const RemoteDescriptor& blob, std::uint64_t offset, BlobSink& sink)
      : blob_(blob), sink_(sink), position_(offset) {}

  bool complete() const { return position_ == blob_.size; }
  Status run(Exchanger& exchanger, const RegistryOptions& options, Endpoint& endpoint,
             const Reference& name, const CancelToken& cancel);

 private:
  Call make_call(const Reference& name);
  Status take(const HttpAnswer& head, std::string_view data);
  Status begin(const HttpAnswer& head);

  const RemoteDescriptor& blob_;
  BlobSink& sink_;
  std::uint64_t position_;      // next byte the sink wants
  std::uint64_t skip_ = 0;      // bytes of this answer that the sink has already
  bool ranges_ = true;          // this registry's ranges can be used
  bool range_useless_ = false;  // this answer's range was none we can use
};

Call Fetch::make_call(const Reference& name) {
  Call call;
  call.path = name.repository + "/blobs/" + blob_.digest.str();
  call.scopes = {scope(name.repository, "pull")};
  if (position_ > 0 && ranges_)
    call.headers.push_back("Range: bytes=" + std::to_string(position_) + "-");
  call.sink = [this](const HttpAnswer& head, std::string_view data) { return take(head, data); };
  call.document = false;
  return call;
}

/// The headers are there: which byte comes first, and are there as many as there should be?
Status Fetch::begin(const HttpAnswer& head) {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> total;
  const auto length = parse_size_header(head.headers.first("content-length"));
  if (head.status == 206) {
    const auto range = parse_content_range(head.headers.first("content-range"));
    // More may come than was asked for, but not less; and no answer may skip bytes.
    if (!range || range->first > position_ || (range->total && *range->total != blob_.size)) {
      range_useless_ = true;
      return fail(ErrorCode::kUnavailable, "the registry answered with another range");
    }
    first = range->first;
    total = range->total;
  } else if (length) {
    total = *length;
  }
  if (total && *total != blob_.size) {
    return fail(ErrorCode::kCorrupt, "the registry has " + std::to_string(*total) +
                                         " bytes, the manifest says " + std::to_string(blob_.size));
  }
  skip_ = position_ - first;
  return {};
}

Status Fetch::take(const HttpAnswer& head, std::string_view data) {
  if (data.empty()) return begin(head);
  const std::size_t known = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, data.size()));
  data.remove_prefix(known);
  skip_ -= known;
  if (data.size() > blob_.size - position_) {
    return fail(ErrorCode::kCorrupt,
                "more than the " + std::to_string(blob_.size) + " bytes that the manifest says");
  }
  if (data.empty()) return {};
  SLIP_TRY(sink_.write(data));
  position_ += data.size();
  return {};
}

Status Fetch::run(Exchanger& exchanger, const RegistryOptions& options, Endpoint& endpoint,
                  const Reference& name, const CancelToken& cancel) {
  Retry retry(options, [this](const std::string& text) { sink_.retrying(text); });
  ranges_ = true;
  std::uint64_t counted_from = position_;
  while (!complete()) {
    range_useless_ = false;
    HttpResult result = exchanger.once(endpoint, make_call(name), cancel);
    const bool refused = !result && result.error().kind == HttpFailure::Kind::kFinal;
    if (complete() && !refused) break;  // the connection may have broken behind the last byte
    std::optional<Trouble> trouble;
    if (range_useless_ || (result && result->status == 416 && ranges_ && position_ > 0)) {
      ranges_ = false;
      trouble = Trouble{Error(ErrorCode::kCorrupt, "the registry answered with another range"),
                        Millis(0), 0};
    } else if (!result) {
      trouble = trouble_of(result.error());
      if (!trouble) return fail(std::move(result).error().error);
    } else if (result->status == 200 || result->status == 206) {
      trouble =
          Trouble{Error(ErrorCode::kUnavailable, "the transfer ended early"), std::nullopt, 0};
    } else {
      trouble = trouble_of(*result, endpoint.account);
      if (!trouble) return fail(answer_error(*result, endpoint.account));
    }
    if (position_ - counted_from >= kProgress) retry.progressed();
    counted_from = position_;
    trouble->error = std::move(trouble->error)
                         .within("after " + std::to_string(position_) + " of " +
                                 std::to_string(blob_.size) + " bytes");
    SLIP_TRY(retry.again(*std::move(trouble), cancel));
  }
  return {};
}

}  // namespace

Status Client::fetch_blob(const Reference& name, const RemoteDescriptor& blob, std::uint64_t offset,
                          BlobSink& sink, const CancelToken& cancel) {
  const std::string context =
      "get blob " + blob.digest.str() + " of " + name.registry + "/" + name.repository;
  if (offset > blob.size) return fail(ErrorCode::kInvalid, context + ": offset beyond its end");
  bool callers_error = false;
  struct Watched : BlobSink {
    BlobSink& inner;
    bool& failed;
    Watched(BlobSink& to, bool& flag) : inner(to), failed(flag) {}
    Status write(std::string_view data) override {
      Status done = inner.write(data);
      failed = !done;
      return done;
    }
    void retrying(const std::string& why) override { inner.retrying(why); }
  } watched(sink, callers_error);
  Fetch fetch(blob, offset, watched);
  for (const std::unique_ptr<Endpoint>& place :
       *SLIP_TRY_WITHIN(context, endpoints(name.registry))) {
    Status done = fetch.run(exchanger_, options_, *place, name, cancel);
    if (done || callers_error) return done;
    Error error = std::move(done).error();
    if (!place->mirror || error.code() == ErrorCode::kCancelled)
      return fail(std::move(error).within(context));
    exchanger_.warn("mirror " + place->base.authority() + ": " + error.text());
  }
  return {};
}

Result<bool> Client::look_up_blob(Endpoint& endpoint, const Reference& name, const Digest& digest,
                                  const CancelToken& cancel) {
  Call call;
  call.path = name.repository + "/blobs/" + digest.str();
  call.scopes = {scope(name.repository, "pull")};
  int head_status = 0;
  if (endpoint.blob_head != Endpoint::Head::kRefused) {
    call.method = "HEAD";
    const HttpAnswer answer = SLIP_TRY(exchanger_.send(endpoint, call, cancel));
    head_status = answer.status;
    if (answer.status == 200) {
      endpoint.blob_head = Endpoint::Head::kWorks;
      return true;
    }
    if (answer.status == 404 && endpoint.blob_head == Endpoint::Head::kWorks) return false;
  }
  // HEAD is refused here, or its 404 is not to be believed yet: one byte decides.
  call.method = "GET";
  call.headers = {"Range: bytes=0-0"};
  bool exists = false;
  call.sink = [&exists](const HttpAnswer&, std::string_view data) -> Status {
    exists = true;
    if (data.empty()) return {};
    return fail(ErrorCode::kExists, "enough seen");
  };
  const Result<HttpAnswer> answer = exchanger_.send(endpoint, call, cancel);
  if (exists || (answer && answer->status == 416)) {  // 416: an empty blob
    endpoint.blob_head = Endpoint::Head::kRefused;
    return true;
  }
  if (!answer) return fail(answer.error().clone());
  if (answer->status != 404) return fail(answer_error(*answer, endpoint.account));
  if (head_status == 404) endpoint.blob_head = Endpoint::Head::kWorks;
  return false;
}

Result<bool> Client::has_blob(const Reference& name, const Digest& digest,
                              const CancelToken& cancel) {
  // Pushes ask this, so the registry itself counts, whatever a mirror has.
  const std::string context =
      "look up blob " + digest.str() + " of " + name.registry + "/" + name.repository;
  Endpoint* endpoint = SLIP_TRY_WITHIN(context, home(name.registry));
  return SLIP_TRY_WITHIN(context, look_up_blob(*endpoint, name, digest, cancel));
}

}  // namespace slipway::cachestore
