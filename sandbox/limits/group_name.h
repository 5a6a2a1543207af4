#pragma once

#include <string>
#include <string_view>

namespace slipway::sandbox::limits {

/// Cgroup directories are called NAME.PID.START.NAMESPACE: the creating process, its start time in
/// clock ticks and the inode of its pid namespace, so that whoever comes after a kill -9 can tell
/// the dead's groups from the living's. A group made in another pid namespace is never judged: its
/// creator cannot be seen from here. creator_mark() is the part after NAME for this process.
std::string creator_mark();
/// True only when `directory` has the form above, was made in our pid namespace and its maker is
/// gone.
bool made_by_the_dead(const std::string& directory);

}  // namespace slipway::sandbox::limits
