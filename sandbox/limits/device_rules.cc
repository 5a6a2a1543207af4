// Device rules as text, and the ones that everybody has.
#include "sandbox/limits/device_rules.h"

#include "base/text.h"

namespace slipway::sandbox::limits {
namespace {

using Kind = DeviceRule::Kind;

constexpr std::uint8_t kAll = kMakeNode | kReadDevice | kWriteDevice;

tl::unexpected<Error> bad_rule(const std::string& text, const std::string& cause) {
  return fail(ErrorCode::kInvalid, "device rule \"" + printable(text) + "\": " + cause);
}

// "*" or a number that fits the kernel's dev_t: 12 bits of major, 20 of minor.
Result<std::optional<std::uint32_t>> parse_number(const std::string& text, std::string_view word,
                                                  std::int64_t most) {
  if (word == "*") return std::optional<std::uint32_t>();
  const auto value = parse_int(word);
  if (!value || *value < 0 || *value > most || word.size() > 7)
    return bad_rule(text, "numbers are * or up to " + std::to_string(most));
  return std::optional(static_cast<std::uint32_t>(*value));
}

Result<std::uint8_t> parse_access(const std::string& text, std::string_view word) {
  std::uint8_t access = 0;
  for (const char letter : word) {
    const std::uint8_t bit = letter == 'r'   ? kReadDevice
                             : letter == 'w' ? kWriteDevice
                             : letter == 'm' ? kMakeNode
                                             : std::uint8_t{0};
    if (bit == 0 || (access & bit) != 0) return bad_rule(text, "access is made of r, w and m");
    access |= bit;
  }
  if (access == 0) return bad_rule(text, "access is made of r, w and m");
  return access;
}

std::string number_text(const std::optional<std::uint32_t>& number) {
  return number ? std::to_string(*number) : "*";
}

}  // namespace

// Docker's list without 5:1, the machine's console, and 10:200, tun: a container's own console is one of its terminals.
DeviceRules default_device_rules() {
  constexpr Kind kChar = Kind::kCharacter;
  return {{Kind::kBlock, {}, {}, kMakeNode},
          {kChar, {}, {}, kMakeNode},
          {kChar, 1, 3, kAll},
          {kChar, 1, 5, kAll},
          {kChar, 1, 7, kAll},
          {kChar, 1, 8, kAll},
          {kChar, 1, 9, kAll},
          {kChar, 5, 0, kAll},
          {kChar, 5, 2, kAll},
          {kChar, 136, {}, kAll}};
}

Result<DeviceRules> parse_device_rule(const std::string& text) {
  if (text == "a" || text == "a *:* rwm")
    return DeviceRules{{Kind::kBlock, {}, {}, kAll}, {Kind::kCharacter, {}, {}, kAll}};
  const auto words = split(text, ' ');
  constexpr const char* kForm = "expected TYPE MAJOR:MINOR ACCESS, such as \"c 10:200 rwm\"";
  if (words.size() != 3) return bad_rule(text, kForm);
  if (words[0] != "a" && words[0] != "b" && words[0] != "c")
    return bad_rule(text, "the type is a, b or c");
  const std::size_t colon = words[1].find(':');
  if (colon == words[1].npos) return bad_rule(text, kForm);
  DeviceRule rule;
  rule.major = SLIP_TRY(parse_number(text, words[1].substr(0, colon), (1 << 12) - 1));
  rule.minor = SLIP_TRY(parse_number(text, words[1].substr(colon + 1), (1 << 20) - 1));
  rule.access = SLIP_TRY(parse_access(text, words[2]));
  DeviceRules rules;
  for (const auto& [letter, kind] : {std::pair("b", Kind::kBlock), {"c", Kind::kCharacter}}) {
    if (words[0] != "a" && words[0] != letter) continue;
    rule.kind = kind;
    rules.push_back(rule);
  }
  return rules;
}

std::string to_text(const DeviceRule& rule) {
  std::string text = rule.kind == Kind::kBlock ? "b " : "c ";
  text += number_text(rule.major) + ":" + number_text(rule.minor) + " ";
  if ((rule.access & kReadDevice) != 0) text += 'r';
  if ((rule.access & kWriteDevice) != 0) text += 'w';
  if ((rule.access & kMakeNode) != 0) text += 'm';
  return text;
}

}  // namespace slipway::sandbox::limits
