// The name server's sockets inside a container, and the rules that lead port 53 to them.
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>

#include "sandbox/net/nft.h"
#include "sandbox/net/resolv_conf.h"
#include "sandbox/net/service.h"
#include "sandbox/net/socket_address.h"

namespace slipway::sandbox::net {
namespace {

constexpr std::uint16_t kNamePort = 53;
// Before connection tracking, which would slow down all other traffic of the container if we made it necessary: ports
// are rewritten without any state. Spec: linux/netfilter_ipv4.h: NF_IP_PRI_RAW
constexpr int kBeforeTracking = -300;
constexpr std::uint32_t kUdpChecksum = 6, kTcpChecksum = 16;  // RFC 768, RFC 9293
constexpr std::uint32_t kIpSource = 12, kIpDestination = 16;
constexpr std::uint32_t kPortSource = 0, kPortDestination = 2;

Result<Fd> open_socket(int type, std::uint16_t port) {
  Fd fd(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno("open a name server's socket");
  const SocketAddress address(*Address::parse(kOwnServer), port);
  if (::bind(fd.get(), address.get(), address.size()) != 0)
    return fail_errno("bind " + std::string(kOwnServer) + ":" + std::to_string(port));
  if (type == SOCK_STREAM && ::listen(fd.get(), 16) != 0) return fail_errno("listen");
  return fd;
}

std::uint16_t port_of(const Fd& fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &size);
  return SocketAddress::port_of(storage);
}

struct Rewrite {
  std::uint8_t protocol;
  std::uint32_t address_offset, port_offset, checksum_offset;
  std::uint16_t from, to;
};

void add_rewrite(NftBatch& batch, const Rewrite& rewrite) {
  const std::string server(Address::parse(kOwnServer)->wire());
  batch.begin_rule("output");
  batch.payload(NFT_PAYLOAD_NETWORK_HEADER, rewrite.address_offset, 4, reg(0));
  batch.equal(reg(0), server);
  batch.meta(NFT_META_L4PROTO, reg(0));
  batch.equal(reg(0), std::string(1, static_cast<char>(rewrite.protocol)));
  batch.payload(NFT_PAYLOAD_TRANSPORT_HEADER, rewrite.port_offset, 2, reg(0));
  batch.equal(reg(0), key16(rewrite.from).substr(0, 2));
  batch.load(reg(0), key16(rewrite.to).substr(0, 2));
  batch.set_payload(reg(0), NFT_PAYLOAD_TRANSPORT_HEADER, rewrite.port_offset, 2,
                    rewrite.checksum_offset);
}

Status lead_port_53_to(std::uint16_t udp, std::uint16_t tcp) {
  NftBatch batch(NFPROTO_IPV4, "slipway_names");
  batch.add_table("leads 127.0.0.11 port 53 to slipway's name server");
  batch.add_base_chain("output", "filter", NF_INET_LOCAL_OUT, kBeforeTracking);
  add_rewrite(batch, {IPPROTO_UDP, kIpDestination, kPortDestination, kUdpChecksum, kNamePort, udp});
  add_rewrite(batch, {IPPROTO_TCP, kIpDestination, kPortDestination, kTcpChecksum, kNamePort, tcp});
  add_rewrite(batch, {IPPROTO_UDP, kIpSource, kPortSource, kUdpChecksum, udp, kNamePort});
  add_rewrite(batch, {IPPROTO_TCP, kIpSource, kPortSource, kTcpChecksum, tcp, kNamePort});
  return batch.commit();
}

}  // namespace

Result<NameSockets> open_name_sockets() {
  NameSockets sockets;
  sockets.udp = SLIP_TRY(open_socket(SOCK_DGRAM, 0));
  sockets.tcp = SLIP_TRY(open_socket(SOCK_STREAM, 0));
  if (lead_port_53_to(port_of(sockets.udp), port_of(sockets.tcp))) return sockets;
  // Without nftables the port itself has to do; a container's own name server must then avoid 127.0.0.11.
  sockets.udp = SLIP_TRY(open_socket(SOCK_DGRAM, kNamePort));
  sockets.tcp = SLIP_TRY(open_socket(SOCK_STREAM, kNamePort));
  return sockets;
}

}  // namespace slipway::sandbox::net
