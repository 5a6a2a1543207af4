// Durations, health checks, ports and platforms as instructions write them.
#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "pipeline/dockerfile/characters.h"
#include "pipeline/dockerfile_values.h"

namespace slipway::pipeline {
namespace {

using dockerfile::quoted;
using std::chrono::nanoseconds;

tl::unexpected<Error> bad(std::string text) { return fail(ErrorCode::kInvalid, std::move(text)); }

struct Unit {
  std::string_view name;
  double nanoseconds;
};
// A name that begins another stands behind it. Spec: Go, time.ParseDuration.
constexpr std::array<Unit, 8> kUnits{{{"ns", 1},
                                      {"us", 1e3},
                                      {"\xC2\xB5s", 1e3},  // micro sign
                                      {"\xCE\xBCs", 1e3},  // mu
                                      {"ms", 1e6},
                                      {"s", 1e9},
                                      {"m", 60e9},
                                      {"h", 3600e9}}};
constexpr double kLongest = 9.2e18;  // int64 nanoseconds: 292 years

/// Nothing written, or zero: docker's default.
Status read_duration(const Instruction& healthcheck, std::string_view name, nanoseconds& into) {
  const InstructionFlag* flag = healthcheck.flag(name);
  if (flag == nullptr || flag->value.empty()) return {};
  const auto duration = parse_go_duration(flag->value);
  const std::string doing = "--" + std::string(name) + "=" + printable(flag->value);
  if (!duration) return bad(doing + ": not a duration as 30s or 1m30s");
  if (*duration != nanoseconds{} && *duration < std::chrono::milliseconds(1))
    return bad(doing + ": cannot be less than 1ms");
  into = *duration;
  return {};
}

std::optional<int> port_number(std::string_view text) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  const auto number = parse_int(text);
  if (!number || *number < 0 || *number > 65'535) return std::nullopt;
  return static_cast<int>(*number);
}

struct PortRange {
  int first = 0;
  int last = 0;
};
std::optional<PortRange> port_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = port_number(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : port_number(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return PortRange{*first, *last};
}

/// "1.2.3.4" or "[::1]" or "::1", roughly: it is dropped anyway.
bool looks_like_address(std::string_view text) {
  if (text.empty()) return true;
  if (text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  const bool six = text.find(':') != std::string_view::npos;
  if (six) return text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
  const auto parts = split(text, '.');
  return parts.size() == 4 && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
           const auto number = parse_int(part);
           return number && *number >= 0 && *number <= 255;
         });
}

}  // namespace

std::optional<nanoseconds> parse_go_duration(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text == "0") return nanoseconds{};
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::string_view number_text = text.substr(0, digits);
    if (number_text.find_first_not_of('.') == std::string_view::npos ||
        std::count(number_text.begin(), number_text.end(), '.') > 1)
      return std::nullopt;
    double number = 0;
    const auto parsed = std::from_chars(number_text.data(), number_text.data() + digits, number);
    if (parsed.ec != std::errc()) return std::nullopt;
    text.remove_prefix(digits);
    const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& one) {
      return text.substr(0, one.name.size()) == one.name;
    });
    if (unit == kUnits.end()) return std::nullopt;
    text.remove_prefix(unit->name.size());
    total += number * unit->nanoseconds;
    if (total > kLongest) return std::nullopt;
  }
  return nanoseconds(static_cast<std::int64_t>(negative ? -total : total));
}

Result<HealthcheckSettings> healthcheck_settings(const Instruction& healthcheck) {
  HealthcheckSettings out;
  const std::vector<std::string>& words = healthcheck.words;
  if (words.empty() || words[0] == "NONE") {
    out.test = {"NONE"};
    return out;
  }
  out.test = {healthcheck.exec_form ? "CMD" : "CMD-SHELL"};
  out.test.insert(out.test.end(), words.begin() + 1, words.end());
  SLIP_TRY(read_duration(healthcheck, "interval", out.interval));
  SLIP_TRY(read_duration(healthcheck, "timeout", out.timeout));
  SLIP_TRY(read_duration(healthcheck, "start-period", out.start_period));
  SLIP_TRY(read_duration(healthcheck, "start-interval", out.start_interval));
  const InstructionFlag* retries = healthcheck.flag("retries");
  if (retries == nullptr || retries->value.empty()) return out;
  const auto number = parse_int(retries->value);
  if (!number || *number < 0 || *number > 0x7fffffff)
    return bad("--retries=" + printable(retries->value) + ": not a whole number from 0");
  out.retries = static_cast<int>(*number);
  return out;
}

Result<ExposedPorts> parse_exposed(std::string_view word) {
  const std::string doing = "expose " + quoted(word) + ": ";
  const std::size_t container_at = word.rfind(':') + 1;  // npos + 1 is 0
  std::string_view container = word.substr(container_at);
  ExposedPorts out;
  if (container_at > 0) {
    const std::string_view host = word.substr(0, container_at - 1);
    const std::size_t port_at = host.rfind(':') + 1;
    const std::string_view port = host.substr(port_at);
    const std::string_view address = host.substr(0, port_at == 0 ? 0 : port_at - 1);
    out.names_host = !port.empty() || !address.empty();
    if (!looks_like_address(address)) return bad(doing + "invalid IP address " + quoted(address));
    if (!port.empty() && !port_range(port)) return bad(doing + "invalid host port " + quoted(port));
  }
  const std::size_t slash = container.find('/');
  const std::string_view written =
      slash == std::string_view::npos ? "tcp" : container.substr(slash + 1);
  const std::string protocol = written.empty() ? "tcp" : to_lower(written);
  out.protocol_in_capitals = !written.empty() && written != protocol;
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
    return bad(doing + "unknown protocol " + quoted(protocol) + ", not tcp, udp or sctp");
  const auto range = port_range(container.substr(0, slash));
  if (!range) return bad(doing + "not a port or a range of ports from 0 to 65535");
  for (int port = range->first; port <= range->last; ++port)
    out.ports.push_back(std::to_string(port) + "/" + protocol);
  return out;
}

// Spec: containerd's platform specifiers: os, architecture, os/architecture or os/architecture/variant.
Result<PlatformWord> parse_platform_word(std::string_view text) {
  constexpr std::array<std::string_view, 9> kSystems = {
      "linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "solaris", "wasip1", "plan9"};
  const auto parts = split(text, '/');
  const bool written = std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '.' || c == '-';
    });
  });
  if (!written || parts.size() > 3)
    return bad("parse platform " + quoted(text) +
               ": not os/architecture or os/architecture/variant");
  PlatformWord out;
  if (parts.size() > 1) {
    out.os = to_lower(parts[0]);
    out.architecture = to_lower(parts[1]);
    if (parts.size() > 2) out.variant = to_lower(parts[2]);
    return out;
  }
  const std::string only = to_lower(text);
  const bool system = std::find(kSystems.begin(), kSystems.end(), only) != kSystems.end();
  (system ? out.os : out.architecture) = only;
  return out;
}

}  // namespace slipway::pipeline
