#pragma once

#include <span>

#include "runner/cli/options.h"

/// Rows of the option table for containers, networks and volumes: docker's commands with docker's options.
namespace slipway::runner {

std::span<const CommandSpec> container_commands();
std::span<const CommandSpec> network_commands();  ///< Volumes as well.

namespace option_rows {

constexpr OptionSpec flag(std::string_view name, char letter, std::string_view help) {
  return {name, letter, "", help};
}
constexpr OptionSpec value(std::string_view name, char letter, std::string_view value,
                           std::string_view help, Complete complete = Complete::kNothing,
                           std::string_view words = "") {
  return {name, letter, value, help, OptionKind::kValue, complete, words};
}
constexpr OptionSpec list(std::string_view name, char letter, std::string_view value,
                          std::string_view help, Complete complete = Complete::kNothing) {
  return {name, letter, value, help, OptionKind::kList, complete};
}
/// `option`, also understood by an older name of docker's.
constexpr OptionSpec also(OptionSpec option, std::string_view older_name) {
  option.also = older_name;
  return option;
}
/// `option`, whose short variable (RUNNER_NAME) other CI systems set to something else.
constexpr OptionSpec own_variable_only(OptionSpec option) {
  option.variable = Variable::kOwnOnly;
  return option;
}

inline constexpr OptionSpec kJson = flag("json", 0, "print JSON");
inline constexpr OptionSpec kNoTrunc = flag("no-trunc", 0, "whole ids and texts");
inline constexpr OptionSpec kQuietIds = flag("quiet", 'q', "only ids");
inline constexpr OptionSpec kFilter =
    list("filter", 'f', "NAME=VALUE", "only what fits, such as label=tier=web");
inline constexpr OptionSpec kFormat =
    value("format", 0, "TEMPLATE",
          "table, json, or a Go template for each item, such as '{{.ID}} {{json .}}'; "
          "'table …' adds a heading");
inline constexpr OptionSpec kInspectFormat =
    value("format", 'f', "TEMPLATE", "a Go template for each item, such as '{{json .State}}'");
inline constexpr OptionSpec kForcePrune = flag("force", 'f', "do not ask");
inline constexpr OptionSpec kPruneFilter =
    list("filter", 0, "NAME=VALUE", "only what fits: label=…, label!=…, until=24h");

}  // namespace option_rows
}  // namespace slipway::runner
