// The flags of RUN. Spec: Dockerfile reference, "RUN --mount", "RUN --network", "RUN --security", "RUN --device".
#include <algorithm>
#include <array>

#include "base/text.h"
#include "pipeline/dockerfile/characters.h"
#include "pipeline/dockerfile_values.h"

namespace slipway::pipeline {
namespace {

using dockerfile::quoted;
using Type = RunMount::Type;

tl::unexpected<Error> bad(std::string text) { return fail(ErrorCode::kInvalid, std::move(text)); }

std::string with_suggestion(std::string text, std::string_view word,
                            const std::vector<std::string>& names) {
  if (const auto near = did_you_mean(word, names)) return text + " (did you mean " + *near + "?)";
  return text;
}

/// The fields of one CSV record. Spec: RFC 4180.
Result<std::vector<std::string>> csv_fields(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return bad("read fields of " + quoted(text) + ": " + std::string(why));
  };
  std::vector<std::string> out;
  std::size_t at = 0;
  for (;;) {
    std::string field;
    if (at < text.size() && text[at] == '"') {
      for (++at;; ++at) {
        if (at >= text.size()) return wrong("a quote is not closed");
        if (text[at] != '"') {
          field += text[at];
        } else if (text.substr(at + 1, 1) == "\"") {
          field += text[at++];
        } else {
          ++at;
          break;
        }
      }
      if (at < text.size() && text[at] != ',') return wrong("text behind a closing quote");
    } else {
      const std::size_t end = std::min(text.find(',', at), text.size());
      field = text.substr(at, end - at);
      if (field.find('"') != std::string::npos) return wrong("a quote inside an unquoted field");
      at = end;
    }
    out.push_back(std::move(field));
    if (at >= text.size()) return out;
    ++at;
  }
}

/// Go's strconv.ParseBool.
std::optional<bool> parse_bool(std::string_view text) {
  for (const std::string_view word : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == word) return true;
  for (const std::string_view word : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == word) return false;
  return std::nullopt;
}

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint64_t base) {
  if (text.empty() || text.size() > 16) return std::nullopt;
  std::uint64_t out = 0;
  for (const char c : text) {
    if (c < '0' || static_cast<std::uint64_t>(c - '0') >= base) return std::nullopt;
    out = out * base + static_cast<std::uint64_t>(c - '0');
    if (out > 0xffffffff) return std::nullopt;
  }
  return static_cast<std::uint32_t>(out);
}

constexpr std::array<std::pair<std::string_view, Type>, 5> kTypes{{{"bind", Type::kBind},
                                                                   {"cache", Type::kCache},
                                                                   {"tmpfs", Type::kTmpfs},
                                                                   {"secret", Type::kSecret},
                                                                   {"ssh", Type::kSsh}}};
std::string_view type_name(Type type) {
  return std::find_if(kTypes.begin(), kTypes.end(), [&](auto& one) { return one.second == type; })
      ->first;
}

using Sharing = RunMount::Sharing;
constexpr std::array<std::pair<std::string_view, Sharing>, 3> kSharings{
    {{"shared", Sharing::kShared}, {"private", Sharing::kPrivate}, {"locked", Sharing::kLocked}}};

template <typename Table>
auto choose(const Table& table, std::string_view what, std::string_view value)
    -> Result<decltype(table[0].second)> {
  std::vector<std::string> names;
  for (const auto& [name, choice] : table) {
    if (name == to_lower(value)) return choice;
    names.emplace_back(name);
  }
  return bad(with_suggestion(
      "unsupported " + std::string(what) + " " + quoted(value) + ", not " + join(names, ", "),
      value, names));
}

