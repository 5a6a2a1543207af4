// The two bottoms of file systems that are no images.
#include "sandbox/base_image.h"

#include <sys/stat.h>

#include <array>

#include "base/files.h"

namespace slipway::sandbox {
namespace {

struct BaseDir {
  const char* path;
  mode_t mode;
};
// Mount points of the machine's tools and what every program expects to be writable. Version the key below when this
// changes.
constexpr std::array<BaseDir, 15> kHostDirs{{{"usr", 0755},
                                             {"etc", 0755},
                                             {"dev", 0755},
                                             {"proc", 0755},
                                             {"sys", 0755},
                                             {"tmp", 01777},
                                             {"root", 0700},
                                             {"run", 0755},
                                             {"run/lock", 01777},
                                             {"var", 0755},
                                             {"var/tmp", 01777},
                                             {"var/cache", 0755},
                                             {"var/lib", 0755},
                                             {"opt", 0755},
                                             {"workspace", 0755}}};

Result<cachestore::Snapshot> make_base(cachestore::Store& store, const std::string& key,
                                       bool host_dirs) {
  if (std::optional<cachestore::Snapshot> found =
          SLIP_TRY(store.find(cachestore::SnapshotKind::kBase, key))) {
    return *std::move(found);
  }
  cachestore::Draft draft = SLIP_TRY(store.begin());
  if (host_dirs) {
    for (const BaseDir& dir : kHostDirs) {
      const std::string path = draft.upper() + "/" + dir.path;
      SLIP_TRY(make_dirs(path, dir.mode));
      if (::chmod(path.c_str(), dir.mode) != 0) return fail_errno("chmod " + path);
    }
  }
  return store.commit(std::move(draft), cachestore::SnapshotKind::kBase, key, Json(),
                      cachestore::Durability::kRelaxed);
}

}  // namespace

Result<cachestore::Snapshot> host_base(cachestore::Store& store) {
  return make_base(store, "host-1", true);
}
Result<cachestore::Snapshot> empty_base(cachestore::Store& store) {
  return make_base(store, "empty-1", false);
}

}  // namespace slipway::sandbox
