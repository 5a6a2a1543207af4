// A message of the domain name system: no crash, no endless loop, and each of our answers is one to its question.
#include <cstdint>
#include <cstdlib>

#include "sandbox/net/dns_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::sandbox::net;
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  for (std::size_t start = 0; start < size && start < 64; ++start) {
    std::size_t at = start;
    const auto name = read_name(message, at);
    if (name && (name->size() > 255 || at > size || at <= start)) std::abort();
  }
  const auto query = parse_query(message);
  if (!query) {
    // What is answered with an error is no longer than what was asked.
    if (query.error().answer.size() > message.size()) std::abort();
    return 0;
  }
  const std::vector<Address> many(100, *Address::parse("2001:db8::1"));
  for (const std::string& answer :
       {answer_addresses(*query, many, query->answer_limit),
        answer_addresses(*query, {*Address::parse("192.0.2.1")}, 65'535),
        answer_name(*query, query->name), answer_code(*query, DnsCode::kNoSuchName)}) {
    if (!answers(answer, query->id, *query)) std::abort();
    if (answers(answer, static_cast<std::uint16_t>(query->id + 1), *query)) std::abort();
    if (!answers(truncated(answer, *query), query->id, *query)) std::abort();
  }
  if (answer_addresses(*query, many, query->answer_limit).size() > query->answer_limit)
    std::abort();
  (void)answers(message, query->id, *query);
  (void)address_of_reverse_name(query->name);
  return 0;
}
