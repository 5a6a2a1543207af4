// Blobs to a registry. Spec: OCI distribution-spec 1.1, "Pushing blobs".
//
//   small bodies   POST ?digest= with the bytes; a registry that knows no single POST answers 202: PUT to its Location
//   all others     POST, one PATCH with everything, PUT ?digest=
//   after a break  GET of the upload tells what arrived: PATCH of the rest; if it tells nothing, from the beginning
//   416 or 413     the registry (GHCR) or a proxy before it wants no large requests: PATCH in chunks of 4 MiB
// What a 202 to PATCH says in its Range is not asked: ECR's does not advance. All that was sent has arrived then.
#include <algorithm>

#include "base/text.h"
#include "cachestore/registry/client.h"

namespace slipway::cachestore {
namespace {

using namespace registry_api;

constexpr std::uint64_t kSmall = 65'536;                  // configs; what is sent twice at worst
constexpr std::uint64_t kChunk = std::uint64_t{4} << 20;  // GHCR's limit
constexpr std::uint64_t kLargestChunk =
    std::uint64_t{64} << 20;  // of OCI-Chunk-Min-Length: a chunk is kept in memory
constexpr std::uint64_t kProgress = std::uint64_t{1} << 20;  // after which failures count anew
constexpr std::size_t kMaxOpened = 64;  // uploads opened by refused mounts and not used yet
constexpr int kMaxStuck = 2;     // breaks of a large request after which smaller ones are tried
constexpr int kMaxRestarts = 3;  // from the beginning, for other reasons than broken connections

bool is_success(int status) { return status >= 200 && status <= 204; }
bool is_too_large(int status) { return status == 413 || status == 416; }

/// Knows where the body stands, which is the only way to know the size of one that is made on the way.
class TrackedBody : public BlobBody {
 public:
  explicit TrackedBody(BlobBody& inner) : inner_(inner) {}
  std::optional<std::uint64_t> size() const override { return inner_.size(); }
  Status seek(std::uint64_t offset) override {
    if (offset == position_) return {};
    SLIP_TRY(inner_.seek(offset));
    position_ = offset;
    return {};
  }
  Result<std::size_t> read(char* data, std::size_t size) override {
    const std::size_t got = SLIP_TRY(inner_.read(data, size));
    position_ += got;
    return got;
  }
  void retrying(const std::string& why) override { inner_.retrying(why); }
  std::uint64_t position() const { return position_; }

 private:
  BlobBody& inner_;
  std::uint64_t position_ = 0;
};

class Upload {
 public:
  Upload(Exchanger& exchanger, Endpoint& endpoint, const RegistryOptions& options,
         const Reference& name, BlobBody& body, const std::function<Result<Digest>()>& digest)
      : exchanger_(exchanger),
        endpoint_(endpoint),
        options_(options),
        name_(name),
        body_(body),
        digest_(digest) {}

  /// `opened`: an upload that is open already.
  Status run(std::optional<Url> opened, const CancelToken& cancel);

 private:
  /// How a step went wrong, and from where to go on.
  struct Setback {
    enum class From { kNowhere, kUploadState, kBeginning };
    From from = From::kNowhere;
    Trouble trouble;
    bool counts_as_restart = false;  // the registry's own doing, not the network's
  };
  using Step = tl::expected<void, Setback>;

  static tl::unexpected<Setback> give_up(Error error) {
    return tl::unexpected(Setback{Setback::From::kNowhere, {std::move(error), {}, 0}, false});
  }
  static tl::unexpected<Setback> restart(Error error) {
    return tl::unexpected(
        Setback{Setback::From::kBeginning, {std::move(error), Millis(0), 0}, true});
  }
  Call make_call(const char* method) const;
  Step start(const CancelToken& cancel);
  Step send_small(const CancelToken& cancel);
  Step send_all(const CancelToken& cancel);
  Step send_chunks(const CancelToken& cancel);
  Step send_chunk(std::string_view chunk, const CancelToken& cancel);
  Step ask_state(const CancelToken& cancel);
  Step finish(const CancelToken& cancel);
  Step move_on(const HttpAnswer& answer);
  Step judge(HttpResult result, Setback::From from);
  Step attempt(const CancelToken& cancel);
  bool whole_body_sent() const { return body_.size() ? offset_ == *body_.size() : at_end_; }

