// Blobs, manifests and indexes that a build hands out, by digest in one directory.
#include "runner/build/oci_layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "cachestore/archive.h"
#include "runner/build/copy_content.h"

namespace slipway::runner {
namespace {

constexpr ByteCount kMaxDocument = 8_MiB;
constexpr std::string_view kLayoutFile = R"({"imageLayoutVersion":"1.0.0"})";

class FileBlob : public cachestore::BlobBody {
 public:
  FileBlob(Fd fd, std::uint64_t size) : fd_(std::move(fd)), size_(size) {}
  std::optional<std::uint64_t> size() const override { return size_; }
  Status seek(std::uint64_t offset) override {
    at_ = offset;
    return {};
  }
  Result<std::size_t> read(char* data, std::size_t size) override {
    const ssize_t n = ::pread(fd_.get(), data, size, static_cast<off_t>(at_));
    if (n < 0) return fail_errno("read blob");
    at_ += static_cast<std::uint64_t>(n);
    return static_cast<std::size_t>(n);
  }

 private:
  Fd fd_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;
};

Status write_new(const std::string& path, std::string_view text) {
  const Fd fd = SLIP_TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
  SLIP_TRY(write_all(fd.get(), text, path));
  if (::fchmod(fd.get(), 0644) != 0) return fail_errno("chmod " + path);
  return {};
}

}  // namespace

Json OciDescriptor::json() const {
  Json json = Json::object({{"mediaType", media_type}, {"digest", digest.str()}, {"size", size}});
  if (!annotations.is_null()) json.set("annotations", annotations);
  if (!platform.is_null()) json.set("platform", platform);
  if (!artifact_type.empty()) json.set("artifactType", artifact_type);
  return json;
}

Result<OciLayout> OciLayout::make(cachestore::Store& store) {
  OciLayout layout(SLIP_TRY(store.begin()));
  SLIP_TRY(make_dirs(layout.blobs(), 0755));
  return layout;
}

Result<OciDescriptor> OciLayout::add_text(const std::string& media_type, std::string_view text) {
  OciDescriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = Digest::of(text);
  descriptor.size = text.size();
  const std::string path = blobs() + descriptor.digest.hex();
  if (!path_exists(path)) SLIP_TRY(write_new(path, text));
  return descriptor;
}

Result<OciDescriptor> OciLayout::add_blob(const Writer& write) {
  const std::string path = draft_.work() + "/blob-" + random_hex(6);
  SLIP_TRY(make_dirs(draft_.work(), 0700));
  const Fd fd = SLIP_TRY(open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0644));
  const cachestore::LayerBlob blob = SLIP_TRY(write(fd.get()));
  if (::fchmod(fd.get(), 0644) != 0) return fail_errno("chmod " + path);
  if (::rename(path.c_str(), (blobs() + blob.digest.hex()).c_str()) != 0) {
    return fail_errno("keep blob " + blob.digest.str());
  }
  OciDescriptor descriptor;
  descriptor.media_type = blob.media_type;
  descriptor.digest = blob.digest;
  descriptor.size = blob.size;
  return descriptor;
}

Result<std::string> OciLayout::read(const Digest& digest) const {
  return read_file(blobs() + digest.hex(), kMaxDocument);
}

Status OciLayout::finish(const std::vector<OciDescriptor>& entries, const std::string& docker) {
  Json manifests = Json::array();
  for (const OciDescriptor& entry : entries) manifests.push(entry.json());
  const Json index = Json::object(
      {{"schemaVersion", 2}, {"mediaType", kOciIndex}, {"manifests", std::move(manifests)}});
  SLIP_TRY(write_new(draft_.upper() + "/index.json", index.dump()));
  SLIP_TRY(write_new(draft_.upper() + "/oci-layout", kLayoutFile));
  if (!docker.empty()) SLIP_TRY(write_new(draft_.upper() + "/manifest.json", docker));
  return {};
}

Status OciLayout::write_tar(int fd, const CancelToken& cancel) const {
  // Times and owners would make each archive another one.
  const timespec none[2] = {{0, 0}, {0, 0}};
  const Fd top = SLIP_TRY(open_file(draft_.upper(), O_RDONLY | O_DIRECTORY));
  std::vector<std::string> names = SLIP_TRY(list_dir(top.get(), draft_.upper()));
  const Fd all = SLIP_TRY(open_file(blobs(), O_RDONLY | O_DIRECTORY));
  for (const std::string& name : SLIP_TRY(list_dir(all.get(), blobs()))) {
    names.push_back("blobs/sha256/" + name);
  }
  names.push_back("blobs/sha256");
  names.push_back("blobs");
  for (const std::string& name : names) {
    if (::utimensat(top.get(), name.c_str(), none, AT_SYMLINK_NOFOLLOW) != 0) {
      return fail_errno("set time of " + name);
    }
  }
  return cachestore::pack_copy(top.get(), ".", "", fd, cancel);
}

