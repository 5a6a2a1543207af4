// registry tags, inspect, rm, referrers: looking at a registry without an image here.
#include <algorithm>

#include "base/text.h"
#include "cachestore/registry.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/registry_session.h"
#include "runner/cli/template.h"

namespace slipway::runner {
namespace {

using cachestore::Reference;
using cachestore::RemoteDescriptor;

Status list_tags(const Invocation& invocation) {
  const std::string text = invocation.operand(0);
  const Reference name = SLIP_TRY(Reference::parse(text));
  if (!has_default_tag(text))
    return fail(ErrorCode::kInvalid, "list tags of " + printable(text) + ": expected a repository");
  RegistrySession session(invocation);
  const auto registry = SLIP_TRY(session.registry());
  std::vector<std::string> tags = SLIP_TRY(registry->tags(name, session.cancel()));
  std::sort(tags.begin(), tags.end());  // some registries list them in no order
  if (invocation.flag("json")) {
    Json list = Json::array();
    for (const std::string& tag : tags) list.push(tag);
    print_data(Json::object({{"Repository", name.registry + "/" + name.repository},
                             {"Tags", std::move(list)}})
                   .pretty());
    return {};
  }
  for (const std::string& tag : tags) print_data(printable(tag) + "\n");
  return {};
}

Status inspect(const Invocation& invocation) {
  const Reference name = SLIP_TRY(Reference::parse(invocation.operand(0)));
  RegistrySession session(invocation);
  const auto registry = SLIP_TRY(session.registry());
  const cachestore::RemoteManifest manifest = SLIP_TRY(registry->manifest(name, session.cancel()));
  if (invocation.flag("raw")) {
    print_data(manifest.bytes);
    return {};
  }
  const Json item =
      Json::object({{"Name", name.registry + "/" + name.repository},
                    {"Tag", name.tag},
                    {"Digest", manifest.digest.str()},
                    {"MediaType", manifest.media_type},
                    {"Size", static_cast<std::uint64_t>(manifest.bytes.size())},
                    {"Manifest", SLIP_TRY_WITHIN("inspect " + printable(name.familiar()),
                                                 parse_json(manifest.bytes))}});
  if (invocation.given("format")) {
    print_data(SLIP_TRY(format_items(invocation.value("format"), Json::object(), {item})));
  } else {
    print_data(item.pretty());
  }
  return {};
}

/// By digest: registries refuse to delete by tag (distribution-spec, "Deleting Manifests", leaves it to them).
Status remove_one(const Reference& name, RegistrySession& session, cachestore::Registry& registry) {
  Reference exact = name;
  if (!exact.digest) {
    const std::optional<RemoteDescriptor> found =
        SLIP_TRY(registry.find_manifest(name, session.cancel()));
    if (!found)
      return fail(ErrorCode::kNotFound,
                  "delete " + printable(name.familiar()) + ": no such tag at the registry");
    exact.digest = found->digest;
  }
  exact.tag.clear();
  SLIP_TRY(registry.remove_manifest(exact, session.cancel()));
  print_data("Deleted: " + exact.canonical() + "\n");
  return {};
}

Status remove(const Invocation& invocation) {
  std::vector<Reference> names;
  for (const std::string& text : invocation.operands()) {
    names.push_back(SLIP_TRY(Reference::parse(text)));
    if (has_default_tag(text)) {
      return fail(ErrorCode::kInvalid, "delete " + printable(text) +
                                           ": name a tag or digest; without one it would be "
                                           "latest, which is easily meant otherwise");
    }
  }
  RegistrySession session(invocation);
  const auto registry = SLIP_TRY(session.registry());
  for (const Reference& name : names) SLIP_TRY(remove_one(name, session, *registry));
  return {};
}

Status list_referrers(const Invocation& invocation) {
  const Reference name = SLIP_TRY(Reference::parse(invocation.operand(0)));
  RegistrySession session(invocation);
  const auto registry = SLIP_TRY(session.registry());
  const std::string what = "list referrers of " + printable(name.familiar());
  std::optional<Digest> digest = name.digest;
  if (!digest) {
    const std::optional<RemoteDescriptor> found =
        SLIP_TRY(registry->find_manifest(name, session.cancel()));
    if (!found) return fail(ErrorCode::kNotFound, what + ": no such tag at the registry");
    digest = found->digest;
  }
  std::vector<Json> entries;
  for (const RemoteDescriptor& one :
       SLIP_TRY(registry->referrers(name, *digest, invocation.value("type"), session.cancel()))) {
    entries.push_back(Json::object({{"Digest", one.digest.str()},
                                    {"MediaType", one.media_type},
                                    {"Size", one.size},
                                    {"Annotations", one.annotations}}));
  }
  if (invocation.flag("json")) {
    print_data(Json(Json::Array(entries)).pretty());
    return {};
  }
  const Json headings =
      Json::object({{"Digest", "DIGEST"}, {"MediaType", "MEDIA TYPE"}, {"Size", "SIZE"}});
  print_data(
      SLIP_TRY(format_items("table {{.Digest}}\t{{.MediaType}}\t{{.Size}}", headings, entries)));
  return {};
}

}  // namespace

int registry_tags_command(const Invocation& invocation) {
  return finish_registry_command(list_tags(invocation), invocation);
}
int registry_inspect_command(const Invocation& invocation) {
  return finish_registry_command(inspect(invocation), invocation);
}
int registry_remove_command(const Invocation& invocation) {
  return finish_registry_command(remove(invocation), invocation);
}
int registry_referrers_command(const Invocation& invocation) {
  return finish_registry_command(list_referrers(invocation), invocation);
}

}  // namespace slipway::runner
