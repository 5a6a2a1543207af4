#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "cachestore/store.h"
#include "sandbox/containers/layout.h"
#include "sandbox/containers/record.h"

namespace slipway::sandbox {

enum class Anonymous { kStay, kGo };

/// What may be done to a container by whoever holds its lock: its monitor, or else a client.

/// Whole or not at all. kExists when the name is taken.
Status rename_container(const Layout& layout, int directory, Record& record,
                        const std::string& new_name);

/// New limits and restart policy: {"limits": …, "restart": …}, each as in a config, what is not there stays.
Status change_limits(int directory, Record& record, const Json& wanted);
Result<Limits> limits_of(const Record& record, const Json& wanted);
Json limits_body(const Limits& limits, const std::optional<RestartPolicy>& restart);

/// First of all at a removal: its volumes are nobody's any more, and with `anonymous` those without a name go.
Status release_volumes(const Layout& layout, const Record& record, Anonymous anonymous);

/// Away with a container that does not run: from here on it cannot be found, and its name is free.
Status unlist_container(const Layout& layout, const Record& record);
/// Then its files go. What a crash leaves in between is finished off by sweep().
void remove_files(const Layout& layout, const std::string& id);

/// Half-made and half-removed containers of processes that died, and names that lead nowhere.
/// Holds on images by containers that are gone end, too.
void sweep(const Layout& layout, cachestore::Store& store);

/// How a container is called where the store says who uses an image.
std::string image_user(const std::string& id);

/// The first twelve digits, which are enough for people.
std::string short_id(const std::string& id);

}  // namespace slipway::sandbox
