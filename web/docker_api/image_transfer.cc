// Images in and out: pull, push, load, save, import. Docker API v1.47, "Images"; POST /auth of "System".
#include "base/text.h"
#include "cachestore/image_archive.h"
#include "cachestore/transfer.h"
#include "runner/image_change.h"
#include "runner/registries.h"
#include "web/docker_api/api.h"
#include "web/docker_api/progress.h"
#include "web/docker_api/registry_auth.h"
#include "web/docker_api/streams.h"

namespace slipway::web::docker_api {
namespace {

using cachestore::Reference;

constexpr std::size_t kMaxTags = 10'000;  // of one repository

Result<std::shared_ptr<cachestore::Registry>> open_for(Call& call, const Reference& name) {
  const auto accounts =
      SLIP_TRY(accounts_of_header(call.request().header("x-registry-auth"), name.registry));
  return runner::open_registries(accounts);
}

Result<cachestore::Platform> wanted_platform(const Call& call) {
  const std::string text = call.param("platform");
  return text.empty() ? cachestore::Platform::host() : cachestore::Platform::parse(text);
}

Status pull_one(Call& call, cachestore::Registry& registry, const Reference& name,
                JsonStream& out) {
  cachestore::PullRequest request;
  request.name = name;
  request.platform = SLIP_TRY(wanted_platform(call));
  // The first word comes with the manifest: a registry that cannot be reached has a status of its own.
  class Observer : public LayerStream {
   public:
    Observer(JsonStream& out, const Reference& name)
        : LayerStream(out, Direction::kPull), out_(out), name_(name) {}
    void layers(std::size_t total, std::size_t present) override {
      (void)total;
      (void)present;
      out_.status("Pulling from " + name_.repository,
                  name_.digest ? name_.digest->str() : name_.tag);
    }

   private:
    JsonStream& out_;
    const Reference& name_;
  } observer(out, name);
  const cachestore::Pulled pulled =
      SLIP_TRY(cachestore::pull_image(call.store(), registry, request, &observer, call.gone()));
  out.status("Digest: " + pulled.digest.str());
  out.status((pulled.changed ? "Status: Downloaded newer image for "
                             : "Status: Image is up to date for ") +
             name.familiar());
  return {};
}

Status pull(Call& call, JsonStream& out) {
  std::string text = call.param("fromImage");
  const std::string tag = call.param("tag");
  if (!tag.empty()) text += (tag.find(':') != std::string::npos ? "@" : ":") + tag;
  const Reference name = SLIP_TRY(Reference::parse(text));
  const auto registry = SLIP_TRY(open_for(call, name));
  const std::size_t last = text.rfind('/');
  const bool one = !tag.empty() ||
                   text.find(':', last == std::string::npos ? 0 : last) != std::string::npos ||
                   text.find('@') != std::string::npos;
  if (one) return pull_one(call, *registry, name, out);
  const std::vector<std::string> tags = SLIP_TRY(registry->tags(name, call.gone()));
  if (tags.size() > kMaxTags)
    return fail(ErrorCode::kExhausted,
                "pull all tags of " + text + ": there are " + std::to_string(tags.size()));
  for (const std::string& one_tag : tags) {
    Reference next = name;
    next.tag = one_tag;
    SLIP_TRY(pull_one(call, *registry, next, out));
  }
  return {};
}

Status import(Call& call, JsonStream& out) {
  if (call.param("fromSrc") != "-")
    return fail(ErrorCode::kUnsupported,
                "import from a URL: fetch it and send it as the body (fromSrc=-)");
  cachestore::ImportRequest request;
  request.source = "request body";
  std::string name = call.param("repo");
  if (const std::string tag = call.param("tag"); !tag.empty()) name += ":" + tag;
  if (!name.empty()) request.name = SLIP_TRY(Reference::parse(name));
  for (const std::string& change : call.request().params("changes"))
    SLIP_TRY(runner::apply_change(change, request.config));
  request.config.comment = call.param("message");
  std::string id;
  const auto take = [&](int in) -> Status {
    request.fd = in;
    id = SLIP_TRY(call.store().import_image(request, call.gone())).id.str();
    return {};
  };
  SLIP_TRY(body_to_pipe(call, take));
  out.status(id);
  return {};
}

// POST /images/create
Status create(Call& call) {
  JsonStream out(call);
  return out.end(call.param("fromImage").empty() ? import(call, out) : pull(call, out));
}

Status push_one(Call& call, cachestore::Registry& registry, const Reference& name,
                JsonStream& out) {
  cachestore::PushRequest request;
  request.image = name.canonical();
  request.name = name;
  LayerStream observer(out, LayerStream::Direction::kPush);
  const cachestore::Pushed pushed =
      SLIP_TRY(cachestore::push_image(call.store(), registry, request, &observer, call.gone()));
  const std::string digest = pushed.digest.str();
  out.status(name.tag + ": digest: " + digest + " size: " + std::to_string(pushed.manifest_size));
  out.send(Json::object(
      {{"progressDetail", Json::object()},
       {"aux",
        Json::object({{"Tag", name.tag}, {"Digest", digest}, {"Size", pushed.manifest_size}})}}));
  return {};
}

// POST /images/{name}/push
Status push(Call& call) {
  const std::string tag = call.param("tag");
  const Reference name = SLIP_TRY(Reference::parse(call.name() + (tag.empty() ? "" : ":" + tag)));
  std::vector<Reference> names{name};
  if (tag.empty()) {
    names.clear();
    for (const cachestore::Image& image : SLIP_TRY(call.store().images())) {
      for (const Reference& one : image.names) {
        if (one.registry == name.registry && one.repository == name.repository)
          names.push_back(one);
      }
    }
  }
  if (names.empty() || !call.store().image(names.front().canonical()))
    return fail(ErrorCode::kNotFound,
                "an image does not exist locally with the tag: " + name.familiar());
  const auto registry = SLIP_TRY(open_for(call, name));
  JsonStream out(call);
  out.status("The push refers to repository [" + name.registry + "/" + name.repository + "]");
  for (const Reference& one : names) {
    if (const Status pushed = push_one(call, *registry, one, out); !pushed) return out.end(pushed);
  }
  return out.end({});
}

// POST /images/load
Status load(Call& call) {
  JsonStream out(call);
  std::vector<cachestore::LoadedImage> loaded;
  const Status done = body_to_pipe(call, [&](int in) -> Status {
    cachestore::LoadRequest request;
    request.fd = in;
    request.source = "request body";
    loaded = SLIP_TRY(cachestore::load_images(call.store(), request, call.gone()));
    return {};
  });
  for (const cachestore::LoadedImage& image : loaded) {
    for (const Reference& name : image.names)
      out.send(Json::object({{"stream", "Loaded image: " + name.familiar() + "\n"}}));
    if (image.names.empty())
      out.send(Json::object({{"stream", "Loaded image ID: " + image.id.str() + "\n"}}));
  }
  return out.end(done);
}

Status save_images(Call& call, std::vector<std::string> names) {
  if (names.empty()) return fail(ErrorCode::kInvalid, "no image names were given");
  for (const std::string& name : names) {
    if (!call.store().image(name))
      return fail(ErrorCode::kNotFound, "no such image: " + printable(name));
  }
  return stream_from_pipe(call, "application/x-tar", {}, [&](int out) -> Status {
    cachestore::SaveRequest request;
    request.images = names;
    request.fd = out;
    request.target = "answer";
    SLIP_TRY(cachestore::save_images(call.store(), request, call.gone()));
    return {};
  });
}

// GET /images/get
Status save(Call& call) {
  std::vector<std::string> names;
  for (const std::string& list : call.request().params("names")) {
    for (const std::string_view name : split(list, ',')) {
      if (!name.empty()) names.emplace_back(name);
    }
  }
  return save_images(call, std::move(names));
}
// GET /images/{name}/get
Status save_one(Call& call) { return save_images(call, {call.name()}); }

// POST /auth
Status log_in(Call& call) {
  const Json body = SLIP_TRY(call.body());
  std::string server(body["serveraddress"].string_or(""));
  for (const char* prefix : {"https://", "http://"}) {
    if (server.starts_with(prefix)) server = server.substr(std::string_view(prefix).size());
  }
  server = server.substr(0, server.find('/'));
  if (server.empty() || server == "index.docker.io" || server == "registry-1.docker.io")
    server = "docker.io";
  const auto registry = SLIP_TRY(runner::open_registries(std::make_shared<GivenAccounts>()));
  const auto kept = SLIP_TRY(registry->log_in(server, read_account(body), call.gone()));
  return call.json(
      200, Json::object({{"IdentityToken", kept.identity_token}, {"Status", "Login Succeeded"}}));
}

// GET /distribution/{name}/json
Status distribution(Call& call) {
  const Reference name = SLIP_TRY(Reference::parse(call.name()));
  const auto registry = SLIP_TRY(open_for(call, name));
  const cachestore::RemoteManifest manifest = SLIP_TRY(registry->manifest(name, call.gone()));
  const Json document =
      SLIP_TRY_WITHIN("read manifest of " + name.familiar(), parse_json(manifest.bytes));
  Json::Array platforms;
  for (const Json& one : document["manifests"].items()) {
    if (one["platform"].is_object()) platforms.push_back(one["platform"]);
  }
  return call.json(200,
                   Json::object({{"Descriptor", Json::object({{"mediaType", manifest.media_type},
                                                              {"digest", manifest.digest.str()},
                                                              {"size", manifest.bytes.size()}})},
                                 {"Platforms", Json(std::move(platforms))}}));
}

}  // namespace

const std::vector<Route>& image_transfer_routes() {
  static const std::vector<Route> kRoutes{
      {"POST", "/images/create", create},
      {"POST", "/images/load", load},
      {"GET", "/images/get", save},
      {"GET", "/images/{...}/get", save_one},
      {"POST", "/images/{...}/push", push},
      {"POST", "/auth", log_in},
      {"GET", "/distribution/{...}/json", distribution, 30},
  };
  return kRoutes;
}

}  // namespace slipway::web::docker_api
