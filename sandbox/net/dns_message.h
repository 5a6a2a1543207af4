#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/net/address.h"

namespace slipway::sandbox::net {

/// As much of the domain name system as a server for container names needs. Every message comes from a stranger.
/// Spec: RFC 1035, RFC 6891 (EDNS).

inline constexpr std::uint16_t kTypeA = 1, kTypePtr = 12, kTypeAaaa = 28, kTypeOpt = 41,
                               kTypeAny = 255;
inline constexpr std::uint16_t kClassIn = 1, kClassAny = 255;
inline constexpr std::size_t kUdpAnswerLimit = 512;  ///< Without EDNS. RFC 1035, 4.2.1
inline constexpr std::size_t kMessageLimit = 65'535;

enum class DnsCode : std::uint8_t {
  kOk = 0,
  kFormat = 1,
  kServerFailure = 2,
  kNoSuchName = 3,
  kNotImplemented = 4,
  kRefused = 5
};

/// A question of one name. The raw part is kept: an answer repeats it byte for byte, letters' case included.
struct DnsQuery {
  std::uint16_t id = 0;
  bool recursion_desired = false;
  std::string
      name;  ///< Lower case, without the last dot; bytes that are no plain letters stay as they are.
  std::uint16_t type = 0;
  std::uint16_t klass = 0;
  std::string question;  ///< Name, type and class as received.
  bool edns = false;
  std::size_t answer_limit = kUdpAnswerLimit;  ///< What the asker takes by UDP.
};

/// What to say to a message that is no query we can serve: nothing at all (`answer` empty), or an error message.
struct DnsRejection {
  std::string answer;
};
/// A question that can be answered, or what to say instead.
tl::expected<DnsQuery, DnsRejection> parse_query(std::string_view message);

/// Reads the name at `at`, following compression pointers, which may only lead backwards. Nothing when it is malformed
/// or longer than 255 bytes. `at` moves behind the name.
std::optional<std::string> read_name(std::string_view message, std::size_t& at);

/// Answers made by us. Records beyond `limit` bytes are left out and the message says so (TC).
std::string answer_addresses(const DnsQuery& query, const std::vector<Address>& addresses,
                             std::size_t limit);
std::string answer_name(const DnsQuery& query, std::string_view name);
std::string answer_code(const DnsQuery& query,
                        DnsCode code);  ///< kOk: the name has no such record.

/// Is `message` an answer to the question that was sent with `id`?
bool answers(std::string_view message, std::uint16_t id, const DnsQuery& query);
void set_id(std::string& message, std::uint16_t id);
DnsCode code_of(std::string_view message);
/// The same answer cut to its question, marked as truncated: the asker then comes by TCP.
std::string truncated(std::string_view message, const DnsQuery& query);

/// "2.0.17.172.in-addr.arpa" -> 172.17.0.2; likewise ip6.arpa.
std::optional<Address> address_of_reverse_name(std::string_view name);

}  // namespace slipway::sandbox::net
