// Container names and addresses of the networks that one container is on.
#include "sandbox/net/names.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace slipway::sandbox::net {
namespace {

// Time stamps of files move in steps of a timer tick (at most 10 ms): a directory that changed so recently may change
// again without showing it.
constexpr std::int64_t kStampStep = 20'000'000;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::set<std::string> names_of(const EndpointRecord& endpoint) {
  std::set<std::string> names;
  const auto add = [&](const std::string& name) {
    if (!name.empty()) names.insert(to_lower(name));
  };
  add(endpoint.client.container_name);
  add(endpoint.client.hostname);
  add(endpoint.client.container_id.substr(0, 12));
  for (const std::string& alias : endpoint.info.aliases) add(alias);
  return names;
}

}  // namespace

void NameTable::set_networks(std::vector<Network> networks) {
  networks_.clear();
  for (Network& network : networks) networks_.push_back({std::move(network), -1, {}, {}});
}

void NameTable::refresh(Listed& listed) {
  const std::int64_t changed = store_.endpoints_changed(listed.network.id);
  if (changed == listed.changed) return;
  const bool settled = now_ns() - changed > kStampStep;
  listed.by_name.clear();
  listed.by_address.clear();
  listed.changed = settled ? changed : -1;
  const auto endpoints = store_.endpoints(listed.network.id);
  if (!endpoints) return;
  for (const EndpointRecord& endpoint : *endpoints) {
    for (const std::string& text : {endpoint.info.ipv4, endpoint.info.ipv6}) {
      const auto address = Address::parse(text);
      if (!address) continue;
      listed.by_address[*address] = endpoint.client.container_name.empty()
                                        ? endpoint.client.container_id.substr(0, 12)
                                        : endpoint.client.container_name;
      for (const std::string& name : names_of(endpoint)) listed.by_name[name].push_back(*address);
    }
  }
}

NameTable::Found NameTable::find(std::string_view name) {
  Found found;
  for (Listed& listed : networks_) {
    refresh(listed);
    auto entry = listed.by_name.find(name);
    const std::string suffix = "." + to_lower(listed.network.name);
    if (entry == listed.by_name.end() && name.ends_with(suffix))
      entry = listed.by_name.find(name.substr(0, name.size() - suffix.size()));
    if (entry == listed.by_name.end()) continue;
    found.known = true;
    found.addresses.insert(found.addresses.end(), entry->second.begin(), entry->second.end());
  }
  if (found.addresses.size() > 1) {
    const auto first = static_cast<std::ptrdiff_t>(turn_++ % found.addresses.size());
    std::rotate(found.addresses.begin(), found.addresses.begin() + first, found.addresses.end());
  }
  return found;
}

std::string NameTable::name_of(const Address& address) {
  for (Listed& listed : networks_) {
    refresh(listed);
    const auto entry = listed.by_address.find(address);
    if (entry != listed.by_address.end()) return entry->second + "." + listed.network.name;
  }
  return "";
}

bool NameTable::ours(const Address& address) const {
  return std::any_of(networks_.begin(), networks_.end(), [&](const Listed& listed) {
    return std::any_of(listed.network.subnets.begin(), listed.network.subnets.end(),
                       [&](const Subnet& subnet) { return subnet.contains(address); });
  });
}

}  // namespace slipway::sandbox::net
