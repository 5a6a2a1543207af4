// The messages of nftables. Numbers inside its attributes are in network order.
#include "sandbox/net/nft.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <algorithm>

namespace slipway::sandbox::net {
namespace {

// A nested attribute holds 64 KiB; an element takes at most 100 bytes.
constexpr std::size_t kElementsPerMessage = 256;
// Spec: libnftnl, udata.h: NFTNL_UDATA_TABLE_COMMENT.
constexpr char kTableComment = 0;
// Likewise: NFTNL_UDATA_SET_KEYBYTEORDER.
constexpr char kSetByteOrder = 0;
constexpr std::uint32_t kTypeBits = 6;  // Of a concatenation. Spec: nftables, datatype.h: TYPE_BITS

std::uint32_t number(Reg reg) { return static_cast<std::uint32_t>(reg); }

std::uint32_t length_of(NftType type) {
  if (type == NftType::kIpv6 || type == NftType::kInterface) return 16;
  return 4;  // Shorter ones fill a register, too.
}
// Alone, a value has its true length; in a concatenation each part fills whole registers.
std::uint32_t length_of(std::initializer_list<NftType> types) {
  std::uint32_t sum = 0;
  for (const NftType type : types) sum += length_of(type);
  return sum;
}
std::uint32_t type_of(std::initializer_list<NftType> types) {
  std::uint32_t sum = 0;
  for (const NftType type : types) sum = (sum << kTypeBits) | static_cast<std::uint32_t>(type);
  return sum;
}

}  // namespace

NftBatch::NftBatch(std::uint8_t family, std::string table)
    : family_(family), table_(std::move(table)) {
  batch_.begin(NFNL_MSG_BATCH_BEGIN, 0, "begin a change of the firewall");
  batch_.put(nfgenmsg{AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES)});
}

void NftBatch::begin(std::uint16_t message, std::uint16_t flags, std::string doing) {
  list_.reset();
  batch_.begin(static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | message), flags,
               std::move(doing));
  batch_.put(nfgenmsg{family_, NFNETLINK_V0, 0});
}

void NftBatch::add_table(std::string_view comment) {
  begin(NFT_MSG_NEWTABLE, NLM_F_CREATE, "make nftables table " + table_);
  batch_.text(NFTA_TABLE_NAME, table_);
  batch_.be32(NFTA_TABLE_FLAGS, 0);
  if (comment.empty()) return;
  std::string data{kTableComment, static_cast<char>(comment.size() + 1)};
  data.append(comment).push_back('\0');
  batch_.bytes(NFTA_TABLE_USERDATA, data);
}

void NftBatch::delete_table() {
  begin(NFT_MSG_DELTABLE, 0, "delete nftables table " + table_);
  batch_.text(NFTA_TABLE_NAME, table_);
}

void NftBatch::add_base_chain(const std::string& name, const char* type, std::uint32_t hook,
                              int priority) {
  begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE, "make nftables chain " + name);
  batch_.text(NFTA_CHAIN_TABLE, table_);
  batch_.text(NFTA_CHAIN_NAME, name);
  batch_.text(NFTA_CHAIN_TYPE, type);
  const auto place = batch_.nest(NFTA_CHAIN_HOOK);
  batch_.be32(NFTA_HOOK_HOOKNUM, hook);
  batch_.be32(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(priority));
}

void NftBatch::add_chain(const std::string& name) {
  begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE, "make nftables chain " + name);
  batch_.text(NFTA_CHAIN_TABLE, table_);
  batch_.text(NFTA_CHAIN_NAME, name);
}

