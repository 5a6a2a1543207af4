// Check of nftables: a table is made in a fresh network namespace and goes with it.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "base/sys.h"
#include "sandbox/doctor/probe.h"
#include "sandbox/net/firewall.h"

namespace slipway::sandbox::doctor {
namespace {

struct Message {
  nlmsghdr header;
  nfgenmsg family;
};

void append_message(std::string& batch, std::uint16_t type, std::uint16_t flags,
                    std::uint8_t family, std::uint16_t resource, std::string_view payload) {
  Message message{};
  message.header.nlmsg_len = static_cast<std::uint32_t>(sizeof message + payload.size());
  message.header.nlmsg_type = type;
  message.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  message.family.nfgen_family = family;
  message.family.version = NFNETLINK_V0;
  message.family.res_id = resource;
  batch.append(reinterpret_cast<const char*>(&message), sizeof message);
  batch.append(payload);
}

std::string name_attribute(std::string_view name) {
  nlattr header{};
  header.nla_type = NFTA_TABLE_NAME;
  header.nla_len = static_cast<std::uint16_t>(sizeof header + name.size() + 1);
  std::string out(reinterpret_cast<const char*>(&header), sizeof header);
  out.append(name);
  out.resize((sizeof header + name.size() + 1 + 3) & ~std::size_t{3});
  return out;
}

// Spec: linux/netfilter/nfnetlink.h: changes of nftables come as a batch; res_id is in network byte order.
Status make_table() {
  const Fd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!netlink) return fail_errno("open netfilter socket");
  constexpr std::uint16_t kSubsystem = __builtin_bswap16(NFNL_SUBSYS_NFTABLES);
  std::string batch;
  append_message(batch, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, kSubsystem, "");
  append_message(batch, (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK,
                 NFPROTO_INET, 0, name_attribute("slipway_doctor"));
  append_message(batch, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, kSubsystem, "");
  if (::send(netlink.get(), batch.data(), batch.size(), 0) < 0)
    return fail_errno("ask nftables for a table");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  if (!SLIP_TRY(sys::wait_readable(netlink.get(), deadline))) {
    return fail(ErrorCode::kTimeout, "ask nftables for a table: no answer");
  }
  alignas(nlmsghdr) char answer[4096];
  const ssize_t size = ::recv(netlink.get(), answer, sizeof answer, 0);
  if (size < static_cast<ssize_t>(sizeof(nlmsghdr) + sizeof(nlmsgerr)))
    return fail_errno("read nftables' answer");
  nlmsgerr result{};
  std::memcpy(&result, answer + sizeof(nlmsghdr), sizeof result);
  if (result.error == 0) return {};
  return fail(errno_error(-result.error, "make an nftables table"));
}

}  // namespace

HostCheck check_firewall(const std::string&) {
  const auto tried = in_child([]() -> Status {
    if (!privileged()) {
      SLIP_TRY(enter_user_namespace(CLONE_NEWNET));
    } else if (::unshare(CLONE_NEWNET) != 0) {
      return fail_errno("make network namespace");
    }
    return make_table();
  });
  // An ordinary user may not look, and has no bridge that this could concern.
  const auto dropping = net::Firewall::dropping_chains();
  if (tried && dropping && !dropping->empty()) {
    return warn("chain " + dropping->front() +
                    " of another program drops forwarded packets: containers on bridges reach "
                    "nobody outside",
                "let it accept what comes from and goes to the bridges slip-*");
  }
  if (tried) return ok("nftables tables can be made");
  return warn(tried.error().text() + ": no bridge networks", "modprobe nf_tables");
}

}  // namespace slipway::sandbox::doctor
