// Which rules there are, and the exchange with nftables about them.
#include "sandbox/net/firewall.h"

#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "sandbox/net/netlink.h"
#include "sandbox/net/nft.h"

namespace slipway::sandbox::net {
namespace {

// Part of the fingerprint: a program with other rules replaces the table of an older one.
constexpr const char* kRulesVersion = "1";
// Its length is one byte, with a NUL at the end; a table's user data takes 256 bytes (NFT_USERDATA_MAXLEN).
constexpr std::size_t kLongestComment = 252;

// Spec: linux/netfilter_ipv4.h, enum nf_ip_hook_priorities.
constexpr int kRaw = -300, kDestinationNat = -100, kFilter = 0, kSourceNat = 100;

constexpr std::uint32_t kIpv4Source = 12, kIpv4Destination = 16;  // RFC 791
constexpr std::uint32_t kIpv6Source = 8, kIpv6Destination = 24;   // RFC 8200
constexpr std::uint32_t kPortDestination = 2;                     // RFC 9293, RFC 768

std::string family_byte(std::uint8_t family) { return {static_cast<char>(family)}; }

void only_family(NftBatch& batch, bool v6) {
  batch.meta(NFT_META_NFPROTO, reg(0));
  batch.equal(reg(0), family_byte(v6 ? NFPROTO_IPV6 : NFPROTO_IPV4));
}

void only_within(NftBatch& batch, std::uint32_t v4_offset, std::uint32_t v6_offset,
                 const Subnet& subnet) {
  only_family(batch, subnet.base.v6);
  const auto size = static_cast<std::uint32_t>(subnet.base.size());
  batch.payload(NFT_PAYLOAD_NETWORK_HEADER, subnet.base.v6 ? v6_offset : v4_offset, size, reg(0));
  batch.mask(reg(0), subnet.mask().wire());
  batch.equal(reg(0), subnet.base.wire());
}
void only_from(NftBatch& batch, const Subnet& subnet) {
  only_within(batch, kIpv4Source, kIpv6Source, subnet);
}
void only_to(NftBatch& batch, const Subnet& subnet) {
  only_within(batch, kIpv4Destination, kIpv6Destination, subnet);
}

void only_translated(NftBatch& batch) {
  batch.conntrack(NFT_CT_STATUS, reg(0));
  batch.mask(reg(0), host32(IPS_DST_NAT));
  batch.not_equal(reg(0), host32(0));
}

const Subnet& loopback() {
  static const Subnet subnet = *Subnet::parse("127.0.0.0/8");
  return subnet;
}

void add_sets(NftBatch& batch) {
  using enum NftType;
  batch.add_set("bridges", {kInterface});
  batch.add_set("internal", {kInterface});
  batch.add_set("same", {kInterface, kInterface});
  batch.add_set("ports4", {kProtocol, kService}, {kIpv4, kService});
  batch.add_set("ports6", {kProtocol, kService}, {kIpv6, kService});
  batch.add_set("ports4_at", {kIpv4, kProtocol, kService}, {kIpv4, kService});
  batch.add_set("ports6_at", {kIpv6, kProtocol, kService}, {kIpv6, kService});
}

// Finds the packet's destination in a map of ports; what follows acts on ports that are in it.
void find_port(NftBatch& batch, bool v6, bool with_address) {
  only_family(batch, v6);
  std::uint32_t next = 0;
  if (with_address) {
    const std::uint32_t size = v6 ? 16 : 4;
    batch.payload(NFT_PAYLOAD_NETWORK_HEADER, v6 ? kIpv6Destination : kIpv4Destination, size,
                  reg(0));
    next = size / 4;
  }
  batch.meta(NFT_META_L4PROTO, reg(next));
  batch.payload(NFT_PAYLOAD_TRANSPORT_HEADER, kPortDestination, 2, reg(next + 1));
  const std::string map = std::string("ports") + (v6 ? "6" : "4") + (with_address ? "_at" : "");
  batch.look_up_into(map, reg(0), reg(8));
}

void add_raw_rules(NftBatch& batch) {
  batch.add_base_chain("raw", "filter", NF_INET_PRE_ROUTING, kRaw);
  // A bridge with published ports routes 127.0.0.0/8 (for answers to loopback clients): nobody else may use that.
  for (const auto& only : {only_to, only_from}) {
    batch.begin_rule("raw");
    batch.meta(NFT_META_IIFNAME, reg(0));
    batch.lookup("bridges", reg(0));
    only(batch, loopback());
    batch.drop();
  }
  // Nor may anybody else's route_localnet lead to what is published on 127.0.0.1.
  batch.begin_rule("raw");
  batch.meta(NFT_META_IIFNAME, reg(0));
  batch.not_equal(reg(0), interface_key("lo"));
  only_to(batch, loopback());
  find_port(batch, false, true);
  batch.drop();
}

void add_publishing_rules(NftBatch& batch) {
  batch.add_chain("publish");
  for (const bool v6 : {false, true}) {
    for (const bool with_address : {true, false}) {
      batch.begin_rule("publish");
      find_port(batch, v6, with_address);
      batch.dnat(v6 ? NFPROTO_IPV6 : NFPROTO_IPV4, reg(8), reg(v6 ? 12 : 9));
    }
  }
  batch.add_base_chain("prerouting", "nat", NF_INET_PRE_ROUTING, kDestinationNat);
  // From outside 127.0.0.1 is never meant, even where somebody has made it routable.
  batch.begin_rule("prerouting");
  only_to(batch, loopback());
  batch.leave();
  batch.add_base_chain("output", "nat", NF_INET_LOCAL_OUT, kDestinationNat);
  // ::1 cannot be translated (no route_localnet in IPv6): the relay serves it.
  batch.begin_rule("output");
  only_to(batch, *Subnet::parse("::1/128"));
  batch.leave();
  for (const char* chain : {"prerouting", "output"}) {
    batch.begin_rule(chain);
    batch.destination_kind(reg(0));
    batch.equal(reg(0), host32(RTN_LOCAL));
    batch.jump("publish");
  }
}

void add_source_rules(NftBatch& batch, const std::vector<FirewallNetwork>& networks) {
  batch.add_base_chain("postrouting", "nat", NF_INET_POST_ROUTING, kSourceNat);
  batch.begin_rule("postrouting");
  batch.meta(NFT_META_OIFNAME, reg(0));
  batch.lookup("bridges", reg(0));
  only_from(batch, loopback());
  batch.masquerade();
  for (const FirewallNetwork& network : networks) {
    for (const Subnet& subnet : network.subnets) {
      if (network.masquerade && !network.internal) {
        batch.begin_rule("postrouting");
        only_from(batch, subnet);
        batch.meta(NFT_META_OIFNAME, reg(0));
        batch.not_equal(reg(0), interface_key(network.bridge));
        batch.masquerade();
      }
      // A container that asks for a port published by its own network: the answer has to come back this way.
      batch.begin_rule("postrouting");
      only_from(batch, subnet);
      batch.meta(NFT_META_OIFNAME, reg(0));
      batch.equal(reg(0), interface_key(network.bridge));
      only_translated(batch);
      batch.masquerade();
    }
  }
}

void add_forward_rules(NftBatch& batch) {
  constexpr std::uint32_t kEstablished = 1u << (IP_CT_ESTABLISHED + 1);
  constexpr std::uint32_t kRelated = 1u << (IP_CT_RELATED + 1);
  batch.add_base_chain("forward", "filter", NF_INET_FORWARD, kFilter);
  batch.begin_rule("forward");
  batch.conntrack(NFT_CT_STATE, reg(0));
  batch.mask(reg(0), host32(kEstablished | kRelated));
  batch.not_equal(reg(0), host32(0));
  batch.accept();
  batch.begin_rule("forward");
  batch.meta(NFT_META_IIFNAME, reg(0));
  batch.meta(NFT_META_OIFNAME, reg(4));
  batch.lookup("same", reg(0));
  batch.accept();
  for (const std::uint32_t side : {NFT_META_IIFNAME, NFT_META_OIFNAME}) {
    batch.begin_rule("forward");
    batch.meta(side, reg(0));
    batch.lookup("internal", reg(0));
    batch.drop();
  }
  batch.begin_rule("forward");
  batch.meta(NFT_META_OIFNAME, reg(4));
  batch.lookup("bridges", reg(4));
  only_translated(batch);
  batch.accept();
  batch.begin_rule("forward");
  batch.meta(NFT_META_OIFNAME, reg(0));
  batch.lookup("bridges", reg(0));
  batch.drop();
}

std::string fingerprint(const std::vector<FirewallNetwork>& networks) {
  std::uint64_t hash = 14'695'981'039'346'656'037ull;  // FNV-1a: tells apart, protects nothing.
  const auto add = [&](const std::string& text) {
    for (const char c : text + '\n') {
      hash = (hash ^ static_cast<std::uint8_t>(c)) * 1'099'511'628'211ull;
    }
  };
  add(kRulesVersion);
  for (const FirewallNetwork& network : networks) {
    add(network.bridge + (network.internal ? " internal" : "") +
        (network.masquerade ? " masquerade" : "") + (network.among ? " among" : ""));
    for (const Subnet& subnet : network.subnets) add(subnet.str());
  }
  return std::to_string(hash);
}

void fill(NftBatch& batch, const std::vector<FirewallNetwork>& networks,
          const std::string& comment) {
  batch.add_table("");  // So that the next line never fails.
  batch.delete_table();
  batch.add_table(comment);
  add_sets(batch);
  std::vector<NftBatch::Element> bridges, internal, same;
  for (const FirewallNetwork& network : networks) {
    const std::string key = interface_key(network.bridge);
    bridges.push_back({key, ""});
    if (network.among) same.push_back({key + key, ""});
    if (network.internal) internal.push_back({key, ""});
  }
  batch.add_elements("bridges", bridges);
  batch.add_elements("internal", internal);
  batch.add_elements("same", same);
  add_raw_rules(batch);
  add_publishing_rules(batch);
  add_source_rules(batch, networks);
  add_forward_rules(batch);
}

std::uint8_t protocol_number(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp:
      return IPPROTO_TCP;
    case Protocol::kUdp:
      return IPPROTO_UDP;
    case Protocol::kSctp:
      return IPPROTO_SCTP;
  }
  return 0;
}

std::string map_of(const FirewallPort& port) {
  return std::string("ports") + (port.host.v6 ? "6" : "4") + (port.host.unspecified() ? "" : "_at");
}

NftBatch::Element element_of(const FirewallPort& port) {
  NftBatch::Element element;
  if (!port.host.unspecified()) element.key = port.host.wire();
  element.key += key8(protocol_number(port.protocol)) + key16(port.host_port);
  element.data = std::string(port.target.wire()) + key16(port.target_port);
  return element;
}

constexpr const char* kMaps[] = {"ports4", "ports6", "ports4_at", "ports6_at"};

std::vector<NftBatch::Element> elements_for(const char* map,
                                            const std::vector<FirewallPort>& ports) {
  std::vector<NftBatch::Element> elements;
  for (const FirewallPort& port : ports) {
    if (map_of(port) == map) elements.push_back(element_of(port));
  }
  return elements;
}

// One GET request about our table.
template <typename Visit>
Status ask(const std::string& table, std::uint16_t message, std::uint16_t flags,
           std::uint16_t name_attribute, Visit&& visit) {
  NetlinkSocket socket = SLIP_TRY(NetlinkSocket::open(NETLINK_NETFILTER));
  NetlinkBatch request;
  request.begin(static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | message), flags,
                "read nftables table " + table);
  request.put(nfgenmsg{NFPROTO_INET, NFNETLINK_V0, 0});
  request.text(name_attribute, table);
  if ((flags & NLM_F_DUMP) != 0) return socket.dump(request, visit, [] {});
  return socket.transact(request, visit);
}

