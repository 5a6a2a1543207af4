// Docker's seccomp profiles: JSON to rules. Knows nothing of BPF.
#include "sandbox/policy/seccomp_profile.h"

#include <linux/seccomp.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "sandbox/policy/seccomp_program.h"

namespace slipway::sandbox {
namespace {

constexpr JsonLimits kJsonLimits{.max_bytes = std::size_t{1} << 20, .max_depth = 16};
constexpr std::size_t kMaxRules = 2'000;
constexpr std::size_t kMaxNames = 20'000;
constexpr std::size_t kMaxArguments = 16;

tl::unexpected<Error> bad(const std::string& where, const std::string& why) {
  return fail(ErrorCode::kInvalid, "read seccomp profile: " + where + ": " + why);
}

std::string quoted(std::string_view text) { return "\"" + printable(text) + "\""; }

using MemberReader = std::function<Status(const Json& value, const std::string& where)>;
struct MemberRow {
  std::string_view name;
  MemberReader read;
};

// Every member of an object by a table; one that the table does not have is an error.
Status read_members(const Json& object, const std::string& where,
                    const std::vector<MemberRow>& rows) {
  if (!object.is_object()) return bad(where.empty() ? "profile" : where, "want an object");
  for (const auto& [key, value] : object.members()) {
    const auto row = std::find_if(rows.begin(), rows.end(), [&, &name = key](const MemberRow& one) {
      return one.name == name;
    });
    const std::string place = where.empty() ? printable(key) : where + "." + printable(key);
    if (row == rows.end()) return bad(place, "unknown member");
    if (value.is_null()) continue;
    SLIP_TRY(row->read(value, place));
  }
  return {};
}

Status each_item(const Json& list, const std::string& where, std::size_t most,
                 const MemberReader& read) {
  if (!list.is_array()) return bad(where, "want a list");
  if (list.items().size() > most) return bad(where, "more than " + std::to_string(most));
  for (std::size_t i = 0; i < list.items().size(); ++i) {
    SLIP_TRY(read(list.items()[i], where + "[" + std::to_string(i) + "]"));
  }
  return {};
}

Result<std::string> read_text(const Json& value, const std::string& where) {
  if (!value.is_string() || value.string_or("").size() > 256)
    return bad(where, "want a text of at most 256 bytes");
  return std::string(value.string_or(""));
}

Status ignore_text(const Json& value, const std::string& where) {
  return read_text(value, where).map([](const std::string&) {});
}

Result<std::uint64_t> read_number(const Json& value, const std::string& where, std::uint64_t most) {
  // Beyond 2^63 the reader of JSON gives a double; profiles have masks there.
  if (value.is_int() && value.int_or(-1) >= 0) {
    const auto number = static_cast<std::uint64_t>(value.int_or(0));
    if (number <= most) return number;
  } else if (value.is_number() && !value.is_int()) {
    const double number = value.double_or(-1);
    if (number >= 0 && number < 18446744073709551616.0) {
      const auto whole = static_cast<std::uint64_t>(number);
      if (static_cast<double>(whole) == number && whole <= most) return whole;
    }
  }
  return bad(where, "want a whole number from 0 to " + std::to_string(most));
}

struct ActionName {
  std::string_view name;
  std::uint32_t value;
  bool has_number;
};
constexpr ActionName kActions[] = {
    {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, false},
    {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, true},
    {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, false},
    {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, false},
    {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, false},
    {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP, false},
    {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE, true},
    {"SCMP_ACT_LOG", SECCOMP_RET_LOG, false},
};

// An action with its number; EPERM unless another is given.
struct Action {
  std::string name;
  std::string where;
  std::optional<std::uint64_t> number;

