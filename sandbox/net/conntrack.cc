// The kernel's table of connections: finding those that were led to a published port's container, and deleting them.
#include "sandbox/net/conntrack.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <cerrno>

#include "sandbox/net/netlink.h"

namespace slipway::sandbox::net {
namespace {

// Linux: net/netfilter/nf_internals.h. A filter saves sending us the whole table; kernels before 5.8 ignore it, so what
// comes is looked at all the same.
constexpr std::uint32_t kBySource = 1 << 0, kByProtocol = 1 << 3, kBySourcePort = 1 << 4;

std::uint16_t message(int kind) {
  return static_cast<std::uint16_t>((NFNL_SUBSYS_CTNETLINK << 8) | kind);
}

nfgenmsg header_for(const FirewallPort& port) {
  const int family = port.target.v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
  return {static_cast<std::uint8_t>(family), NFNETLINK_V0, 0};
}

NetlinkBatch question(const FirewallPort& port) {
  NetlinkBatch batch;
  batch.begin(message(IPCTNL_MSG_CT_GET), NLM_F_DUMP, "list connections");
  batch.put(header_for(port));
  {
    const auto tuple = batch.nest(CTA_TUPLE_REPLY);
    {
      const auto address = batch.nest(CTA_TUPLE_IP);
      batch.bytes(port.target.v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, port.target.wire());
    }
    const auto protocol = batch.nest(CTA_TUPLE_PROTO);
    batch.u8(CTA_PROTO_NUM, IPPROTO_UDP);
    batch.be16(CTA_PROTO_SRC_PORT, port.target_port);
  }
  const auto filter = batch.nest(CTA_FILTER);
  batch.u32(CTA_FILTER_REPLY_FLAGS, kBySource | kByProtocol | kBySourcePort);
  return batch;
}

// The answer comes from the container, under its own address and port.
bool leads_to(const Attributes& connection, const FirewallPort& port) {
  const Attributes reply(connection.find(CTA_TUPLE_REPLY).value_or(""));
  const Attributes address(reply.find(CTA_TUPLE_IP).value_or(""));
  const Attributes protocol(reply.find(CTA_TUPLE_PROTO).value_or(""));
  const char wire_port[] = {static_cast<char>(port.target_port >> 8),
                            static_cast<char>(port.target_port & 0xff)};
  const char udp = IPPROTO_UDP;
  return address.find(port.target.v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC) == port.target.wire() &&
         protocol.find(CTA_PROTO_NUM) == std::string_view(&udp, 1) &&
         protocol.find(CTA_PROTO_SRC_PORT) == std::string_view(wire_port, sizeof wire_port);
}

Status forget_exchanges(NetlinkSocket& socket, const FirewallPort& port) {
  struct Found {
    std::string original, id, zone;
  };
  std::vector<Found> found;
  NetlinkBatch asked = question(port);
  const auto visit = [&](const NetlinkMessage& answer) {
    std::string_view rest = answer.payload;
    take_fixed<nfgenmsg>(rest);
    const Attributes connection(rest);
    if (!leads_to(connection, port)) return;
    const auto text = [&](std::uint16_t type) {
      return std::string(connection.find(type).value_or(""));
    };
    found.push_back({text(CTA_TUPLE_ORIG), text(CTA_ID), text(CTA_ZONE)});
  };
  SLIP_TRY(socket.dump(asked, visit, [&] { found.clear(); }));
  for (const Found& one : found) {
    NetlinkBatch batch;
    batch.begin(message(IPCTNL_MSG_CT_DELETE), NLM_F_ACK, "delete a connection");
    batch.put(header_for(port));
    batch.bytes(CTA_TUPLE_ORIG | NLA_F_NESTED, one.original);
    if (!one.id.empty()) batch.bytes(CTA_ID, one.id);
    if (!one.zone.empty()) batch.bytes(CTA_ZONE, one.zone);
    const auto done = socket.transact(batch);
    if (!done && done.error().sys_errno() != ENOENT) return done;
  }
  return {};
}

}  // namespace

Status forget_exchanges(const std::vector<FirewallPort>& ports) {
  std::optional<NetlinkSocket> socket;
  for (const FirewallPort& port : ports) {
    if (port.protocol != Protocol::kUdp) continue;
    if (!socket) socket = SLIP_TRY(NetlinkSocket::open(NETLINK_NETFILTER));
    const auto done = forget_exchanges(*socket, port);
    // EINVAL: no such subsystem (module nf_conntrack_netlink).
    if (!done && (done.error().sys_errno() == EINVAL || done.error().sys_errno() == EOPNOTSUPP))
      return {};
    if (!done) return done;
  }
  return {};
}

}  // namespace slipway::sandbox::net
