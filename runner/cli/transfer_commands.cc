// pull and push: docker's words for what the transfers do.
#include <algorithm>

#include "base/text.h"
#include "cachestore/transfer.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/registry_session.h"

namespace slipway::runner {
namespace {

using cachestore::Image;
using cachestore::Reference;

constexpr std::size_t kMaxTags = 10'000;  // of one `--all-tags`

Millis since(MonoTime start) {
  return std::chrono::duration_cast<Millis>(real_clock().mono() - start);
}

std::string tag_of(const Reference& name) { return name.digest ? name.digest->str() : name.tag; }

/// "8 layers, 5 of them here; 41.5 MiB in 2.1s, 19.8 MiB/s"
std::string traffic(std::size_t layers, std::size_t present, std::string_view where,
                    std::uint64_t bytes, Millis elapsed) {
  std::string text = std::to_string(layers) + (layers == 1 ? " layer" : " layers");
  if (present > 0) {
    text += ", " + (present == layers ? std::string("all") : std::to_string(present)) + " " +
            std::string(where);
  }
  if (bytes == 0) return text;
  text += ", " + format_size({bytes}) + " in " + format_duration(elapsed);
  const std::uint64_t millis =
      static_cast<std::uint64_t>(std::max<Millis::rep>(elapsed.count(), 1));
  return text + ", " + format_size({bytes * 1000 / millis}) + "/s";
}

void report_pulled(const Reference& name, const cachestore::Pulled& pulled, Millis elapsed,
                   const Invocation& invocation, TransferProgress& progress) {
  if (progress.wants_json()) {
    print_data(Json::object({{"kind", "pulled"},
                             {"name", name.canonical()},
                             {"digest", pulled.digest.str()},
                             {"image", pulled.image.id.str()},
                             {"changed", pulled.changed},
                             {"layers", static_cast<std::uint64_t>(pulled.layers)},
                             {"present", static_cast<std::uint64_t>(pulled.layers_present)},
                             {"bytes", pulled.bytes}})
                   .dump() +
               "\n");
    return;
  }
  if (invocation.flag("quiet")) return print_data(name.canonical() + "\n");
  progress.say(
      traffic(pulled.layers, pulled.layers_present, "already here", pulled.bytes, elapsed));
  progress.end();
  const std::string status =
      pulled.changed ? "Downloaded newer image for " : "Image is up to date for ";
  print_data("Digest: " + pulled.digest.str() + "\nStatus: " + status + name.familiar() + "\n" +
             name.canonical() + "\n");
}

Status pull_one(const Reference& name, const Invocation& invocation, RegistrySession& session,
                cachestore::Store& store, cachestore::Registry& registry) {
  cachestore::PullRequest request;
  request.name = name;
  if (invocation.given("platform"))
    request.platform = SLIP_TRY_WITHIN("option --platform",
                                       cachestore::Platform::parse(invocation.value("platform")));
  TransferProgress& progress = session.progress();
  if (!progress.wants_json()) progress.say(tag_of(name) + ": Pulling from " + name.repository);
  const MonoTime start = real_clock().mono();
  progress.begin(name.familiar(), Direction::kPull);
  const Result<cachestore::Pulled> pulled =
      pull_image(store, registry, request, &progress, session.cancel());
  progress.end();
  if (!pulled) return fail(pulled.error().clone());
  report_pulled(name, *pulled, since(start), invocation, progress);
  return {};
}

Status pull(const Invocation& invocation) {
  std::vector<Reference> names;
  const bool all = invocation.flag("all-tags");
  for (const std::string& text : invocation.operands()) {
    names.push_back(SLIP_TRY(Reference::parse(text)));
    if (names.back().familiar().starts_with("scratch:") && names.back().registry == "docker.io")
      return fail(ErrorCode::kInvalid,
                  "pull scratch: it is the empty image; there is nothing to pull");
    if (all && !has_default_tag(text))
      return fail(ErrorCode::kInvalid,
                  "pull " + printable(text) + ": a tag does not go with --all-tags");
  }
  RegistrySession session(invocation);
  const auto store = SLIP_TRY(open_image_store(invocation));
  const auto registry = SLIP_TRY(session.registry());
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!all) {
      if (has_default_tag(invocation.operand(i)) && !session.progress().wants_json())
        session.progress().say("Using default tag: latest");
      SLIP_TRY(pull_one(names[i], invocation, session, *store, *registry));
      continue;
    }
    std::vector<std::string> tags = SLIP_TRY(registry->tags(names[i], session.cancel()));
    std::sort(tags.begin(), tags.end());
    if (tags.empty() || tags.size() > kMaxTags) {
      return fail(ErrorCode::kNotFound, "pull every tag of " + printable(invocation.operand(i)) +
                                            ": it has " + std::to_string(tags.size()) + " tags");
    }
    for (std::string& tag : tags) {
      Reference name = names[i];
      name.tag = std::move(tag);
      SLIP_TRY(pull_one(name, invocation, session, *store, *registry));
    }
  }
  return {};
}