  Result<std::uint32_t> value() const {
    if (name == "SCMP_ACT_NOTIFY")
      return fail(ErrorCode::kUnsupported, "read seccomp profile: " + where +
                                               ": SCMP_ACT_NOTIFY needs a listener, which "
                                               "this engine does not have");
    for (const ActionName& known : kActions) {
      if (name != known.name) continue;
      if (!known.has_number) return known.value;
      return known.value | static_cast<std::uint32_t>(number.value_or(EPERM));
    }
    return bad(where, "unknown action " + quoted(name));
  }
};

constexpr std::pair<std::string_view, ArgumentTest> kTests[] = {
    {"SCMP_CMP_EQ", ArgumentTest::kEqual},
    {"SCMP_CMP_NE", ArgumentTest::kNotEqual},
    {"SCMP_CMP_LT", ArgumentTest::kLess},
    {"SCMP_CMP_LE", ArgumentTest::kLessEqual},
    {"SCMP_CMP_GE", ArgumentTest::kGreaterEqual},
    {"SCMP_CMP_GT", ArgumentTest::kGreater},
    {"SCMP_CMP_MASKED_EQ", ArgumentTest::kMaskedEqual},
};

Result<ArgumentRule> read_argument(const Json& value, const std::string& where) {
  ArgumentRule rule;
  bool tested = false;
  const auto number = [](std::uint64_t& to) {
    return [&to](const Json& one, const std::string& at) -> Status {
      to = SLIP_TRY(read_number(one, at, UINT64_MAX));
      return {};
    };
  };
  Status members = read_members(value, where,
                                {{"index",
                                  [&](const Json& one, const std::string& at) -> Status {
                                    rule.index =
                                        static_cast<unsigned>(SLIP_TRY(read_number(one, at, 5)));
                                    return {};
                                  }},
                                 {"value", number(rule.value)},
                                 {"valueTwo", number(rule.value_two)},
                                 {"op", [&](const Json& one, const std::string& at) -> Status {
                                    const std::string name = SLIP_TRY(read_text(one, at));
                                    for (const auto& [known, test] : kTests) {
                                      if (name != known) continue;
                                      rule.test = test;
                                      tested = true;
                                      return {};
                                    }
                                    return bad(at, "unknown operator " + quoted(name));
                                  }}});
  SLIP_TRY(std::move(members));
  if (!tested) return bad(where, "no op is given");
  return rule;
}

// libseccomp takes one test for an argument in a rule, so the runtimes take several for one as alternatives.
std::vector<std::vector<ArgumentRule>> alternatives(std::vector<ArgumentRule> arguments) {
  std::set<unsigned> seen;
  bool repeated = false;
  for (const ArgumentRule& one : arguments) repeated = !seen.insert(one.index).second || repeated;
  if (arguments.empty()) return {};
  if (!repeated) return {std::move(arguments)};
  std::vector<std::vector<ArgumentRule>> each;
  for (const ArgumentRule& one : arguments) each.push_back({one});
  return each;
}

// Where a rule applies: docker's "includes" and "excludes".
struct Condition {
  std::vector<std::string> caps;
  std::vector<std::string> arches;
  std::optional<std::pair<unsigned, unsigned>> min_kernel;
};

Result<std::pair<unsigned, unsigned>> read_kernel(const Json& value, const std::string& where) {
  const std::string text = SLIP_TRY(read_text(value, where));
  const auto parts = split(text, '.');
  const auto major = parse_int(parts[0]);
  const auto minor = parts.size() == 2 ? parse_int(parts[1]) : std::nullopt;
  if (!major || !minor || *major < 0 || *minor < 0 || *major > 1000 || *minor > 1000)
    return bad(where, "want a version as in \"4.8\"");
  return std::pair(static_cast<unsigned>(*major), static_cast<unsigned>(*minor));
}

MemberReader text_list(std::vector<std::string>& to) {
  return [&to](const Json& value, const std::string& where) {
    return each_item(value, where, 100, [&](const Json& one, const std::string& at) -> Status {
      to.push_back(SLIP_TRY(read_text(one, at)));
      return {};
    });
  };
}

MemberReader condition_reader(Condition& to) {
  return [&to](const Json& value, const std::string& where) {
    return read_members(value, where,
                        {{"caps", text_list(to.caps)},
                         {"arches", text_list(to.arches)},
                         {"minKernel", [&to](const Json& one, const std::string& at) -> Status {
                            to.min_kernel = SLIP_TRY(read_kernel(one, at));
                            return {};
                          }}});
  };
}

// What a profile's conditions are compared with.
struct Here {
  CapabilityMask capabilities;
  std::pair<unsigned, unsigned> kernel;