Status OciLayout::write_directory(const std::string& path, const CancelToken& cancel) const {
  SLIP_TRY(make_dirs(path + "/blobs/sha256", 0755));
  const Fd from = SLIP_TRY(open_file(blobs(), O_RDONLY | O_DIRECTORY));
  std::string buffer;
  for (const std::string& name : SLIP_TRY(list_dir(from.get(), blobs()))) {
    const std::string target = path + "/blobs/sha256/" + name;
    if (path_exists(target)) continue;
    const std::string temporary = target + ".tmp-" + random_hex(6);
    const Fd source = SLIP_TRY(open_at(from.get(), name, O_RDONLY | O_NOFOLLOW));
    struct stat info {};
    if (::fstat(source.get(), &info) != 0) return fail_errno("stat blob " + name);
    const Fd to = SLIP_TRY(open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0644));
    Status copied = copy_content(source.get(), to.get(), static_cast<std::uint64_t>(info.st_size),
                                 false, buffer, cancel);
    if (copied && ::rename(temporary.c_str(), target.c_str()) != 0) {
      copied = fail_errno("write " + printable(target));
    }
    if (!copied) {
      ::unlink(temporary.c_str());
      return copied;
    }
  }
  for (const char* name : {"oci-layout", "index.json"}) {
    const std::string text = SLIP_TRY(read_file(draft_.upper() + "/" + name, kMaxDocument));
    SLIP_TRY(write_file_atomic(path + "/" + name, text, 0644));
  }
  return {};
}

Status OciLayout::push_blob(cachestore::Registry& registry, const cachestore::Reference& to,
                            const Digest& digest, std::uint64_t size,
                            const CancelToken& cancel) const {
  if (SLIP_TRY(registry.has_blob(to, digest, cancel))) return {};
  FileBlob body(SLIP_TRY(open_file(blobs() + digest.hex(), O_RDONLY | O_NOFOLLOW)), size);
  return registry.upload_blob(
      to, body, [&]() -> Result<Digest> { return digest; }, cancel);
}

Status OciLayout::put(cachestore::Registry& registry, const cachestore::Reference& to,
                      const std::string& media_type, const Digest& digest,
                      const CancelToken& cancel) const {
  const std::string bytes = SLIP_TRY(read(digest));
  const Digest answered = SLIP_TRY(registry.put_manifest(to, media_type, bytes, cancel));
  if (answered == digest) return {};
  return fail(ErrorCode::kCorrupt,
              "push manifest " + digest.str() + ": the registry keeps it as " + answered.str());
}

/// What a manifest needs before it may be put.
Status OciLayout::push_tree(cachestore::Registry& registry, const cachestore::Reference& to,
                            const Digest& digest, const CancelToken& cancel) const {
  const std::string text = SLIP_TRY(read(digest));
  const Json json = SLIP_TRY(parse_json(text));
  for (const Json& child : json["manifests"].items()) {
    const Digest below = SLIP_TRY(Digest::parse(child["digest"].string_or("")));
    SLIP_TRY(push_tree(registry, to, below, cancel));
    cachestore::Reference by_digest = to;
    by_digest.tag.clear();
    by_digest.digest = below;
    SLIP_TRY(put(registry, by_digest, std::string(child["mediaType"].string_or(kOciManifest)),
                 below, cancel));
  }
  Json::Array blobs_of = json["layers"].items();
  if (!json["config"].is_null()) blobs_of.push_back(json["config"]);
  for (const Json& blob : blobs_of) {
    const Digest below = SLIP_TRY(Digest::parse(blob["digest"].string_or("")));
    SLIP_TRY(
        push_blob(registry, to, below, static_cast<std::uint64_t>(blob["size"].int_or(0)), cancel));
  }
  return {};
}

Status OciLayout::push(cachestore::Registry& registry, const OciDescriptor& manifest,
                       const std::vector<cachestore::Reference>& names,
                       const CancelToken& cancel) const {
  for (const cachestore::Reference& name : names) {
    const std::string doing = "push " + name.familiar();
    SLIP_TRY_WITHIN(doing, push_tree(registry, name, manifest.digest, cancel));
    SLIP_TRY_WITHIN(doing, put(registry, name, manifest.media_type, manifest.digest, cancel));
  }
  return {};
}

}  // namespace slipway::runner