// "managed by slipway, FINGERPRINT, OWNER"
constexpr std::string_view kCommentStart = "managed by slipway, ";

std::string owner_in(std::string_view userdata) {
  const std::size_t start = userdata.find(kCommentStart);
  if (start == std::string_view::npos) return "";
  const std::string_view rest = userdata.substr(start + kCommentStart.size());
  const std::size_t comma = rest.find(", ");
  if (comma == std::string_view::npos) return "";
  const std::string_view owner = rest.substr(comma + 2);
  return std::string(owner.substr(0, owner.find('\0')));
}

}  // namespace

std::string Firewall::comment(const std::vector<FirewallNetwork>& networks) const {
  std::string text = std::string(kCommentStart) + fingerprint(networks) + ", " + owner_;
  text.resize(std::min(text.size(), kLongestComment));
  return text;
}

Result<std::vector<Firewall::Table>> Firewall::tables() {
  NetlinkSocket socket = SLIP_TRY(NetlinkSocket::open(NETLINK_NETFILTER));
  NetlinkBatch request;
  request.begin((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE, NLM_F_DUMP, "list nftables tables");
  request.put(nfgenmsg{NFPROTO_INET, NFNETLINK_V0, 0});
  std::vector<Table> tables;
  const auto visit = [&](const NetlinkMessage& message) {
    std::string_view rest = message.payload;
    take_fixed<nfgenmsg>(rest);
    const Attributes table(rest);
    std::string name = table.text(NFTA_TABLE_NAME);
    std::string owner = owner_in(table.find(NFTA_TABLE_USERDATA).value_or(""));
    if (name.starts_with("slipway")) tables.push_back({std::move(name), std::move(owner)});
  };
  SLIP_TRY(socket.dump(request, visit, [&] { tables.clear(); }));
  return tables;
}

Status Firewall::write(const std::vector<FirewallNetwork>& networks,
                       const std::vector<FirewallPort>& ports) const {
  NftBatch batch(NFPROTO_INET, table_);
  fill(batch, networks, comment(networks));
  for (const char* map : kMaps) batch.add_elements(map, elements_for(map, ports));
  return batch.commit();
}

Result<bool> Firewall::intact(const std::vector<FirewallNetwork>& networks) const {
  NftBatch expected(NFPROTO_INET, table_);
  const std::string wanted = comment(networks);
  fill(expected, networks, wanted);
  bool same = false;
  const auto asked =
      ask(table_, NFT_MSG_GETTABLE, 0, NFTA_TABLE_NAME, [&](const NetlinkMessage& message) {
        std::string_view rest = message.payload;
        take_fixed<nfgenmsg>(rest);
        const auto data = Attributes(rest).find(NFTA_TABLE_USERDATA);
        same = data && data->find(wanted) != std::string_view::npos;
      });
  if (!asked && asked.error().sys_errno() == ENOENT) return false;
  if (!asked) return fail(asked.error());
  if (!same) return false;
  int rules = 0;
  SLIP_TRY(ask(table_, NFT_MSG_GETRULE, NLM_F_DUMP, NFTA_RULE_TABLE,
               [&](const NetlinkMessage&) { ++rules; }));
  return rules == expected.rules();
}

Status Firewall::remove() const {
  NftBatch batch(NFPROTO_INET, table_);
  batch.add_table("");
  batch.delete_table();
  return batch.commit();
}

Status Firewall::publish(const std::vector<FirewallPort>& ports) const {
  const auto add = [&]() -> Status {
    NftBatch batch(NFPROTO_INET, table_);
    for (const char* map : kMaps) batch.add_elements(map, elements_for(map, ports));
    return batch.commit();
  };
  auto done = add();
  // The port is ours (we hold its socket): what is in the map was left by somebody who is dead.
  if (!done && (done.error().sys_errno() == EBUSY || done.error().sys_errno() == EEXIST)) {
    SLIP_TRY(withdraw(ports));
    done = add();
  }
  return done;
}

Status Firewall::withdraw(const std::vector<FirewallPort>& ports) const {
  for (const FirewallPort& port : ports) {
    // One at a time: a missing element would undo the removal of all others.
    NftBatch batch(NFPROTO_INET, table_);
    batch.remove_elements(map_of(port), {{element_of(port).key, ""}});
    const auto done = batch.commit();
    if (!done && done.error().sys_errno() != ENOENT) return done;
  }
  return {};
}

Result<std::vector<std::string>> Firewall::dropping_chains() {
  NetlinkSocket socket = SLIP_TRY(NetlinkSocket::open(NETLINK_NETFILTER));
  NetlinkBatch request;
  request.begin((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETCHAIN, NLM_F_DUMP, "list nftables chains");
  request.put(nfgenmsg{NFPROTO_UNSPEC, NFNETLINK_V0, 0});
  std::vector<std::string> chains;
  const auto visit = [&](const NetlinkMessage& message) {
    std::string_view rest = message.payload;
    const auto family = take_fixed<nfgenmsg>(rest);
    const Attributes chain(rest);
    const auto hook = Attributes(chain.find(NFTA_CHAIN_HOOK).value_or("")).u32(NFTA_HOOK_HOOKNUM);
    const auto policy = chain.u32(NFTA_CHAIN_POLICY);
    const bool ours = chain.text(NFTA_CHAIN_TABLE).starts_with("slipway");
    if (!family || !hook || !policy || ours || __builtin_bswap32(*hook) != NF_INET_FORWARD ||
        __builtin_bswap32(*policy) != NF_DROP)
      return;
    const char* name = family->nfgen_family == NFPROTO_IPV4   ? "ip "
                       : family->nfgen_family == NFPROTO_IPV6 ? "ip6 "
                       : family->nfgen_family == NFPROTO_INET ? "inet "
                                                              : nullptr;
    if (name != nullptr)
      chains.push_back(name + chain.text(NFTA_CHAIN_TABLE) + " " + chain.text(NFTA_CHAIN_NAME));
  };
  SLIP_TRY(socket.dump(request, visit, [&] { chains.clear(); }));
  return chains;
}

Result<Fd> Firewall::watch() {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!fd) return fail_errno("open netfilter socket");
  // Every published port of the machine changes elements; only removals of the larger things wake us. The first
  // message of a datagram decides: a flush begins with rules.
  const auto type = [](int message) {
    return static_cast<std::uint32_t>(
        __builtin_bswap16(static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | message)));
  };
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4),  // nlmsg_type, which is in this machine's order
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, type(NFT_MSG_DELTABLE), 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, type(NFT_MSG_DELCHAIN), 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, type(NFT_MSG_DELRULE), 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffff),
  };
  const sock_fprog filter{std::size(program), program};
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
    return fail_errno("filter netfilter events");
  // Without an address of its own a socket counts as the kernel, which is not told what it did itself.
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&own), sizeof own) != 0)
    return fail_errno("bind netfilter socket");
  const int group = NFNLGRP_NFTABLES;
  if (::setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
    return fail_errno("watch nftables");
  return fd;
}

}  // namespace slipway::sandbox::net
