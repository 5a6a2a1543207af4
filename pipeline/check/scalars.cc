// The kinds of scalars a pipeline file knows: what each accepts and how it says no.
#include "pipeline/check/scalars.h"

#include <algorithm>
#include <vector>

#include "base/glob.h"
#include "base/text.h"
#include "base/units.h"

namespace slipway::pipeline {

bool valid_env_name(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (name.empty() || name.size() > 256 || !letter(name.front())) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

namespace {

using Problem = std::optional<ScalarProblem>;
using yaml::Node;

const ScalarProblem kWrongType{};  // the caller words it: "expects …, found …"

std::string shown(const Node& node) { return "\"" + printable(ellipsize(node.text, 60)) + "\""; }

bool has_expression(const Node& node) { return node.text.find("${{") != std::string::npos; }

ScalarProblem no_expression(const Node& node, const ScalarRule& rule) {
  return {"an expression cannot stand here: " + shown(node),
          "write " + std::string(rule.expects) + "; this is fixed before the run starts"};
}

Problem accept_all(const Node&, const ScalarRule&) { return std::nullopt; }

Problem accept_bool(const Node& node, const ScalarRule& rule) {
  if (yaml::as_bool(node)) return std::nullopt;
  if (has_expression(node)) return no_expression(node, rule);
  static constexpr std::string_view kYes[] = {"yes", "on", "y", "Yes", "On", "true"};
  static constexpr std::string_view kNo[] = {"no", "off", "n", "No", "Off", "false"};
  for (const std::string_view word : kYes)
    if (node.text == word) return ScalarProblem{"", "write true"};
  for (const std::string_view word : kNo)
    if (node.text == word) return ScalarProblem{"", "write false"};
  return kWrongType;
}

Problem accept_integer(const Node& node, const ScalarRule& rule, long long low, long long high) {
  if (has_expression(node)) return no_expression(node, rule);
  const auto value = parse_int(node.text);
  if (!value) return kWrongType;
  if (*value < low || *value > high)
    return ScalarProblem{shown(node) + " is out of range",
                         "from " + std::to_string(low) + " to " + std::to_string(high)};
  return std::nullopt;
}

Problem accept_count(const Node& node, const ScalarRule& rule) {
  return accept_integer(node, rule, 0, 1'000'000);
}
Problem accept_port(const Node& node, const ScalarRule& rule) {
  return accept_integer(node, rule, 1, 65'535);
}
Problem accept_exit_code(const Node& node, const ScalarRule& rule) {
  return accept_integer(node, rule, 0, 255);
}

Problem accept_number(const Node& node, const ScalarRule& rule) {
  if (has_expression(node)) return no_expression(node, rule);
  if (!yaml::as_number(node)) return kWrongType;
  return std::nullopt;
}

Problem accept_cpus(const Node& node, const ScalarRule& rule) {
  if (has_expression(node)) return no_expression(node, rule);
  Node plain = node;
  plain.style = yaml::Style::kPlain;  // "0.5" in quotes means the same
  const auto value = yaml::as_number(plain);
  if (!value) return kWrongType;
  if (*value < 0.01 || *value > 4096)
    return ScalarProblem{shown(node) + " is out of range", "from 0.01 to 4096"};
  return std::nullopt;
}

Problem accept_duration(const Node& node, const ScalarRule& rule) {
  if (has_expression(node)) return no_expression(node, rule);
  const auto duration = parse_duration(node.text);
  if (!duration) {
    const bool bare = yaml::as_number(node).has_value();
    return ScalarProblem{
        "bad duration " + shown(node),
        bare ? "add a unit: " + printable(node.text) + "s, " + printable(node.text) + "m"
             : "for example 90s, 20m, 1h30m or 7d"};
  }
  if (duration->count() <= 0) return ScalarProblem{"a duration must be above zero", ""};
  return std::nullopt;
}

Problem accept_size(const Node& node, const ScalarRule& rule) {
  if (has_expression(node)) return no_expression(node, rule);
  const auto size = parse_size(node.text);
  if (!size) return ScalarProblem{"bad size " + shown(node), "for example 512m or 2g"};
  if (size->value == 0) return ScalarProblem{"a size must be above zero", ""};
  return std::nullopt;
}

Problem accept_percent(const Node& node, const ScalarRule&) {
  std::string_view text = node.text;
  if (!text.empty() && text.back() == '%') text.remove_suffix(1);
  const auto value = parse_int(text);
  if (!value || *value < 0 || *value > 100)
    return ScalarProblem{"bad percentage " + shown(node), "from 0% to 100%"};
  return std::nullopt;
}

Problem accept_glob(const Node& node, const ScalarRule& rule) {
  if (has_expression(node)) return no_expression(node, rule);
  std::string_view text = node.text;
  if (!text.empty() && text.front() == '!') text.remove_prefix(1);
  if (text.empty()) return ScalarProblem{"an empty pattern matches nothing", ""};
  if (text.front() == '/')
    return ScalarProblem{"an absolute path: " + shown(node),
                         "patterns are relative to the workspace"};
  for (const std::string_view part : split(text, '/'))
    if (part == "..")
      return ScalarProblem{"\"..\" in a pattern: " + shown(node),
                           "patterns stay inside the workspace"};
  const auto glob = Glob::compile(text);
  if (!glob) return ScalarProblem{"bad pattern " + shown(node) + ": " + glob.error().text(), ""};
  return std::nullopt;
}

Problem accept_cron(const Node& node, const ScalarRule&) { return check_cron(node.text); }

Problem accept_script(const Node& node, const ScalarRule&) {
  if (trim(node.text).empty()) return ScalarProblem{"an empty script", "write a command"};
  return std::nullopt;
}

Problem accept_env_name(const Node& node, const ScalarRule&) {
  if (valid_env_name(node.text)) return std::nullopt;
  return ScalarProblem{"bad environment name " + shown(node),
                       "letters, digits and \"_\", not starting with a digit"};
}

Problem accept_id(const Node& node, const ScalarRule&) {
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  const std::string& text = node.text;
  const bool start = !text.empty() && fine(text.front()) && text.front() != '-';
  if (start && text.size() <= 64 && std::all_of(text.begin(), text.end(), fine))
    return std::nullopt;
  return ScalarProblem{"bad name " + shown(node), "letters, digits, \"_\" and \"-\", at most 64"};
}

// Job names are shown, become folders of artifacts and parts of keys: no slash at the ends, no
// controls, no dots alone.
Problem accept_job_name(const Node& node, const ScalarRule&) {
  const std::string& text = node.text;
  if (text.empty()) return ScalarProblem{"an empty job name", ""};
  if (text.size() > 128) return ScalarProblem{"a job name longer than 128 bytes", ""};
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == '/' || c == '\\' || c == '(' || c == ')')
      return ScalarProblem{"bad job name " + shown(node), "no slashes and no brackets"};
  if (printable(text) != text || trim(text) != text)
    return ScalarProblem{"bad job name " + shown(node), "no invisible characters"};
  if (text == "." || text == "..") return ScalarProblem{"bad job name " + shown(node), ""};
  return std::nullopt;
}

Problem accept_image(const Node& node, const ScalarRule&) {
  const std::string_view text = trim(node.text);
  if (text.empty())
    return ScalarProblem{"an empty image name", "for example debian:bookworm, or host"};
  if (has_expression(node)) return std::nullopt;
  if (text.size() > 512 || text.find_first_of(" \t\n\"'\\") != std::string_view::npos)
    return ScalarProblem{"bad image name " + shown(node), "for example debian:bookworm, or host"};
  return std::nullopt;
}

Problem accept_word(const Node& node, const ScalarRule& rule) {
  std::vector<std::string> words;
  for (const std::string_view word : rule.words) {
    if (node.text == word) return std::nullopt;
    words.emplace_back(word);
  }
  if (const auto near = did_you_mean(node.text, words))
    return ScalarProblem{"unknown value " + shown(node), "did you mean \"" + *near + "\"?"};
  return ScalarProblem{"unknown value " + shown(node), "one of " + join(words, ", ")};
}

constexpr std::string_view kPullWords[] = {"missing", "always", "never"};
constexpr std::string_view kNetworkWords[] = {"bridge", "none", "host"};
constexpr std::string_view kConcurrencyWords[] = {"cancel", "queue"};
constexpr std::string_view kRetryWords[] = {"agent-lost", "timeout", "failure"};
constexpr std::string_view kCacheWords[] = {"pull", "push", "both"};
constexpr std::string_view kArtifactsWords[] = {"on-success", "always", "on-failure"};
constexpr std::string_view kEventWords[] = {"push", "pull-request", "tag", "cron", "manual"};
constexpr std::string_view kInputWords[] = {"string", "number", "bool", "list"};
constexpr std::string_view kTlsWords[] = {"auto", "own", "off"};
constexpr std::string_view kStrategyWords[] = {"blue-green", "rolling", "canary"};

}  // namespace

namespace rules {

constexpr std::string_view kAnyScalarSchema = R"({"type":["string","number","boolean"]})";
constexpr std::string_view kFilledSchema =
    R"({"type":["string","number","boolean"],"minLength":1})";
constexpr std::string_view kWordSchema = R"({"type":"string"})";

const ScalarRule kString{"a string", accept_all, kAnyScalarSchema};
const ScalarRule kAny{"a value", accept_all, R"({"type":["string","number","boolean","null"]})"};
const ScalarRule kBool{"true or false", accept_bool, R"({"type":"boolean"})"};
const ScalarRule kCount{"a whole number", accept_count, R"({"type":"integer","minimum":0})"};
const ScalarRule kNumber{"a number", accept_number, R"({"type":"number"})"};
const ScalarRule kCpus{"a number of processors", accept_cpus,
                       R"({"type":"number","exclusiveMinimum":0})"};
const ScalarRule kDuration{
    "a duration such as 90s or 1h30m", accept_duration,
    R"({"type":"string","pattern":"^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d|w))+$"})"};
const ScalarRule kSize{
    "a size such as 512m or 2g", accept_size,
    R"({"type":["string","integer"],"pattern":"^[0-9]+(\\.[0-9]+)?([kKmMgGtT]?([iI]?[bB])?)$"})"};
const ScalarRule kPercent{"a percentage", accept_percent,
                          R"({"type":["string","integer"],"pattern":"^[0-9]{1,3}%?$"})"};
const ScalarRule kGlob{"a path pattern", accept_glob, kFilledSchema};
const ScalarRule kCron{"a cron line such as \"30 3 * * 1-5\"", accept_cron, R"({"type":"string"})"};
const ScalarRule kExpression{"an expression", accept_all, R"({"type":["string","boolean"]})"};
const ScalarRule kScript{"a command", accept_script, kFilledSchema};
const ScalarRule kPort{"a port", accept_port, R"({"type":"integer","minimum":1,"maximum":65535})"};
const ScalarRule kExitCode{"an exit code", accept_exit_code,
                           R"({"type":"integer","minimum":0,"maximum":255})"};
const ScalarRule kEnvName{"an environment name", accept_env_name,
                          R"({"type":"string","pattern":"^[A-Za-z_][A-Za-z0-9_]*$"})"};
const ScalarRule kId{
    "a name", accept_id,
    R"({"type":["string","number"],"pattern":"^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$"})"};
const ScalarRule kJobName{"a job name", accept_job_name,
                          R"({"type":"string","minLength":1,"maxLength":128})"};
const ScalarRule kImageName{"an image name", accept_image, kFilledSchema};

const ScalarRule kPullPolicy{"a pull policy", accept_word, kWordSchema, kPullWords};
const ScalarRule kNetwork{"a network mode", accept_word, kWordSchema, kNetworkWords};
const ScalarRule kConcurrency{"a concurrency policy", accept_word, kWordSchema, kConcurrencyWords};
const ScalarRule kRetryWhen{"a reason to retry", accept_word, kWordSchema, kRetryWords};
const ScalarRule kCachePolicy{"a cache policy", accept_word, kWordSchema, kCacheWords};
const ScalarRule kArtifactsWhen{"a condition", accept_word, kWordSchema, kArtifactsWords};
const ScalarRule kEventName{"an event", accept_word, kWordSchema, kEventWords};
const ScalarRule kInputType{"a type", accept_word, kWordSchema, kInputWords};
const ScalarRule kTls{"a TLS mode", accept_word, kWordSchema, kTlsWords};
const ScalarRule kStrategy{"a strategy", accept_word, kWordSchema, kStrategyWords};

}  // namespace rules

}  // namespace slipway::pipeline
