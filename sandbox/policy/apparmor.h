#pragma once

#include <string>

#include "base/result.h"

namespace slipway::sandbox {

bool has_apparmor();
/// Whether commands can be put under this profile; "" and "unconfined" ask for none. kUnsupported where the kernel has
/// no AppArmor, kNotFound where it says that no such profile is loaded, kInvalid for what is no name.
Status check_apparmor(const std::string& profile);

}  // namespace slipway::sandbox
