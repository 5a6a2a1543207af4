#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/guarded.h"
#include "base/result.h"

namespace slipway::cachestore {

/// <root>/drafts: uppers being written, each named `<owner><n>`, where an owner is one opened
/// store. While
/// `<owner>.lock` exists and is flocked its drafts are alive; the file stays behind exactly when
/// the owner died, and then tells the next opener to clean up. One lock for all drafts of a process
/// makes a draft three mkdirs.
class DraftYard {
 public:
  static constexpr std::size_t kOwnerDigits = 12;
  /// As many as steps usually run side by side; three empty directories each.
  static constexpr std::size_t kMaxSpares = 16;

  static Result<std::shared_ptr<DraftYard>> open(const std::string& root, int root_fd);
  ~DraftYard();

  /// A new id whose owner lock is held. Ids are unique in the store for ever.
  Result<std::string> new_id();
  /// drafts/<id>/{fs,work} for a new id.
  Result<std::string> create();
  /// Empties a draft and keeps it as a spare, or removes it; what fails is left for the next sweep.
  void recycle(const std::string& id);
  /// Removes whatever has this name in the yard; what fails is left for the next sweep.
  void discard(const std::string& id);

  /// Removes what dead owners left. `tidy` runs first and only if there is one, while their lock
  /// files still exist: it undoes what they had begun elsewhere. What it gives up it moves here
  /// under an owner of the dead owner it is given.
  Status sweep(const std::function<Status(const std::string& dead)>& tidy);

  /// Something was left where only a sweep finds it: the lock file stays when the store is closed.
  void leave_for_sweep();

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

 private:
  struct Owner {
    std::string name;
    Fd lock;
    std::uint64_t next = 0;
    bool unclean = false;
  };
  DraftYard(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Status take_ownership(Owner& owner);
  bool take_spare(const std::string& id);
  bool make_spare(const std::string& id);
  Result<std::vector<Fd>> lock_dead(const std::vector<std::string>& names,
                                    std::vector<std::string>& dead) const;
  Status remove_of_dead(const std::vector<std::string>& dead);

  std::string path_;
  Fd fd_;
  Guarded<Owner> owner_;
  Guarded<std::vector<std::string>>
      spares_;  ///< Names seen or made by us; another process may have taken them.
};

}  // namespace slipway::cachestore
