// From what a user typed to an image: names, ids, prefixes, digests; and from a row to a whole
// Image.
#include <algorithm>

#include "base/text.h"
#include "cachestore/image/config_json.h"
#include "cachestore/image/image_access.h"
#include "cachestore/index/registry_rows.h"

namespace slipway::cachestore {
namespace {

constexpr std::string_view kDigestPrefix = "sha256:";
// Shorter prefixes are more often slips than ids; docker takes any length, podman at least 3.
constexpr std::size_t kMinPrefix = 4;

bool looks_like_id(std::string_view text) {
  return text.size() >= kMinPrefix && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<Error> not_found(Database& database, const std::string& doing, const std::string& typed) {
  std::vector<std::string> known;
  for (const std::string& name : SLIP_TRY(image_rows::all_names(database))) {
    if (const auto reference = Reference::parse(name)) {
      known.push_back(reference->familiar());
      if (reference->tag == "latest")
        known.push_back(known.back().substr(0, known.back().rfind(':')));
    }
  }
  std::string text = doing + " \"" + printable(typed) + "\": no such image";
  if (const auto near = did_you_mean(typed, known)) text += "; did you mean \"" + *near + "\"?";
  return Error(ErrorCode::kNotFound, std::move(text));
}

Result<std::optional<std::string>> id_by_reference(Database& database, const Reference& reference) {
  if (reference.digest) {
    const std::string digest = reference.digest->str();
    if (auto id = SLIP_TRY(registry_rows::any_image_of_digest(
            database, reference.registry + "/" + reference.repository, digest))) {
      return id;
    }
    if (auto id = SLIP_TRY(image_rows::id_of_manifest(database, digest))) return id;
    const auto row = SLIP_TRY(image_rows::by_id(database, digest));
    return row ? std::optional(row->id) : std::nullopt;
  }
  return image_rows::id_of_name(database, reference.canonical());
}

Result<std::optional<std::string>> id_by_prefix(Database& database, const std::string& doing,
                                                const std::string& typed) {
  std::string_view hex = typed;
  if (hex.starts_with(kDigestPrefix)) hex.remove_prefix(kDigestPrefix.size());
  if (!looks_like_id(hex)) return std::optional<std::string>();
  const std::string prefix = std::string(kDigestPrefix) + std::string(hex);
  const auto ids = SLIP_TRY(image_rows::ids_with_prefix(database, prefix));
  if (ids.size() > 1) {
    return fail(ErrorCode::kInvalid, doing + " \"" + typed + "\": several images begin with it");
  }
  return ids.empty() ? std::optional<std::string>() : std::optional(ids.front());
}

}  // namespace

Result<ImageMatch> resolve_image(StoreCore& core, Database& database, const std::string& doing,
                                 const std::string& name_or_id) {
  (void)core;
  const auto reference = Reference::parse(name_or_id);
  std::optional<std::string> id;
  std::optional<std::string> name;
  if (reference && !name_or_id.starts_with(kDigestPrefix)) {
    id = SLIP_TRY(id_by_reference(database, *reference));
    if (id && !reference->digest) name = reference->canonical();
  }
  if (!id) id = SLIP_TRY(id_by_prefix(database, doing, name_or_id));
  if (!id && !reference && !looks_like_id(name_or_id)) return fail(reference.error().clone());
  std::optional<ImageRow> row;
  if (id) row = SLIP_TRY(image_rows::by_id(database, *id));
  if (!row) return fail(SLIP_TRY(not_found(database, doing, name_or_id)));
  return ImageMatch{*std::move(row), std::move(name)};
}

Error explain_failure(const StoreCore& core, Error error, const std::string& doing) {
  const bool full = error.sys_errno() == ENOSPC || error.sys_errno() == EDQUOT;
  return std::move(error).within(full ? doing + ": disk full at " + core.root : doing);
}

Result<Image> load_image(StoreCore& core, Database& database, const ImageRow& row) {
  const std::string doing = "read image " + row.id;
  Image image;
  image.id = SLIP_TRY_WITHIN(doing, Digest::parse(row.id));
  image.manifest = SLIP_TRY_WITHIN(doing, Digest::parse(row.manifest));
  image.imported = from_millis(row.created);
  if (!row.parent.empty() && SLIP_TRY(image_rows::by_id(database, row.parent))) {
    image.parent = SLIP_TRY_WITHIN(doing, Digest::parse(row.parent));
  }
  for (const std::string& name : row.names) {
    image.names.push_back(SLIP_TRY_WITHIN(doing, Reference::parse(name)));
  }
  for (const std::string& name : SLIP_TRY(registry_rows::digests_of_image(database, row.id))) {
    image.digests.push_back(SLIP_TRY_WITHIN(doing, Reference::parse(name)));
  }
  const std::string text = SLIP_TRY_WITHIN(doing, core.blobs.read(image.id, kMaxConfig));
  ParsedConfig parsed = SLIP_TRY(parse_config(text, row.id));
  image.config = std::move(parsed.config);
  image.diff_ids = std::move(parsed.diff_ids);
  for (const Digest& diff_id : image.diff_ids) {
    const auto layer = SLIP_TRY(snapshot_rows::layer(database, diff_id.str()));
    if (!layer || !usable(core, *layer)) {
      return fail(ErrorCode::kCorrupt, doing + ": layer " + diff_id.str() +
                                           " is missing from the store; import the image again");
    }
    image.layer_sizes.push_back({layer->bytes > 0 ? static_cast<std::uint64_t>(layer->bytes) : 0});
    image.size.value += image.layer_sizes.back().value;
    image.layers.push_back(SLIP_TRY(to_snapshot(core, *layer)));
  }
  return image;
}

}  // namespace slipway::cachestore
