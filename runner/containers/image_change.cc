// Dockerfile instructions that only change an image's config, for `image import --change`.
#include "runner/image_change.h"

#include <array>

#include "base/json.h"
#include "base/text.h"

namespace slipway::runner {
namespace {

using cachestore::ImageConfig;

/// Splits words as a shell would, with single and double quotes and backslashes but no expansion.
Result<std::vector<std::string>> shell_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      in_word = true;
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
      in_word = true;
    } else if (quote == 0 && (c == ' ' || c == '\t')) {
      if (in_word) words.push_back(std::exchange(word, ""));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return fail(ErrorCode::kInvalid, "a quote is not closed");
  if (in_word) words.push_back(word);
  return words;
}

/// A JSON list of strings, or the shell form.
Result<std::vector<std::string>> command_words(std::string_view text) {
  if (!text.starts_with('[')) return std::vector<std::string>{"/bin/sh", "-c", std::string(text)};
  const Json list = SLIP_TRY(parse_json(text));
  std::vector<std::string> words;
  for (const Json& item : list.items()) {
    if (!item.is_string())
      return fail(ErrorCode::kInvalid, "the list holds something else than strings");
    words.emplace_back(item.string_or(""));
  }
  return words;
}

/// `A=1 B="2 3"`, or the old form `A 1 and the rest`.
Result<std::vector<std::pair<std::string, std::string>>> pairs(std::string_view text) {
  const std::size_t name_end = text.find_first_of(" \t=");
  if (name_end != std::string_view::npos && text[name_end] != '=') {
    return std::vector<std::pair<std::string, std::string>>{
        {std::string(text.substr(0, name_end)), std::string(trim(text.substr(name_end)))}};
  }
  std::vector<std::pair<std::string, std::string>> result;
  for (const std::string& word : SLIP_TRY(shell_words(text))) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(ErrorCode::kInvalid, "expected NAME=value, not \"" + printable(word) + "\"");
    result.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return result;
}

Result<std::vector<std::string>> list_of(std::string_view text) {
  return text.starts_with('[') ? command_words(text) : shell_words(text);
}

Status set_env(ImageConfig& config, std::string_view text) {
  for (const auto& [name, value] : SLIP_TRY(pairs(text))) {
    std::erase_if(config.env, [&, prefix = name + "="](const std::string& entry) {
      return entry.starts_with(prefix);
    });
    config.env.push_back(name + "=" + value);
  }
  return {};
}
Status set_label(ImageConfig& config, std::string_view text) {
  for (auto& pair : SLIP_TRY(pairs(text))) {
    std::erase_if(config.labels, [&](const auto& entry) { return entry.first == pair.first; });
    config.labels.push_back(std::move(pair));
  }
  return {};
}
Status set_cmd(ImageConfig& config, std::string_view text) {
  config.cmd = SLIP_TRY(command_words(text));
  return {};
}
Status set_entrypoint(ImageConfig& config, std::string_view text) {
  config.entrypoint = SLIP_TRY(command_words(text));
  return {};
}
Status set_user(ImageConfig& config, std::string_view text) {
  config.user = std::string(text);
  return {};
}
Status set_workdir(ImageConfig& config, std::string_view text) {
  const bool absolute = text.starts_with('/');
  config.working_dir =
      absolute ? std::string(text)
               : (config.working_dir == "/" ? "" : config.working_dir) + "/" + std::string(text);
  return {};
}
Status set_stop_signal(ImageConfig& config, std::string_view text) {
  config.stop_signal = std::string(text);
  return {};
}
Status add_volumes(ImageConfig& config, std::string_view text) {
  for (std::string& path : SLIP_TRY(list_of(text))) config.volumes.push_back(std::move(path));
  return {};
}
Status add_ports(ImageConfig& config, std::string_view text) {
  for (const std::string& port : SLIP_TRY(list_of(text))) {
    const bool proto = port.find('/') != std::string::npos;
    config.exposed_ports.push_back(proto ? port : port + "/tcp");
  }
  return {};
}

struct Instruction {
  std::string_view name;
  Status (*apply)(ImageConfig&, std::string_view);
};
constexpr std::array<Instruction, 9> kInstructions{{{"cmd", set_cmd},
                                                    {"entrypoint", set_entrypoint},
                                                    {"env", set_env},
                                                    {"expose", add_ports},
                                                    {"label", set_label},
                                                    {"stopsignal", set_stop_signal},
                                                    {"user", set_user},
                                                    {"volume", add_volumes},
                                                    {"workdir", set_workdir}}};

}  // namespace

Status apply_change(const std::string& instruction, ImageConfig& config) {
  const std::string_view text = trim(instruction);
  const std::size_t space = text.find_first_of(" \t");
  const std::string name = to_lower(text.substr(0, space));
  const std::string_view rest =
      space == std::string_view::npos ? std::string_view() : trim(text.substr(space));
  const std::string context = "parse change \"" + printable(instruction) + "\"";
  for (const Instruction& known : kInstructions) {
    if (known.name != name) continue;
    if (rest.empty()) return fail(ErrorCode::kInvalid, context + ": nothing after the instruction");
    if (Status applied = known.apply(config, rest); !applied)
      return fail(std::move(applied).error().within(context));
    return {};
  }
  std::vector<std::string> names;
  for (const Instruction& known : kInstructions) names.emplace_back(known.name);
  const auto near = did_you_mean(name, names);
  return fail(ErrorCode::kInvalid,
              context + ": unknown instruction; " +
                  (near ? "did you mean " + *near + "?" : "one of: " + join(names, ", ")));
}

}  // namespace slipway::runner
