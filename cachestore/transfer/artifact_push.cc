// Files as an OCI artifact. Media types and annotations are ORAS's, so that either program reads what the other wrote.
// Spec: OCI image-spec, manifest.md "Guidelines for Artifact Usage"; oras.land, "content/file" store.
#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/image/config_json.h"
#include "cachestore/layer/entry_path.h"
#include "cachestore/layer/pack_layer.h"
#include "cachestore/transfer/artifact.h"
#include "cachestore/transfer/bodies.h"
#include "cachestore/transfer/crew.h"
#include "cachestore/transfer/layer_pull.h"

namespace slipway::cachestore {
namespace {

constexpr int kParallel = 4;

/// A file or directory of the artifact.
struct Item {
  std::string path;  ///< Cleaned: the title.
  Fd fd;             ///< Of the file, or the directory.
  struct stat info {};
  RemoteDescriptor blob;
};

class ArtifactPusher {
 public:
  ArtifactPusher(Registry& registry, const ArtifactPush& request, TransferObserver* observer)
      : registry_(registry), request_(request), observer_(observer) {}

  Result<Pushed> run(const CancelToken& cancel) {
    SLIP_TRY(open_items());
    if (observer_ != nullptr) observer_->layers(items_.size(), 0);
    const CancelToken stop = cancel.child();
    SLIP_TRY(Crew(items_.size(), stop).run(kParallel, [&](std::size_t i) {
      Status sent = S_ISDIR(items_[i].info.st_mode) ? send_directory(items_[i], stop)
                                                    : send_file(items_[i], stop);
      if (!sent) {
        return Status(
            fail(std::move(sent).error().within("push \"" + printable(items_[i].path) + "\"")));
      }
      return sent;
    }));
    if (cancel.cancelled()) return fail(ErrorCode::kCancelled, "cancelled");
    SLIP_TRY(send_text(kEmptyObject, cancel));
    const std::string bytes = manifest().dump();
    if (bytes.size() > kMaxManifest.value) {
      return fail(ErrorCode::kExhausted, "the manifest is larger than 4 MiB");
    }
    pushed_.digest =
        SLIP_TRY(registry_.put_manifest(request_.name, std::string(kManifestType), bytes, cancel));
    if (pushed_.digest != Digest::of(bytes)) {
      return fail(ErrorCode::kCorrupt, "the registry keeps the manifest as " +
                                           pushed_.digest.str() + ", it is " +
                                           Digest::of(bytes).str());
    }
    pushed_.manifest_size = bytes.size();
    pushed_.layers = items_.size();
    pushed_.layers_present = present_;
    pushed_.bytes = sent_;
    return pushed_;
  }