enum class Key {
  kType,
  kFrom,
  kSource,
  kTarget,
  kReadOnly,
  kWritable,
  kRequired,
  kSize,
  kId,
  kSharing,
  kMode,
  kUid,
  kGid,
  kEnv
};
constexpr std::array<std::pair<std::string_view, Key>, 19> kKeys{{{"type", Key::kType},
                                                                  {"from", Key::kFrom},
                                                                  {"source", Key::kSource},
                                                                  {"src", Key::kSource},
                                                                  {"target", Key::kTarget},
                                                                  {"dst", Key::kTarget},
                                                                  {"destination", Key::kTarget},
                                                                  {"readonly", Key::kReadOnly},
                                                                  {"ro", Key::kReadOnly},
                                                                  {"readwrite", Key::kWritable},
                                                                  {"rw", Key::kWritable},
                                                                  {"required", Key::kRequired},
                                                                  {"size", Key::kSize},
                                                                  {"id", Key::kId},
                                                                  {"sharing", Key::kSharing},
                                                                  {"mode", Key::kMode},
                                                                  {"uid", Key::kUid},
                                                                  {"gid", Key::kGid},
                                                                  {"env", Key::kEnv}}};

class MountReader {
 public:
  explicit MountReader(const WordExpander& expand) : expand_(expand) {}

  Result<RunMount> read(std::string_view text) {
    for (const std::string& field : SLIP_TRY(csv_fields(text))) SLIP_TRY(read_field(field));
    if (!read_only_given_) out_.read_only = out_.type != Type::kCache && out_.type != Type::kTmpfs;
    SLIP_TRY(check());
    return std::move(out_);
  }

 private:
  Status read_field(const std::string& field) {
    const std::size_t equals = field.find('=');
    const std::string name = to_lower(field.substr(0, equals));
    const auto known = std::find_if(kKeys.begin(), kKeys.end(),
                                    [&](const auto& key) { return key.first == name; });
    if (known == kKeys.end()) {
      std::vector<std::string> names;
      for (const auto& key : kKeys) names.emplace_back(key.first);
      return bad(
          with_suggestion("unexpected key " + quoted(name) + " in " + quoted(field), name, names));
    }
    const Key key = known->second;
    if (equals == std::string::npos) {
      if (key == Key::kReadOnly || key == Key::kWritable || key == Key::kRequired)
        return set(key, name, "true");
      return bad("invalid field " + quoted(field) + ": must be a key=value pair");
    }
    return set(key, name, SLIP_TRY(value_of(key, field.substr(equals + 1))));
  }

  Result<std::string> value_of(Key key, std::string value) const {
    const std::size_t dollar = value.find('$');
    if (key == Key::kFrom) {
      if (dollar != std::string::npos && dollar + 1 != value.size())
        return bad("\"from\" doesn't support variable expansion, define alias stage instead");
      return value;
    }
    if (expand_) return expand_(value);
    if (dollar != std::string::npos) return bad("a value with variables: " + quoted(value));
    return value;
  }

  Status set(Key key, const std::string& name, const std::string& value) {
    switch (key) {
      case Key::kType:
        out_.type = SLIP_TRY(choose(kTypes, "mount type", value));
        return {};
      case Key::kFrom:
        out_.from = value;
        return {};
      case Key::kSource:
        out_.source = value;
        return {};
      case Key::kTarget:
        out_.target = value;
        return {};
      case Key::kId:
        out_.id = value;
        return {};
      case Key::kEnv:
        out_.env = value;
        return {};
      case Key::kSharing:
        out_.sharing = SLIP_TRY(choose(kSharings, "sharing value", value));
        sharing_given_ = true;
        return {};
      default:
        return set_checked(key, name, value);
    }
  }

  Status set_checked(Key key, const std::string& name, const std::string& value) {
    const auto invalid = [&](std::string_view wanted) {
      return bad("invalid value for " + name + ": " + quoted(value) + ", not " +
                 std::string(wanted));
    };
    if (key == Key::kReadOnly || key == Key::kWritable || key == Key::kRequired) {
      const auto truth = parse_bool(value);
      if (!truth) return invalid("true or false");
      if (key == Key::kRequired) {
        out_.required = *truth;
        required_given_ = true;
      } else {
        out_.read_only = key == Key::kReadOnly ? *truth : !*truth;
        read_only_given_ = true;
      }
    } else if (key == Key::kSize) {
      const auto size = parse_size(value);
      if (!size) return invalid("a size as 64m");
      out_.size = *size;
    } else {
      const auto number = parse_number(value, key == Key::kMode ? 8 : 10);
      if (!number) return invalid(key == Key::kMode ? "an octal mode" : "a number");
      (key == Key::kMode ? out_.mode : key == Key::kUid ? out_.uid : out_.gid) = *number;
    }
    return {};
  }