void NftBatch::add_set(const std::string& name, std::initializer_list<NftType> key,
                       std::initializer_list<NftType> data) {
  begin(NFT_MSG_NEWSET, NLM_F_CREATE, "make nftables set " + name);
  batch_.text(NFTA_SET_TABLE, table_);
  batch_.text(NFTA_SET_NAME, name);
  batch_.be32(NFTA_SET_FLAGS, data.size() == 0 ? 0 : NFT_SET_MAP);
  batch_.be32(NFTA_SET_KEY_TYPE, type_of(key));
  batch_.be32(NFTA_SET_KEY_LEN, length_of(key));
  if (data.size() != 0) {
    batch_.be32(NFTA_SET_DATA_TYPE, type_of(data));
    batch_.be32(NFTA_SET_DATA_LEN, length_of(data));
  }
  batch_.be32(NFTA_SET_ID, 1);
  // Names of interfaces are no numbers: tells the nft program not to turn them around.
  if (*key.begin() == NftType::kInterface) {
    constexpr std::uint32_t kHostOrder = 1;
    batch_.bytes(NFTA_SET_USERDATA, std::string{kSetByteOrder, 4} + host32(kHostOrder));
  }
}

void NftBatch::put_elements(const std::string& set, const std::vector<Element>& elements,
                            std::uint16_t message, std::uint16_t flags) {
  for (std::size_t first = 0; first < elements.size(); first += kElementsPerMessage) {
    begin(message, flags, "change elements of nftables set " + set);
    batch_.text(NFTA_SET_ELEM_LIST_TABLE, table_);
    batch_.text(NFTA_SET_ELEM_LIST_SET, set);
    const auto list = batch_.nest(NFTA_SET_ELEM_LIST_ELEMENTS);
    const std::size_t end = std::min(elements.size(), first + kElementsPerMessage);
    for (std::size_t i = first; i < end; ++i) {
      const auto element = batch_.nest(NFTA_LIST_ELEM);
      put_data(NFTA_SET_ELEM_KEY, elements[i].key);
      if (!elements[i].data.empty()) put_data(NFTA_SET_ELEM_DATA, elements[i].data);
    }
  }
}

void NftBatch::add_elements(const std::string& set, const std::vector<Element>& elements) {
  put_elements(set, elements, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
}
void NftBatch::remove_elements(const std::string& set, const std::vector<Element>& elements) {
  put_elements(set, elements, NFT_MSG_DELSETELEM, 0);
}

void NftBatch::begin_rule(const std::string& chain) {
  begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, "add a rule to nftables chain " + chain);
  batch_.text(NFTA_RULE_TABLE, table_);
  batch_.text(NFTA_RULE_CHAIN, chain);
  list_.emplace(batch_, std::uint16_t{NFTA_RULE_EXPRESSIONS});
  ++rules_;
}

template <typename Fill>
void NftBatch::expression(const char* name, Fill&& fill) {
  const auto element = batch_.nest(NFTA_LIST_ELEM);
  batch_.text(NFTA_EXPR_NAME, name);
  const auto data = batch_.nest(NFTA_EXPR_DATA);
  fill();
}

void NftBatch::put_data(std::uint16_t type, std::string_view bytes) {
  const auto data = batch_.nest(type);
  batch_.bytes(NFTA_DATA_VALUE, bytes);
}

void NftBatch::meta(std::uint32_t key, Reg to) {
  expression("meta", [&] {
    batch_.be32(NFTA_META_KEY, key);
    batch_.be32(NFTA_META_DREG, number(to));
  });
}

void NftBatch::payload(std::uint32_t base, std::uint32_t offset, std::uint32_t size, Reg to) {
  expression("payload", [&] {
    batch_.be32(NFTA_PAYLOAD_DREG, number(to));
    batch_.be32(NFTA_PAYLOAD_BASE, base);
    batch_.be32(NFTA_PAYLOAD_OFFSET, offset);
    batch_.be32(NFTA_PAYLOAD_LEN, size);
  });
}

