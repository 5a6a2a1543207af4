// A build's results on their way out: names and pushes, archives, files.
// Spec: docker buildx's documentation, "Exporters".
#include "runner/build/export.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/archive.h"
#include "runner/build/copy.h"
#include "runner/build/image_bundle.h"
#include "runner/build/oci_layout.h"

namespace slipway::runner {
namespace {

bool is_true(const std::string& text) { return text == "true" || text == "1"; }

class Export {
 public:
  Export(const BuildPlace& place, const ExportRequest& request, const CancelToken& cancel)
      : place_(place), request_(request), cancel_(cancel) {}

  Result<std::optional<Digest>> run() {
    for (const BuildOutput& output : request_.request.outputs) {
      SLIP_TRY_WITHIN("export " + output.type, carry_out(output));
    }
    return last_;
  }

 private:
  Status carry_out(const BuildOutput& output) {
    if (output.type == "cacheonly") return {};
    if (output.type == "local" || output.type == "tar") return files(output);
    if (output.type == "oci" || output.type == "docker") return archive(output);
    if (output.type == "registry" || is_true(attribute_of(output, "push"))) return push(output);
    if (output.type == "image") return {};  // its names are set
    return fail(ErrorCode::kInvalid,
                "no such output; there are image, registry, oci, docker, "
                "local, tar and cacheonly");
  }

  Result<std::vector<cachestore::Reference>> names_of(const BuildOutput& output) const {
    std::vector<std::string> texts = request_.request.tags;
    const std::string given = attribute_of(output, "name");
    if (!given.empty()) {
      texts.clear();
      for (const std::string_view one : split(given, ',')) texts.emplace_back(trim(one));
    }
    std::vector<cachestore::Reference> names;
    for (const std::string& text : texts) {
      names.push_back(SLIP_TRY(cachestore::Reference::parse(text)));
    }
    return names;
  }

  Status push(const BuildOutput& output) {
    const std::vector<cachestore::Reference> names = SLIP_TRY(names_of(output));
    if (names.empty()) return fail(ErrorCode::kInvalid, "pushing needs a name; give one with -t");
    const std::shared_ptr<cachestore::Registry> registry = SLIP_TRY(place_.images.access().get());
    if (!needs_bundle(request_, output)) {
      // The store's own push mounts, resumes and remembers.
      const cachestore::BlobForm form = SLIP_TRY(form_of(output));
      for (const cachestore::Reference& name : names) {
        cachestore::PushRequest one;
        one.image = request_.images.front().image.id.str();
        one.name = name;
        if (form == cachestore::BlobForm::kGzip) {
          one.compression = cachestore::LayerCompression::kGzip;
        } else if (form == cachestore::BlobForm::kZstd) {
          one.compression = cachestore::LayerCompression::kZstd;
        }
        last_ =
            SLIP_TRY(cachestore::push_image(place_.store, *registry, one, nullptr, cancel_)).digest;
      }
      return {};
    }
    OciLayout layout = SLIP_TRY(OciLayout::make(place_.store));
    const OciDescriptor top = SLIP_TRY(bundle(output, names, layout));
    SLIP_TRY(layout.push(*registry, top, names, cancel_));
    last_ = top.digest;
    return {};
  }

  Result<OciDescriptor> bundle(const BuildOutput& output,
                               const std::vector<cachestore::Reference>& names,
                               OciLayout& layout) const {
    BundleOptions options;
    options.form = SLIP_TRY(form_of(output));
    for (const cachestore::Reference& name : names) options.names.push_back(name.canonical());
    return add_bundle(place_.store, request_, output, options, layout, cancel_);
  }

  Status archive(const BuildOutput& output) {
    const std::vector<cachestore::Reference> names = SLIP_TRY(names_of(output));
    const bool docker = output.type == "docker";
    if (docker && request_.images.size() > 1) {
      return fail(ErrorCode::kInvalid,
                  "a docker archive holds one platform; use type=oci for several");
    }
    OciLayout layout = SLIP_TRY(OciLayout::make(place_.store));
    const OciDescriptor top = SLIP_TRY(bundle(output, names, layout));
    last_ = top.digest;
    std::vector<OciDescriptor> entries;
    for (const cachestore::Reference& name : names) {
      OciDescriptor named = top;
      named.annotations.set("io.containerd.image.name", name.canonical());
      named.annotations.set("org.opencontainers.image.ref.name", name.tag);
      entries.push_back(std::move(named));
    }
    if (entries.empty()) entries.push_back(top);
    std::string docker_manifest;
    if (docker) docker_manifest = SLIP_TRY(docker_json(layout, top, names));
    SLIP_TRY(layout.finish(entries, docker_manifest));
    if (attribute_of(output, "tar") == "false") {
      if (output.dest.empty() || output.dest == "-") {
        return fail(ErrorCode::kInvalid, "tar=false needs a directory: dest=…");
      }
      return layout.write_directory(output.dest, cancel_);
    }
    return to_file(output, [&](int fd) { return layout.write_tar(fd, cancel_); });
  }

