// Any text as a WWW-Authenticate header: what is read is bounded, and a realm that is believed keeps the rules.
#include <cstdint>
#include <cstdlib>

#include "cachestore/registry/address.h"
#include "cachestore/registry/auth_header.h"
#include "cachestore/registry/tokens.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::cachestore;
  static const Url kRegistry = *Url::parse("https://registry.example");
  const auto challenges = parse_challenges({reinterpret_cast<const char*>(data), size});
  if (challenges.size() > 16) std::abort();
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme.empty() || challenge.parameters.size() > 32) std::abort();
    const auto realm = check_realm(challenge, kRegistry, true);
    if (!realm) continue;
    if (!realm->url.https() || is_machine_local_host(realm->url.host)) std::abort();
    if (realm->url.str().find('@') < realm->url.str().find('/', 8)) std::abort();
  }
  return 0;
}
