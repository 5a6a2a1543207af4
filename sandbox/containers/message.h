#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/result.h"

namespace slipway::sandbox {

/// What goes between a monitor and those who ask it: one JSON object per packet of a SOCK_SEQPACKET socket, with at
/// most one descriptor. What is larger than a packet should be (a command line of a megabyte) lies in a sealed memfd
/// that is sent along. Both ends belong to one user, but neither believes the other: sizes, depth and shape are
/// checked.
struct Message {
  Json body;
  Fd descriptor;
};

/// Never blocks: kUnavailable when the other end does not read, kNotFound when it is gone.
Status send_message(int socket, const Json& body, int descriptor = -1);
/// The next one, or nothing at the end. Blocks unless the socket says otherwise (then kUnavailable).
Result<std::optional<Message>> receive_message(int socket);
/// The body of a packet's text; for receive_message and its fuzzer.
Result<Json> parse_message(std::string_view text);

/// An error as members of a body, and back.
Json error_body(const Error& error);
std::optional<Error> error_of(const Json& body);

/// Listens at `name` in a directory, 0600, replacing what is there. Through /proc/self/fd, because sun_path holds 107
/// bytes and a path with an id in it has more.
Result<Fd> listen_in(int directory, const std::string& name);
/// kNotFound when nobody listens there.
Result<Fd> connect_in(int directory, const std::string& name);
/// kPermission unless the other end of a connection is this user or root (R13).
Status check_peer(int socket);

}  // namespace slipway::sandbox
