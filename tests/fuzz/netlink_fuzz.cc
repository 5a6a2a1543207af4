// What a netlink socket might deliver: every length is checked, every nesting ends.
#include <cstdint>
#include <cstdlib>

#include "sandbox/net/netlink.h"

namespace {

using slipway::sandbox::net::Attributes;

void walk(std::string_view bytes, int depth) {
  if (depth == 4) return;
  const Attributes attributes(bytes);
  std::size_t seen = 0;
  attributes.each([&](std::uint16_t type, std::string_view value) {
    seen += value.size() + sizeof(nlattr);
    if (value.data() < bytes.data() || value.data() + value.size() > bytes.data() + bytes.size())
      std::abort();
    (void)attributes.find(type);
    (void)attributes.u32(type);
    (void)attributes.text(type);
    walk(value, depth + 1);
  });
  if (seen > bytes.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;  // Looking for each attribute again is quadratic.
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (const auto message = slipway::sandbox::net::take_message(rest)) {
    std::string_view payload = message->payload;
    (void)slipway::sandbox::net::take_fixed<nlmsgerr>(payload);
    walk(payload, 0);
  }
  return 0;
}