void NftBatch::set_payload(Reg from, std::uint32_t base, std::uint32_t offset, std::uint32_t size,
                           std::uint32_t checksum_offset) {
  expression("payload", [&] {
    batch_.be32(NFTA_PAYLOAD_SREG, number(from));
    batch_.be32(NFTA_PAYLOAD_BASE, base);
    batch_.be32(NFTA_PAYLOAD_OFFSET, offset);
    batch_.be32(NFTA_PAYLOAD_LEN, size);
    batch_.be32(NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
    batch_.be32(NFTA_PAYLOAD_CSUM_OFFSET, checksum_offset);
  });
}

void NftBatch::conntrack(std::uint32_t key, Reg to) {
  expression("ct", [&] {
    batch_.be32(NFTA_CT_KEY, key);
    batch_.be32(NFTA_CT_DREG, number(to));
  });
}

void NftBatch::destination_kind(Reg to) {
  expression("fib", [&] {
    batch_.be32(NFTA_FIB_DREG, number(to));
    batch_.be32(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
    batch_.be32(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
  });
}

void NftBatch::mask(Reg in_place, std::string_view bits) {
  expression("bitwise", [&] {
    batch_.be32(NFTA_BITWISE_SREG, number(in_place));
    batch_.be32(NFTA_BITWISE_DREG, number(in_place));
    batch_.be32(NFTA_BITWISE_LEN, static_cast<std::uint32_t>(bits.size()));
    put_data(NFTA_BITWISE_MASK, bits);
    put_data(NFTA_BITWISE_XOR, std::string(bits.size(), '\0'));
  });
}

void NftBatch::compare(Reg value, std::string_view bytes, bool equal) {
  expression("cmp", [&] {
    batch_.be32(NFTA_CMP_SREG, number(value));
    batch_.be32(NFTA_CMP_OP, equal ? NFT_CMP_EQ : NFT_CMP_NEQ);
    put_data(NFTA_CMP_DATA, bytes);
  });
}

void NftBatch::lookup(const std::string& set, Reg key) {
  expression("lookup", [&] {
    batch_.text(NFTA_LOOKUP_SET, set);
    batch_.be32(NFTA_LOOKUP_SREG, number(key));
  });
}

void NftBatch::look_up_into(const std::string& map, Reg key, Reg to) {
  expression("lookup", [&] {
    batch_.text(NFTA_LOOKUP_SET, map);
    batch_.be32(NFTA_LOOKUP_SREG, number(key));
    batch_.be32(NFTA_LOOKUP_DREG, number(to));
  });
}

void NftBatch::load(Reg to, std::string_view bytes) {
  expression("immediate", [&] {
    batch_.be32(NFTA_IMMEDIATE_DREG, number(to));
    put_data(NFTA_IMMEDIATE_DATA, bytes);
  });
}

void NftBatch::dnat(std::uint8_t family, Reg address, Reg port) {
  expression("nat", [&] {
    batch_.be32(NFTA_NAT_TYPE, NFT_NAT_DNAT);
    batch_.be32(NFTA_NAT_FAMILY, family);
    batch_.be32(NFTA_NAT_REG_ADDR_MIN, number(address));
    batch_.be32(NFTA_NAT_REG_PROTO_MIN, number(port));
  });
}

void NftBatch::masquerade() {
  expression("masq", [] {});
}

void NftBatch::verdict(std::int32_t code, const std::string& chain) {
  expression("immediate", [&] {
    batch_.be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    const auto data = batch_.nest(NFTA_IMMEDIATE_DATA);
    const auto inner = batch_.nest(NFTA_DATA_VERDICT);
    batch_.be32(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(code));
    if (!chain.empty()) batch_.text(NFTA_VERDICT_CHAIN, chain);
  });
}
void NftBatch::drop() { verdict(NF_DROP, ""); }
void NftBatch::accept() { verdict(NF_ACCEPT, ""); }
void NftBatch::jump(const std::string& chain) { verdict(NFT_JUMP, chain); }
void NftBatch::leave() { verdict(NFT_RETURN, ""); }

Status NftBatch::commit() {
  list_.reset();
  batch_.begin(NFNL_MSG_BATCH_END, 0, "end a change of the firewall");
  batch_.put(nfgenmsg{AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES)});
  NetlinkSocket socket = SLIP_TRY(NetlinkSocket::open(NETLINK_NETFILTER));
  return socket.transact(batch_);
}

std::string interface_key(const std::string& name) {
  std::string key = name.substr(0, 15);
  key.resize(16, '\0');
  return key;
}
std::string key8(std::uint8_t value) { return {static_cast<char>(value), '\0', '\0', '\0'}; }
std::string key16(std::uint16_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff), '\0', '\0'};
}
std::string host32(std::uint32_t value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace slipway::sandbox::net
