#pragma once

#include <string>
#include <vector>

#include "sandbox/limits/controller.h"
#include "sandbox/limits/hierarchies.h"

namespace slipway::sandbox::limits {

/// Our `slipway` directory in one hierarchy and what can be limited there.
struct Base {
  std::string parent;  ///< The hierarchy's root, or our own group in it.
  std::vector<const Controller*> controllers;
  bool unified = false;
  std::string path() const { return parent + "/slipway"; }
};

/// A base is made when first needed and removed by whoever ends while it is empty, perhaps under our feet: begin
/// again, at most this often.
inline constexpr int kVanishTries = 8;

struct Bases {
  std::vector<Base> all;
  std::vector<std::string>
      notices;  ///< One for each thing that cannot be enforced, with the reason.
};

/// Chooses where to work: the root of each hierarchy, so that groups are found again by whoever
/// comes next; our own group where that has a limit that containers must not escape or where the
/// root is not ours to write (delegation).
Bases choose_bases(const Hierarchies& found);
/// Makes the directory; on v2 also hands the controllers down to it, moving this process into a
/// leaf when the parent may not have both members and controllers. Idempotent.
Status prepare_base(const Base& base);

}  // namespace slipway::sandbox::limits