cachestore::LayerCompression compression_of(const Invocation& invocation) {
  const std::string word = invocation.value("compression", "keep");
  if (word == "gzip") return cachestore::LayerCompression::kGzip;
  if (word == "zstd") return cachestore::LayerCompression::kZstd;
  return cachestore::LayerCompression::kKeep;
}

Status push_one(const std::string& image, const Reference& name, const Invocation& invocation,
                RegistrySession& session, cachestore::Store& store,
                cachestore::Registry& registry) {
  cachestore::PushRequest request;
  request.image = image;
  request.name = name;
  request.compression = compression_of(invocation);
  TransferProgress& progress = session.progress();
  const MonoTime start = real_clock().mono();
  progress.begin(name.familiar(), Direction::kPush);
  const Result<cachestore::Pushed> pushed =
      push_image(store, registry, request, &progress, session.cancel());
  progress.end();
  if (!pushed) return fail(pushed.error().clone());
  if (progress.wants_json()) {
    print_data(Json::object({{"kind", "pushed"},
                             {"name", name.canonical()},
                             {"digest", pushed->digest.str()},
                             {"size", pushed->manifest_size},
                             {"layers", static_cast<std::uint64_t>(pushed->layers)},
                             {"present", static_cast<std::uint64_t>(pushed->layers_present)},
                             {"bytes", pushed->bytes}})
                   .dump() +
               "\n");
  } else if (invocation.flag("quiet")) {
    print_data(name.canonical() + "\n");
  } else {
    progress.say(traffic(pushed->layers, pushed->layers_present, "already there", pushed->bytes,
                         since(start)));
    progress.end();
    print_data(name.tag + ": digest: " + pushed->digest.str() +
               " size: " + std::to_string(pushed->manifest_size) + "\n");
  }
  return {};
}

/// The tags of the repository that this store has.
Result<std::vector<Reference>> tags_here(cachestore::Store& store, const Reference& repository) {
  std::vector<Reference> names;
  for (const Image& image : SLIP_TRY(store.images())) {
    for (const Reference& name : image.names) {
      if (name.registry == repository.registry && name.repository == repository.repository &&
          !name.tag.empty())
        names.push_back(name);
    }
  }
  if (names.empty()) {
    return fail(ErrorCode::kNotFound,
                "push every tag of " + printable(repository.familiar()) + ": no such image here");
  }
  return names;
}

Status push(const Invocation& invocation) {
  const std::string image = invocation.operand(0);
  const bool elsewhere = invocation.operands().size() > 1;
  const std::string destination = elsewhere ? invocation.operand(1) : image;
  const Reference name = SLIP_TRY(Reference::parse(destination));
  if (name.digest)
    return fail(ErrorCode::kInvalid,
                "push " + printable(destination) + ": a digest cannot be chosen; name a tag");
  const bool all = invocation.flag("all-tags");
  if (all && (elsewhere || !has_default_tag(image)))
    return fail(ErrorCode::kInvalid,
                "push " + printable(image) + ": --all-tags wants a repository and nothing else");
  RegistrySession session(invocation);
  const auto store = SLIP_TRY(open_image_store(invocation));
  TransferProgress& progress = session.progress();
  std::vector<Reference> names;
  if (all) {
    names = SLIP_TRY(tags_here(*store, name));
  } else {
    SLIP_TRY(store->image(image));  // before anything is said to a registry
    names.push_back(name);
  }
  const auto registry = SLIP_TRY(session.registry());
  if (!progress.wants_json()) {
    if (!all && has_default_tag(destination)) progress.say("Using default tag: latest");
    progress.say("The push refers to repository [" + name.registry + "/" + name.repository + "]");
  }
  for (const Reference& one : names)
    SLIP_TRY(push_one(all ? one.canonical() : image, one, invocation, session, *store, *registry));
  return {};
}

}  // namespace

int pull_command(const Invocation& invocation) {
  const Status status = pull(invocation);
  return finish_registry_command(status, invocation);
}

int push_command(const Invocation& invocation) {
  const Status status = push(invocation);
  return finish_registry_command(status, invocation);
}

}  // namespace slipway::runner