  bool has_cap(const std::string& name) const {
    for (int number = 0; number <= last_capability(); ++number) {
      if (capability_name(number) == name) return (capabilities >> number & 1) != 0;
    }
    return false;
  }
  static bool is_arch(const std::vector<std::string>& names) {
    const auto served = policy::served_architectures();
    return std::find(names.begin(), names.end(), served.front().docker) != names.end();
  }
  bool includes(const Condition& rule) const {
    if (!rule.arches.empty() && !is_arch(rule.arches)) return false;
    if (rule.min_kernel && kernel < *rule.min_kernel) return false;
    return std::all_of(rule.caps.begin(), rule.caps.end(),
                       [this](const std::string& name) { return has_cap(name); });
  }
  bool excludes(const Condition& rule) const {
    if (!rule.arches.empty() && is_arch(rule.arches)) return true;
    if (rule.min_kernel && kernel >= *rule.min_kernel) return true;
    return std::any_of(rule.caps.begin(), rule.caps.end(),
                       [this](const std::string& name) { return has_cap(name); });
  }
};

std::pair<unsigned, unsigned> running_kernel() {
  utsname name{};
  unsigned major = 0;
  unsigned minor = 0;
  if (::uname(&name) != 0 || std::sscanf(name.release, "%u.%u", &major, &minor) != 2) return {0, 0};
  return {major, minor};
}

MemberReader number_reader(std::optional<std::uint64_t>& to) {
  return [&to](const Json& value, const std::string& where) -> Status {
    to = SLIP_TRY(read_number(value, where, 4095));  // MAX_ERRNO
    return {};
  };
}

MemberReader action_reader(Action& to) {
  return [&to](const Json& value, const std::string& where) -> Status {
    to.name = SLIP_TRY(read_text(value, where));
    to.where = where;
    return {};
  };
}

// Nothing: the rule does not apply here.
Result<std::optional<CallRule>> read_rule(const Json& value, const std::string& where,
                                          const Here& here) {
  CallRule rule;
  Action action;
  std::vector<ArgumentRule> arguments;
  Condition includes;
  Condition excludes;
  const auto add_name = [&](const Json& one, const std::string& at) -> Status {
    rule.names.push_back(SLIP_TRY(read_text(one, at)));
    return {};
  };
  Status members = read_members(
      value, where,
      {{"names", [&](const Json& one,
                     const std::string& at) { return each_item(one, at, kMaxNames, add_name); }},
       {"name", add_name},
       {"action", action_reader(action)},
       {"errnoRet", number_reader(action.number)},
       {"args",
        [&](const Json& one, const std::string& at) {
          return each_item(one, at, kMaxArguments,
                           [&](const Json& item, const std::string& place) -> Status {
                             arguments.push_back(SLIP_TRY(read_argument(item, place)));
                             return {};
                           });
        }},
       {"comment", ignore_text},
       {"includes", condition_reader(includes)},
       {"excludes", condition_reader(excludes)}});
  SLIP_TRY(std::move(members));
  if (rule.names.empty()) return bad(where, "no names are given");
  if (action.name.empty()) return bad(where, "no action is given");
  rule.action = SLIP_TRY(action.value());
  rule.arguments = alternatives(std::move(arguments));
  const bool skipped =
      !here.includes(includes) || (value.find("excludes") != nullptr && here.excludes(excludes));
  if (skipped) return std::nullopt;
  return rule;
}

Status check_arch(const std::string& name, const std::string& where) {
  if (name.rfind("SCMP_ARCH_", 0) == 0) return {};
  return bad(where, "unknown architecture " + quoted(name));
}

void serve(std::vector<bool>& served, const std::string& name) {
  const auto known = policy::served_architectures();
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (name == known[i].name) served[i] = true;
  }
}

// {architecture, subArchitectures}: the one of this machine counts.
Status read_arch_map(const Json& value, const std::string& where, std::vector<bool>& served) {
  return each_item(value, where, 100, [&](const Json& one, const std::string& at) -> Status {
    std::string main;
    std::vector<std::string> others;
    Status members = read_members(one, at,
                                  {{"architecture",
                                    [&](const Json& text, const std::string& place) -> Status {
                                      main = SLIP_TRY(read_text(text, place));
                                      return check_arch(main, place);
                                    }},
                                   {"subArchitectures", text_list(others)}});
    SLIP_TRY(std::move(members));
    for (const std::string& other : others) SLIP_TRY(check_arch(other, at + ".subArchitectures"));
    if (main != policy::served_architectures().front().name) return {};
    for (const std::string& other : others) serve(served, other);
    return {};
  });
}

Status read_flag(const Json& value, const std::string& where) {
  constexpr std::string_view kKnown[] = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC",
                                         "SECCOMP_FILTER_FLAG_SPEC_ALLOW"};
  const std::string name = SLIP_TRY(read_text(value, where));
  if (std::find(std::begin(kKnown), std::end(kKnown), name) != std::end(kKnown)) return {};
  return bad(where, "unknown flag " + quoted(name));
}

}  // namespace