  Status check() const {
    const std::string type(type_name(out_.type));
    const auto unexpected = [&](std::string_view key) {
      return bad("unexpected key " + quoted(key) + " for mount type " + quoted(type));
    };
    const bool file = out_.type == Type::kSecret || out_.type == Type::kSsh;
    if (required_given_ && !file) return unexpected("required");
    if (out_.size && out_.type != Type::kTmpfs) return unexpected("size");
    if (sharing_given_ && out_.type != Type::kCache) return unexpected("sharing");
    if (!file && out_.type != Type::kCache) {
      if (out_.mode) return unexpected("mode");
      if (out_.uid) return unexpected("uid");
      if (out_.gid) return unexpected("gid");
    }
    if (out_.type != Type::kSecret) return {};
    if (!out_.from.empty()) return unexpected("from");
    if (out_.source.empty() && out_.target.empty() && out_.id.empty())
      return bad("invalid secret mount: one of source, target required");
    if (!out_.source.empty() && !out_.id.empty())
      return bad("invalid secret mount: both source and id can't be set");
    return {};
  }

  const WordExpander& expand_;
  RunMount out_;
  bool read_only_given_ = false;
  bool required_given_ = false;
  bool sharing_given_ = false;
};

}  // namespace

Result<RunMount> parse_run_mount(std::string_view text, const WordExpander& expand) {
  return MountReader(expand).read(text);
}

Result<RunDevice> parse_run_device(std::string_view text) {
  RunDevice out;
  for (const std::string& field : SLIP_TRY(csv_fields(text))) {
    const std::size_t equals = field.find('=');
    const std::string key = to_lower(field.substr(0, equals));
    const bool given = equals != std::string::npos;
    if (key == "required") {
      const auto truth = given ? parse_bool(std::string_view(field).substr(equals + 1)) : true;
      if (!truth) return bad("invalid value for required: not true or false");
      out.required = *truth;
    } else if (key == "name" && given) {
      if (!out.name.empty()) return bad("device name already set to " + quoted(out.name));
      out.name = field.substr(equals + 1);
    } else if (out.name.empty()) {
      out.name = field;
    } else {
      return bad(with_suggestion("unexpected key " + quoted(key) + " in " + quoted(field), key,
                                 {"name", "required"}));
    }
  }
  return out;
}

Result<RunSettings> run_settings(const Instruction& run, const WordExpander& expand) {
  using Network = RunSettings::Network;
  constexpr std::array<std::pair<std::string_view, Network>, 3> kNetworks{
      {{"default", Network::kDefault}, {"none", Network::kNone}, {"host", Network::kHost}}};
  constexpr std::array<std::pair<std::string_view, bool>, 2> kSecurities{
      {{"sandbox", false}, {"insecure", true}}};
  RunSettings out;
  for (const InstructionFlag& flag : run.flags) {
    const std::string doing = "--" + flag.name + "=" + printable(flag.value);
    if (flag.name == "mount") {
      out.mounts.push_back(SLIP_TRY_WITHIN(doing, parse_run_mount(flag.value, expand)));
    } else if (flag.name == "device") {
      out.devices.push_back(SLIP_TRY_WITHIN(doing, parse_run_device(flag.value)));
    } else if (flag.name == "network") {
      out.network = SLIP_TRY(choose(kNetworks, "network mode", flag.value));
    } else if (flag.name == "security") {
      out.insecure = SLIP_TRY(choose(kSecurities, "security mode", flag.value));
    }
  }
  return out;
}

}  // namespace slipway::pipeline
