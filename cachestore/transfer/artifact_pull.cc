// Artifacts into a directory. Titles are a stranger's: each is resolved beneath the directory by the rules for artifact
// archives, and nothing gets its name before its bytes are verified.
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <set>

#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "cachestore/image/config_json.h"
#include "cachestore/layer/entry_path.h"
#include "cachestore/layer/target.h"
#include "cachestore/transfer/artifact.h"
#include "cachestore/transfer/crew.h"
#include "cachestore/transfer/layer_pull.h"
#include "cachestore/transfer/resolve_manifest.h"

namespace slipway::cachestore {
namespace {

constexpr int kParallel = 4;
constexpr mode_t kFileMode = 0644;

/// A file under a name of our own until it is verified.
class StagedFile : public BlobSink {
 public:
  static Result<std::unique_ptr<StagedFile>> make(int dir_fd, const RemoteDescriptor& blob,
                                                  LayerReporter& report) {
    auto file = std::make_unique<StagedFile>(dir_fd, blob, report);
    file->fd_ =
        SLIP_TRY(open_at(dir_fd, file->name_, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    return file;
  }
  StagedFile(int dir_fd, const RemoteDescriptor& blob, LayerReporter& report)
      : dir_fd_(dir_fd), blob_(blob), report_(report), name_(".slipway-" + random_hex(8)) {}
  ~StagedFile() override {
    if (!name_.empty() && fd_.valid()) ::unlinkat(dir_fd_, name_.c_str(), 0);
  }

  Status write(std::string_view data) override {
    if (data.size() > blob_.size - bytes_) {
      return fail(ErrorCode::kCorrupt,
                  "more than the " + std::to_string(blob_.size) + " bytes of its descriptor");
    }
    SLIP_TRY(write_all(fd_.get(), data, name_));
    sha_.update(data);
    bytes_ += data.size();
    report_.bytes(bytes_);
    return {};
  }
  Status verify() {
    if (bytes_ != blob_.size) {
      return fail(ErrorCode::kCorrupt, "it ends after " + std::to_string(bytes_) + " of " +
                                           std::to_string(blob_.size) + " bytes");
    }
    if (sha_.finish() == blob_.digest) return {};
    return fail(ErrorCode::kCorrupt, "its content does not match its digest");
  }
  Status move_to(const Target::Place& place) {
    if (::fchmod(fd_.get(), kFileMode) != 0) return fail_errno("set mode");
    if (::renameat(dir_fd_, name_.c_str(), place.dir_fd, place.name.c_str()) != 0) {
      return fail_errno("put in place");
    }
    name_.clear();
    return {};
  }
  /// The verified bytes, from their beginning.
  Result<int> rewind() const {
    if (::lseek(fd_.get(), 0, SEEK_SET) != 0) return fail_errno("read " + name_);
    return fd_.get();
  }

 private:
  int dir_fd_;
  const RemoteDescriptor& blob_;
  LayerReporter& report_;
  std::string name_;
  Fd fd_;
  Sha256 sha_;
  std::uint64_t bytes_ = 0;
};

struct Titled {
  std::string path;
  RemoteDescriptor blob;
};

class ArtifactPuller {
 public:
  ArtifactPuller(Registry& registry, const Reference& name, int to_fd, TransferObserver* observer)
      : registry_(registry), name_(name), to_fd_(to_fd), observer_(observer) {}

  Result<ArtifactPulled> run(const CancelToken& cancel) {
    const auto found = SLIP_TRY(registry_.find_manifest(name_, cancel));
    if (!found) return fail(ErrorCode::kNotFound, "the registry has no such artifact");
    pulled_.digest = found->digest;
    const ChosenManifest chosen =
        SLIP_TRY(resolve_manifest(registry_, name_, found->digest, Platform::host(), cancel));
    SLIP_TRY(read_titles(chosen.manifest));
    if (observer_ != nullptr) observer_->layers(files_.size(), 0);
    const CancelToken stop = cancel.child();
    SLIP_TRY(Crew(files_.size(), stop).run(kParallel, [&](std::size_t i) -> Status {
      Status got = fetch(files_[i], stop);
      if (got) return got;
      return fail(std::move(got).error().within("fetch \"" + printable(files_[i].path) + "\""));
    }));
    if (cancel.cancelled()) return fail(ErrorCode::kCancelled, "cancelled");
    for (const Titled& file : files_) {
      pulled_.paths.push_back(file.path);
      pulled_.bytes += file.blob.size;
    }
    return std::move(pulled_);
  }

 private:
  // Blobs without a title have no name to get, as with ORAS; `.git` is left out as everywhere in artifacts.
  Status read_titles(const ImageManifest& manifest) {
    std::set<std::string> seen;
    std::uint64_t total = 0;
    bool untitled = false;
    for (const RemoteDescriptor& layer : manifest.layers) {
      const std::string title(layer.annotations[kTitle].string_or(""));
      untitled |= title.empty() && layer.media_type != kEmptyType;
      if (title.empty()) continue;
      const std::string doing = "read title \"" + printable(ellipsize(title, 200)) + "\"";
      const std::string path =
          SLIP_TRY_WITHIN(doing, clean_entry_name(title, UnpackPolicy::kArtifact, limits_));
      if (path.empty()) return fail(ErrorCode::kInvalid, doing + ": it names the directory itself");
      if (names_git_dir(path)) continue;
      if (!seen.insert(path).second) return fail(ErrorCode::kInvalid, doing + ": it comes twice");
      if (layer.size > limits_.max_bytes.value - total) {
        return fail(ErrorCode::kExhausted,
                    "the artifact is larger than " + format_size(limits_.max_bytes));
      }
      total += layer.size;
      files_.push_back({path, layer});
    }
    if (!files_.empty() || !untitled) return {};
    return fail(
        ErrorCode::kUnsupported,
        manifest.config.media_type == kConfigType || manifest.config.media_type == kDockerConfigType
            ? "it is an image and no artifact of files; use `runner pull`"
            : "none of its blobs has a title to be stored under");
  }

  Status fetch(const Titled& file, const CancelToken& cancel) {
    LayerReporter report(observer_, file.blob.digest, file.blob.size);
    report.state(LayerProgress::State::kDownloading, 0);
    const auto staged = SLIP_TRY(StagedFile::make(to_fd_, file.blob, report));
    SLIP_TRY(registry_.fetch_blob(name_, file.blob, 0, *staged, cancel));
    SLIP_TRY(staged->verify());
    if (file.blob.annotations[kUnpack].string_or("") == "true") {
      report.state(LayerProgress::State::kExtracting, file.blob.size);
      const int fd = SLIP_TRY(staged->rewind());
      SLIP_TRY(unpack(fd, printable(file.path), to_fd_, UnpackPolicy::kArtifact, limits_, cancel));
    } else {
      Target target(to_fd_, UnpackPolicy::kArtifact, OverlayXattrs::kUser);
      const Target::Place place = SLIP_TRY(target.place(file.path));
      SLIP_TRY(target.clear(place, Target::Keep::kNothing));
      SLIP_TRY(staged->move_to(place));
    }
    report.state(LayerProgress::State::kDone, file.blob.size);
    return {};
  }

  Registry& registry_;
  const Reference& name_;
  int to_fd_;
  TransferObserver* observer_;
  LayerLimits limits_;
  std::vector<Titled> files_;
  ArtifactPulled pulled_;
};

}  // namespace

Result<ArtifactPulled> pull_artifact(Registry& registry, const Reference& name, int to_fd,
                                     TransferObserver* observer, const CancelToken& cancel) {
  auto pulled = ArtifactPuller(registry, name, to_fd, observer).run(cancel);
  if (!pulled) return fail(std::move(pulled).error().within("pull " + name.familiar()));
  return pulled;
}

}  // namespace slipway::cachestore