  Exchanger& exchanger_;
  Endpoint& endpoint_;
  const RegistryOptions& options_;
  const Reference& name_;
  TrackedBody body_;
  const std::function<Result<Digest>()>& digest_;
  std::optional<Url> location_;
  std::uint64_t offset_ = 0;  // bytes the registry has
  std::uint64_t chunk_ = kChunk;
  bool at_end_ = false;
  bool ask_first_ = false;  // what has arrived is not known
  bool resumed_ = false;
  int stuck_ = 0;  // breaks without progress
};

Call Upload::make_call(const char* method) const {
  Call call;
  call.method = method;
  call.path = name_.repository + "/blobs/uploads/";
  call.scopes = {scope(name_.repository, "pull,push")};
  call.headers = {"Content-Type: application/octet-stream"};
  call.upload = HttpUpload{};
  return call;
}

/// Anything but a success becomes a setback; what may pass goes on from `from`.
Upload::Step Upload::judge(HttpResult result, Setback::From from) {
  std::optional<Trouble> trouble =
      result ? trouble_of(*result, endpoint_.account) : trouble_of(result.error());
  if (trouble) return tl::unexpected(Setback{from, *std::move(trouble), false});
  if (!result) return give_up(std::move(result).error().error);
  if (is_success(result->status)) return {};
  if (result->status == 404 && location_) return restart(answer_error(*result, endpoint_.account));
  return give_up(answer_error(*result, endpoint_.account));
}

Upload::Step Upload::move_on(const HttpAnswer& answer) {
  // Some registries send no new Location with each chunk: then the old one stays.
  if (location_ && !answer.headers.has("location")) return {};
  Result<Url> next = location_of(
      answer,
      location_ ? *location_
                : endpoint_.at(name_.repository + "/blobs/uploads/", "", endpoint_.other_scheme),
      endpoint_);
  if (!next) return give_up(std::move(next).error());
  location_ = *std::move(next);
  return {};
}

Upload::Step Upload::start(const CancelToken& cancel) {
  location_.reset();
  offset_ = 0;
  at_end_ = ask_first_ = resumed_ = false;
  if (Status back = body_.seek(0); !back) return give_up(std::move(back).error());
  HttpResult result = exchanger_.once(endpoint_, make_call("POST"), cancel);
  if (result && result->status == 202) {
    if (const auto least = parse_size_header(result->headers.first("oci-chunk-min-length"))) {
      chunk_ = std::clamp(*least, kChunk, kLargestChunk);
    }
    return move_on(*result);
  }
  if (result && is_success(result->status)) {
    return give_up(Error(ErrorCode::kCorrupt, "start upload: unexpected answer (http " +
                                                  std::to_string(result->status) + ")"));
  }
  return judge(std::move(result), Setback::From::kBeginning);
}

/// The whole body in one request, or two.
Upload::Step Upload::send_small(const CancelToken& cancel) {
  std::string bytes(static_cast<std::size_t>(*body_.size()), '\0');
  if (Status back = body_.seek(0); !back) return give_up(std::move(back).error());
  for (std::size_t done = 0; done < bytes.size();) {
    const Result<std::size_t> got = body_.read(bytes.data() + done, bytes.size() - done);
    if (!got) return give_up(got.error().clone());
    if (*got == 0) return give_up(Error(ErrorCode::kCorrupt, "the body is shorter than its size"));
    done += *got;
  }
  const Result<Digest> digest = digest_();
  if (!digest) return give_up(digest.error().clone());
  if (!location_ && !endpoint_.single_post_refused) {
    Call call = make_call("POST");
    call.query = "digest=" + percent_encode(digest->str());
    call.upload = HttpUpload{bytes, nullptr, 0, bytes.size()};
    HttpResult result = exchanger_.once(endpoint_, call, cancel);
    if (result && result->status == 201) return {};
    if (result && result->status == 202) {
      endpoint_.single_post_refused = true;
      if (Step moved = move_on(*result); !moved) return moved;
    } else if (result && result->status >= 400 && result->status < 500 && result->status != 401 &&
               result->status != 403 && result->status != 404 && !trouble_of(*result, "")) {
      endpoint_.single_post_refused = true;  // it is the body of a POST that was not liked
    } else {
      if (result && is_success(result->status))
        result->status = 599;  // 200 or 204 would mean nothing here
      return judge(std::move(result), Setback::From::kBeginning);
    }
  }
  if (!location_) {
    if (Step started = start(cancel); !started) return started;
  }
  Call call = make_call("PUT");
  call.url = location_;
  call.url->add_query("digest", digest->str());
  call.upload = HttpUpload{bytes, nullptr, 0, bytes.size()};
  return judge(exchanger_.once(endpoint_, call, cancel), Setback::From::kBeginning);
}

Upload::Step Upload::send_all(const CancelToken& cancel) {
  if (Status back = body_.seek(offset_); !back) return give_up(std::move(back).error());
  Call call = make_call("PATCH");
  call.url = location_;
  call.document = false;
  call.upload = HttpUpload{{}, &body_, offset_, std::nullopt};
  if (body_.size()) call.upload->length = *body_.size() - offset_;
  HttpResult result = exchanger_.once(endpoint_, call, cancel);
  if (result && is_too_large(result->status)) {
    endpoint_.small_chunks = true;
    return restart(answer_error(*result, endpoint_.account));
  }
  const bool sent = result && is_success(result->status);
  if (sent) {
    if (Step moved = move_on(*result); !moved) return moved;
    offset_ = body_.position();
    at_end_ = true;
    return {};
  }
  // Some servers hang up on a request that is too large for them before anybody can read why.
  if (!result && result.error().kind == HttpFailure::Kind::kTransient && ++stuck_ >= kMaxStuck) {
    endpoint_.small_chunks = true;
  }
  return judge(std::move(result), Setback::From::kUploadState);
}

Upload::Step Upload::send_chunk(std::string_view chunk, const CancelToken& cancel) {
  Call call = make_call("PATCH");
  call.url = location_;
  call.document = false;
  call.headers.push_back("Content-Range: " + std::to_string(offset_) + "-" +
                         std::to_string(offset_ + chunk.size() - 1));
  call.upload = HttpUpload{chunk, nullptr, 0, chunk.size()};
  HttpResult result = exchanger_.once(endpoint_, call, cancel);
  const bool sent = result && is_success(result->status);
  if (!sent) return judge(std::move(result), Setback::From::kUploadState);
  if (Step moved = move_on(*result); !moved) return moved;
  offset_ += chunk.size();
  return {};
}

Upload::Step Upload::send_chunks(const CancelToken& cancel) {
  std::string chunk(static_cast<std::size_t>(chunk_), '\0');
  if (Status back = body_.seek(offset_); !back) return give_up(std::move(back).error());
  while (!at_end_) {
    std::size_t filled = 0;
    while (filled < chunk.size()) {
      const Result<std::size_t> got = body_.read(chunk.data() + filled, chunk.size() - filled);
      if (!got) return give_up(got.error().clone());
      if (*got == 0) break;
      filled += *got;
    }
    at_end_ = filled < chunk.size();
    if (filled == 0) break;
    if (Step sent = send_chunk(std::string_view(chunk).substr(0, filled), cancel); !sent) {
      at_end_ = false;
      return sent;
    }
  }
  at_end_ = true;
  return {};
}

/// After a broken transfer: how much has arrived, and where to go on?
Upload::Step Upload::ask_state(const CancelToken& cancel) {
  Call call = make_call("GET");
  call.url = location_;
  call.headers.clear();
  call.upload.reset();
  HttpResult result = exchanger_.once(endpoint_, call, cancel);
  if (!result || !is_success(result->status))
    return judge(std::move(result), Setback::From::kUploadState);
  const std::optional<std::uint64_t> has = parse_upload_range(result->headers.first("range"));
  if (!has || *has > body_.position()) {
    return restart(Error(ErrorCode::kCorrupt, "the registry does not say what has arrived"));
  }
  ask_first_ = false;
  if (*has == 0) return start(cancel);  // nothing arrived, or ECR, which always says so
  if (Step moved = move_on(*result); !moved) return moved;
  offset_ = *has;
  resumed_ = true;
  return {};
}

Upload::Step Upload::finish(const CancelToken& cancel) {
  const Result<Digest> digest = digest_();
  if (!digest) return give_up(digest.error().clone());
  Call call = make_call("PUT");
  call.url = location_;
  call.url->add_query("digest", digest->str());
  HttpResult result = exchanger_.once(endpoint_, call, cancel);
  if (result && is_success(result->status)) return {};
  // What a registry said of a broken upload may have been wrong; then only a whole one helps.
  if (result && resumed_ && (result->status == 400 || result->status == 416)) {
    return restart(answer_error(*result, endpoint_.account));
  }
  if (result && !trouble_of(*result, "") && result->status != 404)
    return judge(std::move(result), Setback::From::kNowhere);
  if (!result && !trouble_of(result.error())) return give_up(std::move(result).error().error);
  // The answer was lost, or this is the second time: the blob may be there.
  Call look;
  look.method = "HEAD";
  look.path = name_.repository + "/blobs/" + digest->str();
  look.scopes = {scope(name_.repository, "pull,push")};
  const HttpResult there = exchanger_.once(endpoint_, look, cancel);
  if (there && there->status == 200) return {};
  return judge(std::move(result), Setback::From::kUploadState);
}

Upload::Step Upload::attempt(const CancelToken& cancel) {
  if (body_.size() && *body_.size() <= kSmall) return send_small(cancel);
  if (ask_first_) {
    if (Step asked = ask_state(cancel); !asked) return asked;
  }
  if (!location_) {
    if (Step started = start(cancel); !started) return started;
  }
  if (!whole_body_sent()) {
    Step sent = endpoint_.small_chunks ? send_chunks(cancel) : send_all(cancel);
    if (!sent) return sent;
  }
  return finish(cancel);
}

Status Upload::run(std::optional<Url> opened, const CancelToken& cancel) {
  location_ = std::move(opened);
  Retry retry(options_, [this](const std::string& text) { body_.retrying(text); });
  int restarts = 0;
  std::uint64_t counted_from = 0;
  while (true) {
    Step step = attempt(cancel);
    if (step) return {};
    if (offset_ >= counted_from + kProgress) {
      retry.progressed();
      stuck_ = 0;
      counted_from = offset_;
    }
    Setback setback = std::move(step).error();
    if (setback.from == Setback::From::kNowhere) return fail(std::move(setback.trouble.error));
    if (setback.counts_as_restart && ++restarts > kMaxRestarts)
      return fail(std::move(setback.trouble.error));
    SLIP_TRY(retry.again(std::move(setback.trouble), cancel));
    ask_first_ = setback.from == Setback::From::kUploadState && location_;
    if (setback.from == Setback::From::kBeginning) {
      location_.reset();
      offset_ = 0;
      at_end_ = resumed_ = false;
    }
  }
}

}  // namespace

Result<bool> Client::mount_blob(const Reference& to, const std::string& from_repository,
                                const Digest& digest, const CancelToken& cancel) {
  const std::string context =
      "mount blob " + digest.str() + " in " + to.registry + "/" + to.repository;
  Endpoint* endpoint = SLIP_TRY_WITHIN(context, home(to.registry));
  Call call;
  call.method = "POST";
  call.path = to.repository + "/blobs/uploads/";
  call.query = "mount=" + percent_encode(digest.str()) + "&from=" + percent_encode(from_repository);
  call.scopes = {scope(to.repository, "pull,push"), scope(from_repository, "pull")};
  call.upload = HttpUpload{};
  const HttpAnswer answer = SLIP_TRY_WITHIN(context, exchanger_.send(*endpoint, call, cancel));
  if (answer.status == 201) return true;
  if (answer.status == 202) {
    const Url asked = endpoint->at(call.path, call.query, endpoint->other_scheme);
    if (Result<Url> opened = location_of(answer, asked, *endpoint)) {
      opened_.with([&](auto& map) {
        std::vector<Url>& list = map[to.registry + "/" + to.repository];
        if (list.size() < kMaxOpened) list.push_back(*std::move(opened));
      });
    }
    return false;
  }
  // Refused in whatever way (the other repository may be a stranger's): the upload will tell what is really wrong.
  if (answer.status >= 400 && answer.status < 500) return false;
  return fail(answer_error(answer, endpoint->account).within(context));
}

Status Client::upload_blob(const Reference& name, BlobBody& body,
                           const std::function<Result<Digest>()>& digest,
                           const CancelToken& cancel) {
  const std::string context = "upload blob to " + name.registry + "/" + name.repository;
  Endpoint* endpoint = SLIP_TRY_WITHIN(context, home(name.registry));
  std::optional<Url> opened = opened_.with([&](auto& map) -> std::optional<Url> {
    auto& list = map[name.registry + "/" + name.repository];
    if (list.empty()) return std::nullopt;
    Url last = std::move(list.back());
    list.pop_back();
    return last;
  });
  Upload upload(exchanger_, *endpoint, options_, name, body, digest);
  SLIP_TRY_WITHIN(context, upload.run(std::move(opened), cancel));
  return {};
}

}  // namespace slipway::cachestore
