// The door to images: look-up, listing, tagging, and who uses them.
#include "base/text.h"
#include "cachestore/image/image_access.h"
#include "cachestore/image/layout.h"

namespace slipway::cachestore {
namespace {

// "container " and a name or id; a bound against mistakes.
constexpr std::size_t kMaxUser = 512;

Status tag_row(StoreCore& core, Database& database, const std::string& name_or_id,
               const std::string& name) {
  const ImageMatch match = SLIP_TRY(resolve_image(core, database, "tag image", name_or_id));
  SLIP_TRY(image_rows::set_name(database, name, match.row.id));
  return write_layout_index(core, database);
}

}  // namespace

Result<Image> Store::image(const std::string& name_or_id) {
  StoreCore& core = *state_->core;
  return core.index.with([&](Database& database) -> Result<Image> {
    const ImageMatch match = SLIP_TRY(resolve_image(core, database, "find image", name_or_id));
    return load_image(core, database, match.row);
  });
}

Result<std::vector<Image>> Store::images() {
  StoreCore& core = *state_->core;
  return core.index.with([&](Database& database) -> Result<std::vector<Image>> {
    std::vector<Image> images;
    for (const std::string& id : SLIP_TRY(image_rows::all_ids(database))) {
      const auto row = SLIP_TRY(image_rows::by_id(database, id));
      if (row) images.push_back(SLIP_TRY(load_image(core, database, *row)));
    }
    return images;
  });
}

Status Store::tag_image(const std::string& name_or_id, const Reference& name) {
  if (name.digest || name.tag.empty()) {
    return fail(ErrorCode::kInvalid, "tag image \"" + printable(name_or_id) +
                                         "\": the new name must have a tag and no digest");
  }
  StoreCore& core = *state_->core;
  return core.index.with([&](Database& database) {
    return database.transaction(
        SyncMode::kFull, [&] { return tag_row(core, database, name_or_id, name.canonical()); });
  });
}

Status Store::hold_image(const Digest& id, const std::string& user) {
  StoreCore& core = *state_->core;
  if (user.empty() || user.size() > kMaxUser) {
    return fail(ErrorCode::kInvalid, "hold image " + id.str() + ": bad name of its user");
  }
  return core.index.with([&](Database& database) {
    return database.transaction(SyncMode::kFull, [&]() -> Status {
      if (!SLIP_TRY(image_rows::by_id(database, id.str()))) {
        return fail(ErrorCode::kNotFound, "hold image " + id.str() + ": no such image");
      }
      return image_rows::add_use(database, id.str(), user, to_millis(real_clock().wall()));
    });
  });
}

Status Store::release_image(const Digest& id, const std::string& user) {
  StoreCore& core = *state_->core;
  return core.index.with([&](Database& database) {
    return database.transaction(SyncMode::kNormal,
                                [&] { return image_rows::remove_use(database, id.str(), user); });
  });
}

Result<std::map<Digest, std::vector<std::string>>> Store::image_users() {
  using Users = std::map<Digest, std::vector<std::string>>;
  StoreCore& core = *state_->core;
  return core.index.with([&](Database& database) -> Result<Users> {
    Users users;
    for (auto& [image, user] : SLIP_TRY(image_rows::all_uses(database))) {
      users[SLIP_TRY(Digest::parse(image))].push_back(std::move(user));
    }
    return users;
  });
}

}  // namespace slipway::cachestore
