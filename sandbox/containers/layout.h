#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace slipway::sandbox {

/// Where a state directory keeps its containers, all 0700:
///   <state>/containers/<id>/config.json   what was asked for and what became of it
///                          state.json     how it is; replaced whole
///                          fs/ work/      overlay upper and work directory
///                          log/           see log_format.h
///                          lock           locked by who may change the container (see claim.h)
///                          claim          locked by who is looking for a monitor
///                          monitor.sock   where the monitor listens, while there is one
///   <state>/containers/by-name/<name>     link to the id; made exclusively, so it reserves the name
///   <state>/containers/.running/<id>      there is a process, or was one when its monitor died
///   <state>/containers/.making/<id>       half made; .leaving/<id>: half removed
///   <state>/containers/making.lock        shared lock of those who make, exclusive of those who sweep
///   <state>/events.log                    see events.h
class Layout {
 public:
  explicit Layout(std::string state_dir) : state_(std::move(state_dir)) {}
  /// The directories above.
  Status make() const;

  const std::string& state() const { return state_; }
  std::string root() const { return state_ + "/containers"; }
  std::string of(const std::string& id) const { return root() + "/" + id; }
  std::string name_link(const std::string& name) const { return root() + "/by-name/" + name; }
  std::string making(const std::string& id) const { return root() + "/.making/" + id; }
  std::string leaving(const std::string& id) const { return root() + "/.leaving/" + id; }
  std::string running(const std::string& id) const { return root() + "/.running/" + id; }
  std::string making_lock() const { return root() + "/making.lock"; }
  /// Shared; whoever sweeps waits.
  Result<Fd> lock_making() const;

  /// kExists "name web is in use by container 0123…".
  Status reserve_name(const std::string& name, const std::string& id) const;
  /// Frees the name if it is this container's.
  void free_name(const std::string& name, const std::string& id) const;
  std::optional<std::string> id_of_name(const std::string& name) const;

  /// Ids of all whole containers, in no order.
  Result<std::vector<std::string>> ids() const;
  /// Full id of an id, name or unambiguous id prefix; in this order, as docker. kNotFound "no such container: x".
  Result<std::string> resolve(const std::string& name) const;

 private:
  std::string state_;
};

bool is_container_id(std::string_view text);  ///< 64 lower-case hex digits.
/// Docker's rule for names: [a-zA-Z0-9][a-zA-Z0-9_.-]+
bool is_container_name(std::string_view text);

/// Writes a small file and renames it into place: readers see the old or the new one. Not synced: what it must survive
/// is a killed process, and a container does not survive a power cut anyway.
Status replace_file(int directory, const std::string& name, std::string_view data);

}  // namespace slipway::sandbox
