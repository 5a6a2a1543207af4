// The body of a create, and a request's target.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "web/docker_api/container_config.h"
#include "web/http/request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)slipway::web::parse_target("GET", text);
  const auto json = slipway::parse_json(text, {1 << 20, 32});
  if (!json) return 0;
  (void)slipway::web::docker_api::read_container_config(*json);
  (void)slipway::web::docker_api::read_resources(*json, {});
  return 0;
}
