// Reading and writing messages of the domain name system. No sockets here; fuzzed by tests/fuzz/dns_fuzz.cc.
#include "sandbox/net/dns_message.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::sandbox::net {
namespace {

constexpr std::size_t kHeaderSize = 12;
constexpr std::size_t kNameLimit = 255;  // RFC 1035, 2.3.4, as on the wire
constexpr std::uint16_t kResponse = 0x8000, kOpcodeMask = 0x7800, kAuthoritative = 0x0400,
                        kTruncated = 0x0200, kRecursionDesired = 0x0100, kRecursionAvailable = 0x80;
// Long enough to spare questions, short enough that a restarted container is found again.
constexpr std::uint32_t kSecondsToLive = 5;
constexpr std::uint16_t kOurUdpLimit =
    1232;  // What passes every link unfragmented. dnsflagday.net/2020

std::optional<std::uint16_t> read16(std::string_view bytes, std::size_t at) {
  if (at + 2 > bytes.size()) return std::nullopt;
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[at]) << 8 |
                                    static_cast<std::uint8_t>(bytes[at + 1]));
}
void put16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xff);
}
void set16(std::string& out, std::size_t at, unsigned value) {
  out[at] = static_cast<char>(value >> 8);
  out[at + 1] = static_cast<char>(value & 0xff);
}

std::string header(const DnsQuery& query, DnsCode code, unsigned answers) {
  std::string out;
  put16(out, query.id);
  unsigned flags = kResponse | kAuthoritative | kRecursionAvailable;
  if (query.recursion_desired) flags |= kRecursionDesired;
  put16(out, flags | static_cast<unsigned>(code));
  put16(out, 1);
  put16(out, answers);
  put16(out, 0);
  put16(out, query.edns ? 1 : 0);
  return out + query.question;
}

// RFC 6891, 7: who asks with EDNS is answered with it.
void end_message(std::string& out, const DnsQuery& query) {
  if (!query.edns) return;
  out += '\0';
  put16(out, kTypeOpt);
  put16(out, kOurUdpLimit);
  out.append(6, '\0');  // Extended code and flags; no options.
}

std::string error_without_question(std::uint16_t id, std::uint16_t flags, DnsCode code) {
  std::string out;
  put16(out, id);
  put16(out, kResponse | (flags & (kOpcodeMask | kRecursionDesired)) | static_cast<unsigned>(code));
  out.append(8, '\0');
  return out;
}

// The OPT record of the additional section, if the message is otherwise empty behind its question. Anything odd there
// is none of our business: the answer is then as without EDNS.
void read_edns(std::string_view message, std::size_t at, DnsQuery& query) {
  const auto answers = read16(message, 6), authorities = read16(message, 8);
  const auto additional = read16(message, 10);
  if (answers != 0 || authorities != 0 || !additional) return;
  for (unsigned i = 0; i < std::min<unsigned>(*additional, 4); ++i) {
    const auto name = read_name(message, at);
    const auto type = read16(message, at), size = read16(message, at + 2);
    const auto length = read16(message, at + 8);
    if (!name || !type || !size || !length) return;
    if (*type == kTypeOpt && name->empty()) {
      query.edns = true;
      query.answer_limit = std::clamp<std::size_t>(*size, kUdpAnswerLimit, 4096);
      return;
    }
    at += 10 + *length;
  }
}

