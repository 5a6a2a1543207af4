// Texts of networks: resolv.conf, addresses, ranges, MAC addresses, records. What is accepted reads the same again.
#include <cstdint>
#include <cstdlib>

#include "sandbox/net/resolv_conf.h"
#include "sandbox/net/store.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::sandbox::net;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ResolvConf conf = parse_resolv_conf(text);
  const slipway::sandbox::SessionRequest request;
  const std::string written = container_resolv_conf(conf, request, Names::kNotServed);
  if (container_resolv_conf(parse_resolv_conf(written), request, Names::kNotServed) != written &&
      !needs_own_server(conf, request, Names::kNotServed))
    std::abort();
  if (const auto address = Address::parse(text)) {
    if (Address::parse(address->str()) != address) std::abort();
  }
  if (const auto subnet = Subnet::parse(text)) {
    if (*Subnet::parse(subnet->str()) != *subnet || !subnet->contains(subnet->last())) std::abort();
  }
  (void)parse_mac(text);
  if (const auto json = slipway::parse_json(text)) {
    (void)endpoint_from_json(*json);
    if (const auto network = network_from_json(*json)) {
      const auto again = network_from_json(network_to_json(*network));
      if (!again || network_to_json(*again).dump() != network_to_json(*network).dump())
        std::abort();
    }
  }
  return 0;
}
