// From a digest to one image manifest, through indexes.
#include "cachestore/transfer/resolve_manifest.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::cachestore {
namespace {

class Resolver {
 public:
  Resolver(Registry& registry, const Reference& from, const Platform& platform,
           const CancelToken& cancel)
      : registry_(registry), from_(from), platform_(platform), cancel_(cancel) {}

  Result<ChosenManifest> by_digest(const Digest& digest, const RemoteDescriptor* expected,
                                   std::size_t depth) {
    if (++documents_ > kMaxDocuments) {
      return fail(ErrorCode::kInvalid, "read index: more than " + std::to_string(kMaxDocuments) +
                                           " documents to look at");
    }
    Reference name = from_;
    name.tag.clear();
    name.digest = digest;
    RemoteManifest received = SLIP_TRY(registry_.manifest(name, cancel_));
    const std::string what = digest.str();
    if (Digest::of(received.bytes) != digest) {
      return fail(ErrorCode::kCorrupt,
                  "read manifest " + what + ": its content does not match its digest");
    }
    if (expected != nullptr) SLIP_TRY(check(received, *expected, what));
    auto document = SLIP_TRY(parse_manifest(received.bytes, received.media_type, what));
    if (auto* manifest = std::get_if<ImageManifest>(&document)) {
      return ChosenManifest{std::move(*manifest), digest, std::move(received.bytes)};
    }
    if (depth == kMaxIndexDepth) {
      return fail(ErrorCode::kInvalid, "read index " + what + ": indexes lie more than " +
                                           std::to_string(kMaxIndexDepth) + " deep");
    }
    return from_index(std::get<ImageIndex>(document), what, depth);
  }

 private:
  static Status check(const RemoteManifest& received, const RemoteDescriptor& expected,
                      const std::string& what) {
    if (received.bytes.size() != expected.size) {
      return fail(ErrorCode::kCorrupt,
                  "read manifest " + what + ": it has " + std::to_string(received.bytes.size()) +
                      " bytes, the index says " + std::to_string(expected.size));
    }
    return {};
  }

  Result<ChosenManifest> from_index(const ImageIndex& index, const std::string& what,
                                    std::size_t depth) {
    for (const IndexEntry& entry : index.entries) {
      if (entry.has_platform) offered_.push_back(normalized(entry.platform).str());
    }
    for (const IndexEntry* entry : choose(index, platform_)) {
      auto found = by_digest(entry->manifest.digest, &entry->manifest, depth + 1);
      if (!found && found.error().code() == ErrorCode::kNotFound &&
          is_index_type(entry->manifest.media_type))
        continue;
      if (found && found->manifest.media_type != entry->manifest.media_type &&
          !is_index_type(entry->manifest.media_type)) {
        return fail(ErrorCode::kInvalid, "read manifest " + found->digest.str() +
                                             ": the index calls it \"" +
                                             printable(entry->manifest.media_type) +
                                             "\", it is \"" + found->manifest.media_type + "\"");
      }
      return found;
    }
    return fail(ErrorCode::kNotFound,
                "choose from index " + what + ": no image for " + platform_.str() + offered());
  }

  std::string offered() {
    constexpr std::size_t kShown = 20;
    std::sort(offered_.begin(), offered_.end());
    offered_.erase(std::unique(offered_.begin(), offered_.end()), offered_.end());
    if (offered_.empty()) return "; it has none for any platform";
    const bool more = offered_.size() > kShown;
    if (more) offered_.resize(kShown);
    return "; there is " + printable(join(offered_, ", ")) + (more ? ", …" : "");
  }

  Registry& registry_;
  const Reference& from_;
  const Platform& platform_;
  const CancelToken& cancel_;
  std::size_t documents_ = 0;
  std::vector<std::string> offered_;
};

class TextSink : public BlobSink {
 public:
  explicit TextSink(std::uint64_t size) : size_(size) {}
  Status write(std::string_view data) override {
    if (data.size() > size_ - text.size()) {
      return fail(ErrorCode::kCorrupt, "more bytes than its descriptor says");
    }
    text += data;
    return {};
  }
  std::string text;

 private:
  std::uint64_t size_;
};

}  // namespace

Result<ChosenManifest> resolve_manifest(Registry& registry, const Reference& from,
                                        const Digest& digest, const Platform& platform,
                                        const CancelToken& cancel) {
  return Resolver(registry, from, platform, cancel).by_digest(digest, nullptr, 0);
}

Result<std::string> fetch_small_blob(Registry& registry, const Reference& from,
                                     const RemoteDescriptor& blob, ByteCount limit,
                                     const CancelToken& cancel) {
  const std::string doing = "fetch blob " + blob.digest.str();
  if (blob.size > limit.value) {
    return fail(ErrorCode::kExhausted, doing + ": it has " + std::to_string(blob.size) +
                                           " bytes, more than " + format_size(limit));
  }
  TextSink sink(blob.size);
  SLIP_TRY_WITHIN(doing, registry.fetch_blob(from, blob, 0, sink, cancel));
  if (sink.text.size() != blob.size) {
    return fail(ErrorCode::kCorrupt, doing + ": it ends after " + std::to_string(sink.text.size()) +
                                         " of " + std::to_string(blob.size) + " bytes");
  }
  if (Digest::of(sink.text) != blob.digest) {
    return fail(ErrorCode::kCorrupt, doing + ": its content does not match its digest");
  }
  return std::move(sink.text);
}

}  // namespace slipway::cachestore
