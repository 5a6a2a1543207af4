#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/guarded.h"
#include "base/result.h"
#include "sandbox/ids/id_map.h"
#include "sandbox/mounts/overlay.h"
#include "sandbox/mounts/tree.h"

namespace slipway::sandbox {

/// One range of ids and how containers with it see the store.
struct IdSlot {
  IdMap map;
  LayerView view;
  Fd user_namespace;    ///< For shifted binds; invalid where nothing is shifted.
  Fd directory;         ///< What view.directory is.
  MountPoint attached;  ///< Where the shifted store hangs in this process's mount namespace.
  Fd lock;              ///< flock, shared: no container but those that share it uses these ids.
  std::uint32_t number = 0;
  bool ours = true;  ///< False: another process chose it; not to be used again by us.
  int users = 0;     ///< Under the pool's lock.
};

/// Gives each running container ids of its own, so that containers which run at once are strangers to each other even
/// if one escapes its namespaces. As an ordinary user there is one range for all. Thread-safe.
class IdSlots {
 public:
  static Result<std::unique_ptr<IdSlots>> open(const std::string& store_root);

  /// Returned to the pool at the end of its life.
  class Lease {
   public:
    Lease() = default;
    Lease(IdSlots* owner, std::shared_ptr<IdSlot> slot) : owner_(owner), slot_(std::move(slot)) {}
    Lease(Lease&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), slot_(std::move(other.slot_)) {}
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { give_back(); }
    const IdSlot& operator*() const { return *slot_; }
    const IdSlot* operator->() const { return slot_.get(); }

   private:
    void give_back();
    IdSlots* owner_ = nullptr;
    std::shared_ptr<IdSlot> slot_;
  };
  Result<Lease> acquire();
  /// The ids of a running container, perhaps of another engine, for one that joins its namespaces.
  Result<Lease> share(pid_t peer);
  /// The machine's own ids: power::HostUserNamespace.
  Result<Lease> host();

 private:
  struct Pool {
    std::vector<std::shared_ptr<IdSlot>> free;
    std::vector<std::shared_ptr<IdSlot>> busy;
    std::uint32_t next = 0;  ///< First number not yet tried.
  };
  IdSlots(std::string store_root, IdRange range, Fd lock_directory)
      : store_root_(std::move(store_root)),
        range_(range),
        lock_directory_(std::move(lock_directory)) {}
  Result<std::shared_ptr<IdSlot>> make_slot(std::uint32_t number, Fd lock);
  Result<std::shared_ptr<IdSlot>> next_slot();
  Lease take(std::shared_ptr<IdSlot> slot);
  Result<std::shared_ptr<IdSlot>> foreign_slot(std::uint32_t number);

  std::string store_root_;
  IdRange range_;  ///< Host ids that containers may have; count 0: not shifted, one slot for all.
  Fd lock_directory_;
  std::shared_ptr<IdSlot> common_;
  Guarded<Pool> pool_;
};

}  // namespace slipway::sandbox
