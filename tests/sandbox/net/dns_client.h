#pragma once

#include <string>
#include <vector>

#include "sandbox/net/dns_message.h"
#include "tests/sandbox/net/network_fixture.h"

namespace slipway::sandbox::net {

/// What a resolver in a container would see.
struct DnsReply {
  bool came = false;
  int code = -1;
  bool truncated = false;
  std::vector<std::string> answers;  ///< Addresses or names.
  std::string raw;
};

inline std::string dns_question(std::string_view name, std::uint16_t type, std::uint16_t id = 77,
                                bool edns = false) {
  std::string out = {static_cast<char>(id >> 8), static_cast<char>(id & 0xff), 1, 0, 0, 1};
  out.append(5, '\0');
  out += edns ? '\1' : '\0';
  for (const std::string_view label : split(name, '.')) {
    out += static_cast<char>(label.size());
    out += label;
  }
  out += '\0';
  for (const unsigned value : {unsigned{type}, 1u}) {
    out += static_cast<char>(value >> 8);
    out += static_cast<char>(value & 0xff);
  }
  if (edns) out += std::string("\0\0\x29\x10\0\0\0\0\0\0\0", 11);
  return out;
}

inline DnsReply parse_reply(std::string raw) {
  DnsReply reply;
  reply.raw = std::move(raw);
  const std::string& m = reply.raw;
  const auto at16 = [&](std::size_t at) {
    return at + 2 > m.size()
               ? 0
               : static_cast<std::uint8_t>(m[at]) << 8 | static_cast<std::uint8_t>(m[at + 1]);
  };
  if (m.size() < 12) return reply;
  reply.came = true;
  reply.code = at16(2) & 15;
  reply.truncated = (at16(2) & 0x200) != 0;
  std::size_t at = 12;
  if (at16(4) == 1) {
    if (!read_name(m, at)) return reply;
    at += 4;
  }
  for (int i = 0; i < at16(6); ++i) {
    if (!read_name(m, at)) return reply;
    const int type = at16(at), length = at16(at + 8);
    at += 10;
    if (type == kTypeA || type == kTypeAaaa) {
      reply.answers.push_back(
          Address::from_bytes(std::string_view(m).substr(at, static_cast<std::size_t>(length)))
              .str());
    } else if (type == kTypePtr) {
      std::size_t place = at;
      reply.answers.push_back(read_name(m, place).value_or("?"));
    }
    at += static_cast<std::size_t>(length);
  }
  return reply;
}

inline DnsReply ask_udp(const Fd& space, const std::string& question,
                        Millis patience = Millis(9000)) {
  const Fd socket = reach(space, "127.0.0.11", 53, patience, SOCK_DGRAM);
  if (!socket || ::send(socket.get(), question.data(), question.size(), 0) !=
                     static_cast<ssize_t>(question.size()))
    return {};
  pollfd wait{socket.get(), POLLIN, 0};
  std::string raw(65'535, '\0');
  if (::poll(&wait, 1, static_cast<int>(patience.count())) != 1) return {};
  const ssize_t size = ::recv(socket.get(), raw.data(), raw.size(), 0);
  return size < 0 ? DnsReply() : parse_reply(raw.substr(0, static_cast<std::size_t>(size)));
}
inline DnsReply ask(const Fd& space, std::string_view name, std::uint16_t type = kTypeA) {
  return ask_udp(space, dns_question(name, type));
}

inline std::string framed(const std::string& message) {
  return std::string{static_cast<char>(message.size() >> 8),
                     static_cast<char>(message.size() & 0xff)} +
         message;
}
/// One framed message from a stream; "" at its end.
inline std::string read_framed(const Fd& stream) {
  std::string data;
  for (;;) {
    if (data.size() >= 2) {
      const std::size_t size = static_cast<std::size_t>(static_cast<std::uint8_t>(data[0])) << 8 |
                               static_cast<std::uint8_t>(data[1]);
      if (data.size() == size + 2) return data.substr(2);
    }
    pollfd wait{stream.get(), POLLIN, 0};
    char byte;  // One by one, so that the next message stays in the stream.
    if (::poll(&wait, 1, 9000) != 1 || ::recv(stream.get(), &byte, 1, 0) != 1) return "";
    data += byte;
  }
}

}  // namespace slipway::sandbox::net
