#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/net/address.h"
#include "sandbox/net/store.h"

namespace slipway::sandbox::net {

/// Who is on a container's networks, from the records on disk; read again when they changed. One thread's.
class NameTable {
 public:
  explicit NameTable(NetworkStore store) : store_(std::move(store)) {}

  struct Network {
    std::string id;
    std::string name;
    std::vector<Subnet> subnets;
  };
  void set_networks(std::vector<Network> networks);

  struct Found {
    bool known = false;  ///< The name exists, with or without addresses of the wanted family.
    std::vector<Address> addresses;
  };
  /// Names, aliases, host names and short ids (a label holds no 64 digits) of containers, alone or with ".NETWORK"
  /// behind them. Of several containers with one name all addresses come, in turn another one first.
  Found find(std::string_view name);
  /// "web.front", or "" when nobody has this address.
  std::string name_of(const Address& address);
  /// Is the address one of these networks', so that nobody outside can know its name?
  bool ours(const Address& address) const;

 private:
  struct Listed {
    Network network;
    std::int64_t changed = -1;  ///< Time stamp of the directory when it was read.
    std::map<std::string, std::vector<Address>, std::less<>> by_name;
    std::map<Address, std::string> by_address;
  };
  void refresh(Listed& listed);

  NetworkStore store_;
  std::vector<Listed> networks_;
  std::size_t turn_ = 0;
};

}  // namespace slipway::sandbox::net
