#pragma once

#include <cstddef>
#include <span>

namespace slipway::sandbox {

/// The one buffer through which a monitor moves what containers print: large, so that a flood takes few system calls,
/// and given back to the kernel while nothing flows. One thread.
std::span<char> io_buffer();
/// Tells that so many bytes of it were used.
void used_io_buffer(std::size_t bytes);
void release_io_buffer();

}  // namespace slipway::sandbox
