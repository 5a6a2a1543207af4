// Layers into files, in the form that is wanted.
#include "cachestore/layer_blob.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"
#include "cachestore/image/config_json.h"
#include "cachestore/layer/fd_source.h"
#include "cachestore/layer/pack_layer.h"
#include "cachestore/transfer/bodies.h"
#include "cachestore/transfer/manifest.h"
#include "cachestore/transfer/store_access.h"

namespace slipway::cachestore {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10;

std::string media_type_of(BlobForm form) {
  std::string type(kLayerType);
  if (form == BlobForm::kTar) return type;
  type += form == BlobForm::kZstd ? "+zstd" : "+gzip";
  return type;
}

Result<LayerBlob> write_packed(const PackedBody::MakeTar& tar, BlobForm form, int out_fd,
                               const CancelToken& cancel) {
  LayerBlob blob;
  blob.media_type = media_type_of(form);
  if (form == BlobForm::kTar) {
    FdSink out(out_fd, "layer");
    HashSink hash(&out);
    SLIP_TRY(tar(hash, cancel));
    blob.size = hash.size();
    blob.digest = blob.diff_id = hash.digest();
    return blob;
  }
  PackedBody body(tar, form == BlobForm::kZstd ? Compression::kZstd : Compression::kGzip, cancel,
                  [](std::uint64_t) {});
  std::string chunk(kChunk, '\0');
  while (const std::size_t n = SLIP_TRY(body.read(chunk.data(), chunk.size()))) {
    SLIP_TRY(write_all(out_fd, std::string_view(chunk).substr(0, n), "layer"));
  }
  blob.digest = body.digest();
  blob.size = body.bytes();
  blob.diff_id = body.diff_id();
  return blob;
}

/// The form that a stored blob has.
std::optional<BlobForm> form_of(const RemoteDescriptor& blob) {
  const auto form = layer_form(blob);
  if (!form) return std::nullopt;
  switch (*form) {
    case LayerForm::kTar:
      return BlobForm::kTar;
    case LayerForm::kTarZstd:
      return BlobForm::kZstd;
    case LayerForm::kTarGzip:
    case LayerForm::kAnyTar:
      return BlobForm::kGzip;
  }
  return std::nullopt;
}

Result<RemoteDescriptor> descriptor_of(StoreCore& core, const Image& image, std::size_t index) {
  const std::string text = SLIP_TRY(core.blobs.read(image.manifest, kMaxManifest));
  auto document = SLIP_TRY(parse_manifest(text, "", image.manifest.str()));
  auto* manifest = std::get_if<ImageManifest>(&document);
  if (manifest == nullptr || index >= manifest->layers.size()) {
    return fail(ErrorCode::kCorrupt,
                "manifest " + image.manifest.str() + ": it has another number of layers");
  }
  return manifest->layers[index];
}

/// As it is, checked on the way.
Status copy_blob(int fd, const RemoteDescriptor& blob, int out_fd, const CancelToken& cancel) {
  FdSink out(out_fd, "layer");
  HashSink hash(&out);
  std::string chunk(kChunk, '\0');
  for (;;) {
    if (cancel.cancelled()) return fail(ErrorCode::kCancelled, "cancelled");
    const ssize_t n = ::read(fd, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("read");
    if (n == 0) break;
    SLIP_TRY(hash.write(std::string_view(chunk).substr(0, static_cast<std::size_t>(n))));
  }
  if (hash.digest() == blob.digest) return {};
  return fail(ErrorCode::kCorrupt, "its content does not match its digest");
}

Status unpack_blob(StoreCore& core, int fd, const std::string& name, ByteSink& out,
                   const CancelToken& cancel) {
  FdSource raw({fd, name, -1, "", cancel, core.limits.stall, core.limits.total});
  const Decoded decoded = SLIP_TRY(decode(raw, name, core.limits.max_ratio));
  std::vector<char> chunk(kChunk);
  while (const std::size_t n = SLIP_TRY(decoded.bytes->read(chunk))) {
    SLIP_TRY(out.write({chunk.data(), n}));
  }
  return {};
}

Result<LayerBlob> write_layer(StoreCore& core, const Image& image, std::size_t index, BlobForm form,
                              int out_fd, const CancelToken& cancel) {
  const RemoteDescriptor stored = SLIP_TRY(descriptor_of(core, image, index));
  const Fd fd(
      ::openat(core.blobs.fd(), stored.digest.hex().c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  const std::optional<BlobForm> here = fd ? form_of(stored) : std::nullopt;
  if (here && (form == *here || form == BlobForm::kKeep)) {
    SLIP_TRY(copy_blob(fd.get(), stored, out_fd, cancel));
    return LayerBlob{media_type_of(*here), stored.digest, stored.size, image.diff_ids.at(index)};
  }
  // What was unpacked from a stranger's tar packs otherwise: its blob is asked first.
  return write_packed(
      [&](ByteSink& out, const CancelToken& stop) -> Status {
        if (here) {
          const Fd again =
              SLIP_TRY(open_at(core.blobs.fd(), stored.digest.hex(), O_RDONLY | O_NOFOLLOW));
          return unpack_blob(core, again.get(), "layer " + stored.digest.str(), out, stop);
        }
        const Fd fs = SLIP_TRY(open_file(image.layers.at(index).path, O_RDONLY | O_DIRECTORY));
        return pack_layer_to(fs.get(), out, stop);
      },
      form, out_fd, cancel);
}

}  // namespace

Result<LayerBlob> write_layer_blob(Store& store, const Image& image, std::size_t index,
                                   BlobForm form, int out_fd, const CancelToken& cancel) {
  const std::string doing = "pack layer " + image.diff_ids.at(index).str();
  LayerBlob blob = SLIP_TRY_WITHIN(
      doing, write_layer(StoreAccess::core(store), image, index, form, out_fd, cancel));
  if (blob.diff_id == image.diff_ids.at(index)) return blob;
  return fail(ErrorCode::kCorrupt, doing + ": its files give " + blob.diff_id.str());
}

Result<LayerBlob> write_directory_blob(int dir_fd, BlobForm form, int out_fd,
                                       const CancelToken& cancel) {
  return write_packed(
      [&](ByteSink& out, const CancelToken& stop) { return pack_layer_to(dir_fd, out, stop); },
      form, out_fd, cancel);
}

}  // namespace slipway::cachestore
