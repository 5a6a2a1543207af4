// Questions about links, addresses and routes of a namespace; every answer is parsed with its lengths checked.
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "sandbox/net/links.h"

namespace slipway::sandbox::net {
namespace {

std::optional<LinkInfo> parse_link(const NetlinkMessage& message) {
  if (message.header.nlmsg_type != RTM_NEWLINK) return std::nullopt;
  std::string_view rest = message.payload;
  const auto header = take_fixed<ifinfomsg>(rest);
  if (!header) return std::nullopt;
  const Attributes attributes(rest);
  LinkInfo link;
  link.index = static_cast<std::uint32_t>(header->ifi_index);
  link.name = attributes.text(IFLA_IFNAME);
  link.alias = attributes.text(IFLA_IFALIAS);
  link.mtu = attributes.u32(IFLA_MTU).value_or(0);
  link.master = attributes.u32(IFLA_MASTER).value_or(0);
  link.kind = Attributes(attributes.find(IFLA_LINKINFO).value_or("")).text(IFLA_INFO_KIND);
  return link;
}

bool address_sized(const std::optional<std::string_view>& bytes, int family) {
  return bytes && bytes->size() == (family == AF_INET6 ? 16u : 4u);
}

std::optional<Subnet> parse_address(std::string_view rest) {
  const auto header = take_fixed<ifaddrmsg>(rest);
  if (!header) return std::nullopt;
  const auto bytes = Attributes(rest).find(IFA_ADDRESS);
  if (!address_sized(bytes, header->ifa_family)) return std::nullopt;
  const Address address = Address::from_bytes(*bytes);
  if (header->ifa_prefixlen > address.bits()) return std::nullopt;
  return Subnet::of(address, header->ifa_prefixlen);
}

std::optional<Subnet> parse_route(std::string_view rest) {
  const auto header = take_fixed<rtmsg>(rest);
  if (!header || header->rtm_dst_len == 0) return std::nullopt;
  const auto bytes = Attributes(rest).find(RTA_DST);
  if (!address_sized(bytes, header->rtm_family)) return std::nullopt;
  const Address address = Address::from_bytes(*bytes);
  if (header->rtm_dst_len > address.bits()) return std::nullopt;
  return Subnet::of(address, header->rtm_dst_len);
}

// Loopback, link-local and multicast: never given away anyway.
bool special(const Subnet& subnet) {
  const auto& bytes = subnet.base.bytes;
  if (subnet.base.v6) return bytes[0] == 0xff || bytes[0] == 0xfe || subnet.base.loopback();
  return bytes[0] == 127 || bytes[0] >= 224;
}

}  // namespace

Result<std::optional<LinkInfo>> find_link(NetlinkSocket& socket, const std::string& name) {
  NetlinkBatch batch;
  batch.begin(RTM_GETLINK, 0, "look for link " + name);
  batch.put(ifinfomsg{});
  batch.text(IFLA_IFNAME, name);
  std::optional<LinkInfo> found;
  const auto asked = socket.transact(batch, [&](const NetlinkMessage& message) {
    if (auto link = parse_link(message)) found = std::move(link);
  });
  if (!asked && asked.error().sys_errno() != ENODEV) return fail(asked.error());
  return found;
}

Result<std::vector<LinkInfo>> list_links(NetlinkSocket& socket) {
  NetlinkBatch batch;
  batch.begin(RTM_GETLINK, NLM_F_DUMP, "list links");
  batch.put(ifinfomsg{});
  std::vector<LinkInfo> links;
  SLIP_TRY(socket.dump(
      batch,
      [&](const NetlinkMessage& message) {
        if (auto link = parse_link(message)) links.push_back(std::move(*link));
      },
      [&] { links.clear(); }));
  return links;
}

Result<std::vector<Subnet>> ranges_in_use(NetlinkSocket& socket) {
  std::vector<Subnet> ranges;
  const auto keep = [&](std::optional<Subnet> range) {
    if (range && !special(*range)) ranges.push_back(*range);
  };
  NetlinkBatch addresses;
  addresses.begin(RTM_GETADDR, NLM_F_DUMP, "list addresses");
  addresses.put(ifaddrmsg{});
  SLIP_TRY(socket.dump(
      addresses,
      [&](const NetlinkMessage& message) {
        if (message.header.nlmsg_type == RTM_NEWADDR) keep(parse_address(message.payload));
      },
      [] {}));
  NetlinkBatch routes;
  routes.begin(RTM_GETROUTE, NLM_F_DUMP, "list routes");
  routes.put(rtmsg{});
  SLIP_TRY(socket.dump(
      routes,
      [&](const NetlinkMessage& message) {
        if (message.header.nlmsg_type == RTM_NEWROUTE) keep(parse_route(message.payload));
      },
      [] {}));
  return ranges;
}

Result<Address> source_address(NetlinkSocket& socket, const Address& peer) {
  NetlinkBatch batch;
  batch.begin(RTM_GETROUTE, 0, "find the way to " + peer.str());
  rtmsg header{};
  header.rtm_family = peer.v6 ? AF_INET6 : AF_INET;
  header.rtm_dst_len = static_cast<std::uint8_t>(peer.bits());
  batch.put(header);
  batch.bytes(RTA_DST, peer.wire());
  std::optional<Address> source;
  SLIP_TRY(socket.transact(batch, [&](const NetlinkMessage& message) {
    std::string_view rest = message.payload;
    const auto route = take_fixed<rtmsg>(rest);
    const auto bytes = Attributes(rest).find(RTA_PREFSRC);
    if (route && address_sized(bytes, route->rtm_family)) source = Address::from_bytes(*bytes);
  }));
  if (source) return *source;
  return fail(ErrorCode::kUnavailable, "find the way to " + peer.str() + ": no source address");
}

}  // namespace slipway::sandbox::net
