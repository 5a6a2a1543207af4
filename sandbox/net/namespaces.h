#pragma once

#include <functional>

#include "base/fd.h"
#include "base/result.h"

namespace slipway::sandbox::net {

/// Runs `body` in a thread of its own that has entered the network namespace; sockets made there stay there. The
/// calling thread never leaves its namespace, so nothing can go wrong on the way back.
Status in_namespace(int network_namespace, const std::function<Status()>& body);

/// The calling thread's network namespace.
Result<Fd> current_namespace();
Result<Fd> duplicate(int fd);

/// May this process change links and rules in its network namespace? True for the machine's root, and for root of a
/// user namespace in a network namespace that belongs to it.
bool owns_network_namespace();

/// One line into /proc/sys/net/…, in the calling thread's network namespace.
Status set_sysctl(const std::string& name, const char* value);

}  // namespace slipway::sandbox::net
