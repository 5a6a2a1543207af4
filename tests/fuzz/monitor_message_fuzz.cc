// What a monitor is asked and what is kept beside a container: any bytes are read or refused.
#include <cstdint>
#include <string_view>

#include "sandbox/containers/changes.h"
#include "sandbox/containers/events.h"
#include "sandbox/containers/execs.h"
#include "sandbox/containers/joining.h"
#include "sandbox/containers/message.h"
#include "sandbox/containers/monitor.h"
#include "sandbox/containers/record.h"
#include "sandbox/containers/stats.h"

using namespace slipway;
using namespace slipway::sandbox;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto body = parse_message(text)) {
    (void)error_of(*body);
    (void)exec_config_of(*body);
    (void)exec_state_of(*body);
    (void)endpoint_of(*body);
    (void)stats_of(*body);
    (void)terminal_of(*body);
    (void)limits_of(Record(), *body);
  }
  // What was read is written as something that reads the same.
  if (const auto record = decode_record(text)) {
    const std::string once = encode_record(*record);
    if (encode_record(*decode_record(once)) != once) __builtin_trap();
  }
  if (const auto state = decode_state(text)) {
    const std::string once = encode_state(*state);
    if (encode_state(*decode_state(once)) != once) __builtin_trap();
  }
  (void)decode_event(text);
  (void)parse_net_dev(text);
  (void)parse_cpu_time(text, 100);
  return 0;
}