  /// manifest.json. Spec: Docker image-spec v1.2, "Combined Image JSON + Filesystem Changeset Format".
  static Result<std::string> docker_json(const OciLayout& layout, const OciDescriptor& top,
                                         const std::vector<cachestore::Reference>& names) {
    std::string text = SLIP_TRY(layout.read(top.digest));
    Json manifest = SLIP_TRY(parse_json(text));
    if (top.media_type == kOciIndex) {
      const Digest first =
          SLIP_TRY(Digest::parse(manifest["manifests"].items().at(0)["digest"].string_or("")));
      text = SLIP_TRY(layout.read(first));
      manifest = SLIP_TRY(parse_json(text));
    }
    const auto path_of = [](const Json& blob) {
      return "blobs/sha256/" + std::string(blob["digest"].string_or("sha256:").substr(7));
    };
    Json layers = Json::array();
    for (const Json& layer : manifest["layers"].items()) layers.push(path_of(layer));
    Json tags = Json::array();
    for (const cachestore::Reference& name : names) tags.push(name.familiar());
    return Json::array({Json::object({{"Config", path_of(manifest["config"])},
                                      {"RepoTags", std::move(tags)},
                                      {"Layers", std::move(layers)}})})
        .dump();
  }

  Status to_file(const BuildOutput& output, const std::function<Status(int fd)>& write) const {
    if (output.dest.empty() || output.dest == "-") {
      if (request_.request.out_fd < 0) return fail(ErrorCode::kInvalid, "no dest= was given");
      return write(request_.request.out_fd);
    }
    const std::string temporary = output.dest + ".tmp";
    const Fd fd = SLIP_TRY(open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
    Status done = write(fd.get());
    if (done && ::rename(temporary.c_str(), output.dest.c_str()) != 0) {
      done = fail_errno("write " + printable(output.dest));
    }
    if (!done) ::unlink(temporary.c_str());
    return done;
  }

  struct Root {
    std::string name;  ///< "linux_amd64" where there are several.
    std::vector<std::string> lowers;
  };
  std::vector<Root> roots() const {
    std::vector<Root> all;
    for (const BuiltImage& image : request_.images) {
      Root root;
      if (request_.images.size() > 1) {
        root.name = image.platform.str();
        std::replace(root.name.begin(), root.name.end(), '/', '_');
      }
      for (const cachestore::Snapshot& layer : image.image.layers) {
        root.lowers.push_back(layer.path);
      }
      all.push_back(std::move(root));
    }
    if (all.empty()) all.push_back({"", request_.stack});
    return all;
  }

  /// The final file system: as files of whoever runs this, or with its owners in a tar.
  Status files(const BuildOutput& output) const {
    if (output.type == "local") {
      if (output.dest.empty() || output.dest == "-") {
        return fail(ErrorCode::kInvalid, "it needs a directory: dest=…");
      }
      SLIP_TRY(make_dirs(output.dest, 0755));
      return copy_roots(output.dest, "0:0");
    }
    const cachestore::Draft draft = SLIP_TRY(place_.store.begin());
    SLIP_TRY(copy_roots(draft.upper(), ""));
    const Fd top = SLIP_TRY(open_file(draft.upper(), O_RDONLY | O_DIRECTORY));
    return to_file(output, [&](int fd) { return cachestore::pack_layer(top.get(), fd, cancel_); });
  }

  Status copy_roots(const std::string& target, const std::string& chown) const {
    for (const Root& root : roots()) {
      const std::unique_ptr<InputTree> tree = SLIP_TRY(open_stack_tree(root.lowers, "result"));
      CopyRequest copy;
      copy.from = tree.get();
      copy.selection.sources = {"/"};
      copy.destination = "/" + root.name + "/";
      copy.chown = chown;
      copy.inert_devices = true;
      SLIP_TRY(copy_files(copy, {}, target, cancel_));
    }
    return {};
  }

  const BuildPlace& place_;
  const ExportRequest& request_;
  const CancelToken& cancel_;
  std::optional<Digest> last_;
};

}  // namespace

Result<std::optional<Digest>> export_build(const BuildPlace& place, const ExportRequest& request,
                                           BuildObserver&, const CancelToken& cancel) {
  return Export(place, request, cancel).run();
}

}  // namespace slipway::runner