Result<SeccompProfile> parse_seccomp_profile(std::string_view json, CapabilityMask capabilities) {
  const Json document = SLIP_TRY_WITHIN("read seccomp profile", parse_json(json, kJsonLimits));
  const Here here{capabilities, running_kernel()};
  SeccompProfile profile;
  profile.architectures.resize(policy::served_architectures().size());
  profile.architectures[0] = true;
  Action fallback;
  std::vector<std::string> architectures;
  std::size_t names = 0;
  const auto add_rule = [&](const Json& one, const std::string& at) -> Status {
    auto rule = SLIP_TRY(read_rule(one, at, here));
    names += rule ? rule->names.size() : 0;
    if (names > kMaxNames) return bad(at, "more than 20000 names in all");
    if (rule) profile.rules.push_back(*std::move(rule));
    return {};
  };
  Status members = read_members(
      document, "",
      {{"defaultAction", action_reader(fallback)},
       {"defaultErrnoRet", number_reader(fallback.number)},
       {"architectures", text_list(architectures)},
       {"archMap",
        [&](const Json& value, const std::string& at) {
          return read_arch_map(value, at, profile.architectures);
        }},
       {"flags", [](const Json& value,
                    const std::string& at) { return each_item(value, at, 10, read_flag); }},
       {"comment", ignore_text},
       {"syscalls", [&](const Json& value, const std::string& at) {
          return each_item(value, at, kMaxRules, add_rule);
        }}});
  SLIP_TRY(std::move(members));
  if (fallback.name.empty()) return bad("defaultAction", "is missing");
  profile.default_action = SLIP_TRY(fallback.value());
  for (const std::string& name : architectures) {
    SLIP_TRY(check_arch(name, "architectures"));
    serve(profile.architectures, name);
  }
  return profile;
}

Result<std::vector<sock_filter>> compile_seccomp_profile(std::string_view json,
                                                         CapabilityMask capabilities) {
  return assemble_seccomp_profile(SLIP_TRY(parse_seccomp_profile(json, capabilities)));
}

}  // namespace slipway::sandbox
