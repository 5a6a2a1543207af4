// Writes oci-layout and index.json. We never read them: the index is store.db.
#include "cachestore/image/layout.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json.h"
#include "cachestore/image/config_json.h"
#include "cachestore/index/image_rows.h"

namespace slipway::cachestore {
namespace {

constexpr std::string_view kLayoutFile = R"({"imageLayoutVersion":"1.0.0"})";

// Not write_file_atomic: the content can be made again, so an fsync per file would buy nothing.
Status replace_file(const StoreCore& core, const std::string& name, std::string_view data) {
  const std::string draft = "drafts/" + SLIP_TRY(core.yard->new_id());
  {
    const Fd fd = SLIP_TRY(open_at(core.root_fd.get(), draft, O_WRONLY | O_CREAT | O_EXCL, 0600));
    SLIP_TRY(write_all(fd.get(), data, core.root + "/" + name));
  }
  if (::renameat(core.root_fd.get(), draft.c_str(), core.root_fd.get(), name.c_str()) != 0) {
    return fail_errno("write " + core.root + "/" + name);
  }
  return {};
}

Json descriptor(const std::string& digest, std::int64_t size) {
  return Json::object({{"mediaType", kManifestType}, {"digest", digest}, {"size", size}});
}

}  // namespace

Status ensure_layout_file(const StoreCore& core) {
  if (::faccessat(core.root_fd.get(), "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) == 0) return {};
  return replace_file(core, "oci-layout", kLayoutFile);
}

Status write_layout_index(const StoreCore& core, Database& database) {
  Json manifests = Json::array();
  for (const std::string& id : SLIP_TRY(image_rows::all_ids(database))) {
    const auto image = SLIP_TRY(image_rows::by_id(database, id));
    if (!image) continue;
    const auto blob = SLIP_TRY(blob_rows::get(database, image->manifest));
    const Json plain = descriptor(image->manifest, blob ? blob->size : 0);
    if (image->names.empty()) manifests.push(plain);
    for (const std::string& name : image->names) {
      Json named = plain;
      named.set("annotations", Json::object({{"org.opencontainers.image.ref.name", name}}));
      manifests.push(std::move(named));
    }
  }
  const Json index = Json::object(
      {{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", std::move(manifests)}});
  return replace_file(core, "index.json", index.dump());
}

}  // namespace slipway::cachestore