std::string wire_name(std::string_view name) {
  std::string out;
  for (const std::string_view label : split(name, '.')) {
    if (label.empty()) continue;
    const std::string_view cut = label.substr(0, 63);
    out += static_cast<char>(cut.size());
    out += cut;
  }
  if (out.size() > kNameLimit - 1) out.clear();
  return out + '\0';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::optional<std::string> read_name(std::string_view message, std::size_t& at) {
  std::string name;
  std::size_t place = at, wire = 1;
  std::size_t earliest = at;  // Each pointer leads further back than the one before: no loops.
  bool jumped = false;
  for (;;) {
    if (place >= message.size()) return std::nullopt;
    const auto length = static_cast<std::uint8_t>(message[place]);
    if ((length & 0xc0) == 0xc0) {
      const auto pointer = read16(message, place);
      if (!pointer) return std::nullopt;
      const std::size_t target = *pointer & 0x3fff;
      if (target >= earliest || target < kHeaderSize) return std::nullopt;
      if (!jumped) at = place + 2;
      jumped = true;
      place = earliest = target;
      continue;
    }
    if (length > 63) return std::nullopt;
    if (length == 0) {
      if (!jumped) at = place + 1;
      return to_lower(name);
    }
    wire += length + 1u;
    if (wire > kNameLimit || place + 1 + length > message.size()) return std::nullopt;
    // A dot inside a label would make two names look alike.
    const std::string_view label = message.substr(place + 1, length);
    if (label.find('.') != std::string_view::npos) return std::nullopt;
    if (!name.empty()) name += '.';
    name += label;
    place += length + 1u;
  }
}

tl::expected<DnsQuery, DnsRejection> parse_query(std::string_view message) {
  const auto id = read16(message, 0), flags = read16(message, 2), questions = read16(message, 4);
  if (message.size() < kHeaderSize || !id || !flags || !questions || (*flags & kResponse) != 0)
    return tl::unexpected(DnsRejection{});
  if ((*flags & kOpcodeMask) != 0)
    return tl::unexpected(
        DnsRejection{error_without_question(*id, *flags, DnsCode::kNotImplemented)});
  const DnsRejection malformed{error_without_question(*id, *flags, DnsCode::kFormat)};
  if (*questions != 1) return tl::unexpected(malformed);
  DnsQuery query;
  query.id = *id;
  query.recursion_desired = (*flags & kRecursionDesired) != 0;
  std::size_t at = kHeaderSize;
  // A question has no name before it to point to: pointers in it are refused by read_name.
  auto name = read_name(message, at);
  const auto type = read16(message, at), klass = read16(message, at + 2);
  if (!name || !type || !klass) return tl::unexpected(malformed);
  if (at - kHeaderSize > kNameLimit) return tl::unexpected(malformed);
  query.name = *std::move(name);
  query.type = *type;
  query.klass = *klass;
  query.question = message.substr(kHeaderSize, at + 4 - kHeaderSize);
  read_edns(message, at + 4, query);
  return query;
}

std::string answer_addresses(const DnsQuery& query, const std::vector<Address>& addresses,
                             std::size_t limit) {
  std::string out = header(query, DnsCode::kOk, 0);
  const std::size_t tail = query.edns ? 11 : 0;
  unsigned count = 0;
  for (const Address& address : addresses) {
    if (out.size() + 12 + address.size() + tail > limit) {
      set16(out, 2, read16(out, 2).value_or(0) | kTruncated);
      break;
    }
    put16(out, 0xc000 | kHeaderSize);  // The question's name.
    put16(out, address.v6 ? kTypeAaaa : kTypeA);
    put16(out, kClassIn);
    put16(out, 0);
    put16(out, kSecondsToLive);
    put16(out, static_cast<unsigned>(address.size()));
    out += address.wire();
    ++count;
  }
  set16(out, 6, count);
  end_message(out, query);
  return out;
}

std::string answer_name(const DnsQuery& query, std::string_view name) {
  std::string out = header(query, DnsCode::kOk, 1);
  put16(out, 0xc000 | kHeaderSize);
  put16(out, kTypePtr);
  put16(out, kClassIn);
  put16(out, 0);
  put16(out, kSecondsToLive);
  const std::string wire = wire_name(name);
  put16(out, static_cast<unsigned>(wire.size()));
  out += wire;
  end_message(out, query);
  return out;
}

std::string answer_code(const DnsQuery& query, DnsCode code) {
  std::string out = header(query, code, 0);
  end_message(out, query);
  return out;
}

bool answers(std::string_view message, std::uint16_t id, const DnsQuery& query) {
  const auto flags = read16(message, 2);
  if (message.size() < kHeaderSize || read16(message, 0) != id || !flags ||
      (*flags & kResponse) == 0)
    return false;
  // Some servers leave the question out of errors. RFC 1035 wants it; without it only the id and port speak for them.
  if (read16(message, 4) == 0) return (*flags & 0x0f) != 0 && message.size() == kHeaderSize;
  return read16(message, 4) == 1 && message.substr(kHeaderSize).starts_with(query.question);
}

void set_id(std::string& message, std::uint16_t id) {
  if (message.size() >= 2) set16(message, 0, id);
}

DnsCode code_of(std::string_view message) {
  return static_cast<DnsCode>(read16(message, 2).value_or(2) & 0x0f);
}

std::string truncated(std::string_view message, const DnsQuery& query) {
  std::string out(message.substr(0, 4));
  out.resize(4, '\0');
  set16(out, 2, read16(out, 2).value_or(0) | kTruncated);
  put16(out, 1);
  out.append(6, '\0');
  return out + query.question;
}

std::optional<Address> address_of_reverse_name(std::string_view name) {
  constexpr std::string_view kV4 = ".in-addr.arpa", kV6 = ".ip6.arpa";
  if (name.ends_with(kV4)) {
    name.remove_suffix(kV4.size());
    const auto parts = split(name, '.');
    if (parts.size() != 4) return std::nullopt;
    std::string forward;
    for (std::size_t i = parts.size(); i-- > 0;)
      forward += std::string(parts[i]) + (i == 0 ? "" : ".");
    return Address::parse(forward);
  }
  if (!name.ends_with(kV6)) return std::nullopt;
  name.remove_suffix(kV6.size());
  const auto digits = split(name, '.');
  if (digits.size() != 32) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 32; i > 0; i -= 2) {
    if (digits[i - 1].size() != 1 || digits[i - 2].size() != 1) return std::nullopt;
    const int high = hex_digit(digits[i - 1][0]), low = hex_digit(digits[i - 2][0]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return Address::from_bytes(bytes);
}

}  // namespace slipway::sandbox::net
