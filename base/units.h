#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway {

/// A number of bytes.
struct ByteCount {
  std::uint64_t value = 0;
  auto operator<=>(const ByteCount&) const = default;
};
constexpr ByteCount operator""_KiB(unsigned long long n) { return {n << 10}; }
constexpr ByteCount operator""_MiB(unsigned long long n) { return {n << 20}; }
constexpr ByteCount operator""_GiB(unsigned long long n) { return {n << 30}; }

/// "512m", "2g", "64k", "10", "1.5g", also "512MB", "512MiB" (all binary, as docker's --memory).
Result<ByteCount> parse_size(std::string_view text);
/// "1.5 GiB", three significant digits.
std::string format_size(ByteCount size);

using Millis = std::chrono::milliseconds;
/// "90s", "20m", "1h30m", "7d", "250ms"; a bare number is refused (unit missing).
Result<Millis> parse_duration(std::string_view text);
/// Shortest exact-enough form for people: "0.4s", "12s", "1m05s", "2h03m".
std::string format_duration(Millis duration);

}  // namespace slipway