 private:
  Status open_items() {
    if (request_.paths.size() > kMaxLayers) {
      return fail(ErrorCode::kInvalid, "more than " + std::to_string(kMaxLayers) + " files");
    }
    for (const std::string& path : request_.paths) {
      const std::string doing = "push \"" + printable(path) + "\"";
      Item item;
      item.path =
          SLIP_TRY_WITHIN(doing, clean_entry_name(path, UnpackPolicy::kArtifact, LayerLimits()));
      if (item.path.empty()) return fail(ErrorCode::kInvalid, doing + ": give files by name");
      for (const Item& other : items_) {
        if (other.path == item.path) return fail(ErrorCode::kInvalid, doing + ": named twice");
      }
      // O_NONBLOCK: a fifo must not hang us.
      item.fd = SLIP_TRY_WITHIN(
          doing, open_in_root(request_.dir_fd, item.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
      if (::fstat(item.fd.get(), &item.info) != 0) return fail_errno(doing);
      if (!S_ISREG(item.info.st_mode) && !S_ISDIR(item.info.st_mode)) {
        return fail(ErrorCode::kInvalid, doing + ": neither a file nor a directory");
      }
      items_.push_back(std::move(item));
    }
    return {};
  }

  Status send_file(Item& item, const CancelToken& cancel) {
    item.blob.media_type = kLayerType;
    item.blob.annotations = Json::object({{std::string(kTitle), item.path}});
    item.blob.size = static_cast<std::uint64_t>(item.info.st_size);
    item.blob.digest = SLIP_TRY(hash(item, cancel));
    LayerReporter report(observer_, item.blob.digest, item.blob.size);
    if (SLIP_TRY(registry_.has_blob(request_.name, item.blob.digest, cancel))) {
      ++present_;
      report.state(LayerProgress::State::kPresent, item.blob.size);
      return {};
    }
    report.state(LayerProgress::State::kUploading, 0);
    Fd fd(::fcntl(item.fd.get(), F_DUPFD_CLOEXEC, 0));
    FileBody body(std::move(fd), item.blob.size, item.path,
                  [&](std::uint64_t bytes) { report.bytes(bytes); });
    // A file that changed since it was hashed: the registry refuses the digest.
    SLIP_TRY(registry_.upload_blob(
        request_.name, body, [&]() -> Result<Digest> { return item.blob.digest; }, cancel));
    sent_ += item.blob.size;
    report.state(LayerProgress::State::kDone, item.blob.size);
    return {};
  }

  static Result<Digest> hash(const Item& item, const CancelToken& cancel) {
    Sha256 sha;
    FileBody body(Fd(::fcntl(item.fd.get(), F_DUPFD_CLOEXEC, 0)),
                  static_cast<std::uint64_t>(item.info.st_size), item.path, nullptr);
    std::vector<char> chunk(std::size_t{256} << 10);
    for (;;) {
      if (cancel.cancelled()) return fail(ErrorCode::kCancelled, "read: cancelled");
      const std::size_t n = SLIP_TRY(body.read(chunk.data(), chunk.size()));
      if (n == 0) return sha.finish();
      sha.update(std::string_view(chunk.data(), n));
    }
  }

  Status send_directory(Item& item, const CancelToken& cancel) {
    LayerReporter report(observer_, Digest::of(item.path), 0);
    report.state(LayerProgress::State::kCompressing, 0);
    PackedBody body(
        [&](ByteSink& out, const CancelToken& stop) {
          return pack_to(request_.dir_fd, {item.path}, out, stop);
        },
        Compression::kGzip, cancel, [&](std::uint64_t bytes) { report.bytes(bytes); });
    SLIP_TRY(registry_.upload_blob(
        request_.name, body, [&]() -> Result<Digest> { return body.digest(); }, cancel));
    item.blob.media_type = std::string(kLayerType) + "+gzip";
    item.blob.digest = body.digest();
    item.blob.size = body.bytes();
    item.blob.annotations = Json::object({{std::string(kTitle), item.path},
                                          {std::string(kUnpack), "true"},
                                          {std::string(kUnpackedDigest), body.diff_id().str()}});
    sent_ += body.bytes();
    report.rename(body.digest(), body.bytes());
    report.state(LayerProgress::State::kDone, body.bytes());
    return {};
  }

  Status send_text(std::string_view text, const CancelToken& cancel) {
    const Digest digest = Digest::of(text);
    if (SLIP_TRY(registry_.has_blob(request_.name, digest, cancel))) return {};
    TextBody body(text);
    sent_ += text.size();
    return registry_.upload_blob(
        request_.name, body, [&]() -> Result<Digest> { return digest; }, cancel);
  }

  static Json describe(const RemoteDescriptor& blob) {
    Json json = Json::object(
        {{"mediaType", blob.media_type}, {"digest", blob.digest.str()}, {"size", blob.size}});
    if (blob.annotations.is_object()) json.set("annotations", blob.annotations);
    return json;
  }

  // No time of creation, unlike ORAS: the same files give the same digest.
  Json manifest() const {
    Json empty = Json::object({{"mediaType", kEmptyType},
                               {"digest", Digest::of(kEmptyObject).str()},
                               {"size", kEmptyObject.size()},
                               {"data", base64_encode(kEmptyObject)}});
    Json layers = Json::array();
    for (const Item& item : items_) layers.push(describe(item.blob));
    // Spec: a manifest has at least one layer.
    if (items_.empty()) layers.push(empty);
    Json json = Json::object({{"schemaVersion", 2},
                              {"mediaType", kManifestType},
                              {"artifactType", request_.artifact_type},
                              {"config", std::move(empty)},
                              {"layers", std::move(layers)}});
    if (request_.annotations.empty()) return json;
    Json annotations = Json::object();
    for (const auto& [name, value] : request_.annotations) annotations.set(name, value);
    json.set("annotations", std::move(annotations));
    return json;
  }

  Registry& registry_;
  const ArtifactPush& request_;
  TransferObserver* observer_;
  std::vector<Item> items_;
  std::atomic<std::size_t> present_ = 0;
  std::atomic<std::uint64_t> sent_ = 0;
  Pushed pushed_;
};

}  // namespace

Result<Pushed> push_artifact(Registry& registry, const ArtifactPush& request,
                             TransferObserver* observer, const CancelToken& cancel) {
  const std::string doing = "push " + request.name.familiar();
  if (request.name.digest || request.name.tag.empty()) {
    return fail(ErrorCode::kInvalid, doing + ": the name must have a tag and no digest");
  }
  auto pushed = ArtifactPusher(registry, request, observer).run(cancel);
  if (!pushed) return fail(std::move(pushed).error().within(doing));
  return pushed;
}

}  // namespace slipway::cachestore
