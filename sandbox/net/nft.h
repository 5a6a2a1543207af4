#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/net/address.h"
#include "sandbox/net/netlink.h"

namespace slipway::sandbox::net {

/// One transaction of nftables as raw messages: libnftables would parse text for longer than a container takes to
/// start. Knows the vocabulary; what is said with it lies in firewall.cc. Spec: linux/netfilter/nf_tables.h.

/// Register number n of 16, four bytes each. A value of more bytes takes the following ones, too.
enum class Reg : std::uint32_t {};
inline constexpr Reg reg(std::uint32_t n) { return Reg{8 + n}; }  // NFT_REG32_00

/// Type numbers of the nft program, so that it can print our sets. Spec: nftables, include/datatype.h.
enum class NftType : std::uint32_t {
  kIpv4 = 7,
  kIpv6 = 8,
  kProtocol = 12,
  kService = 13,
  kInterface = 41
};

class NftBatch {
 public:
  NftBatch(std::uint8_t family, std::string table);

  void add_table(std::string_view comment);
  void delete_table();
  /// `type` "filter" or "nat"; a chain without hook is only jumped to.
  void add_base_chain(const std::string& name, const char* type, std::uint32_t hook, int priority);
  void add_chain(const std::string& name);
  /// A set, or a map when there are data types.
  void add_set(const std::string& name, std::initializer_list<NftType> key,
               std::initializer_list<NftType> data = {});
  struct Element {
    std::string key;
    std::string data;  ///< Of maps.
  };
  void add_elements(const std::string& set, const std::vector<Element>& elements);
  void remove_elements(const std::string& set, const std::vector<Element>& elements);

  void begin_rule(const std::string& chain);  ///< Ends the rule before.
  int rules() const { return rules_; }

  // Expressions of the open rule, in order.
  void meta(std::uint32_t key, Reg to);
  void payload(std::uint32_t base, std::uint32_t offset, std::uint32_t size, Reg to);
  void set_payload(Reg from, std::uint32_t base, std::uint32_t offset, std::uint32_t size,
                   std::uint32_t checksum_offset);
  void conntrack(std::uint32_t key, Reg to);
  void destination_kind(Reg to);  ///< RTN_LOCAL and so on.
  void mask(Reg in_place, std::string_view bits);
  void equal(Reg value, std::string_view bytes) { compare(value, bytes, true); }
  void not_equal(Reg value, std::string_view bytes) { compare(value, bytes, false); }
  void lookup(const std::string& set, Reg key);
  void look_up_into(const std::string& map, Reg key, Reg to);
  void load(Reg to, std::string_view bytes);
  void dnat(std::uint8_t family, Reg address, Reg port);
  void masquerade();
  void drop();
  void accept();
  void jump(const std::string& chain);
  void leave();  ///< Back to the chain that jumped here.

  /// All or nothing.
  Status commit();

 private:
  void begin(std::uint16_t message, std::uint16_t flags, std::string doing);
  void put_elements(const std::string& set, const std::vector<Element>& elements,
                    std::uint16_t message, std::uint16_t flags);
  void compare(Reg value, std::string_view bytes, bool equal);
  void verdict(std::int32_t code, const std::string& chain);
  template <typename Fill>
  void expression(const char* name, Fill&& fill);
  void put_data(std::uint16_t type, std::string_view bytes);

  NetlinkBatch batch_;
  std::uint8_t family_;
  std::string table_;
  int rules_ = 0;
  std::optional<NetlinkBatch::Nest> list_;  ///< Of expressions or elements, in the open message.
};

/// An interface's name as the kernel compares it: 16 bytes.
std::string interface_key(const std::string& name);
/// A number of one or two bytes in network order, padded to a register.
std::string key8(std::uint8_t value);
std::string key16(std::uint16_t value);
/// Four bytes in this machine's order, as conntrack and routing answer.
std::string host32(std::uint32_t value);

}  // namespace slipway::sandbox::net
