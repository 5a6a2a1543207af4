// The part of the option table that is about caches of jobs and memos of steps.
#include "runner/cli/commands.h"
#include "runner/cli/option_tables.h"

namespace slipway::runner {
namespace {

constexpr auto kValue = OptionKind::kValue;

constexpr OptionSpec kList[] = {
    {"json", 0, "", "print JSON"},
    {"format", 0, "TEMPLATE",
     "print each entry by a Go template, such as '{{.Key}} {{.Size}}'; 'table …' adds a heading",
     kValue},
    {"quiet", 'q', "", "only ids"}};
constexpr OptionSpec kStats[] = {
    {"json", 0, "", "print JSON"},
    {"format", 0, "TEMPLATE", "print by a Go template, such as '{{.Caches}}'", kValue}};
constexpr PositionalSpec kEntries[] = {{"ENTRY", "ids or keys, as `cache ls` prints them", 1, -1}};
constexpr Example kListExamples[] = {
    {"runner cache ls", "least recently used last"},
    {"runner cache ls --format '{{.Key}} {{.Size}}'", "your own form"}};
constexpr std::string_view kListDetails =
    "What `cache:` of jobs and `memo:` of steps keep. Layers that several entries share count in "
    "each one's size.";

constexpr CommandSpec kRows[] = {
    {"cache ls",
     "",
     Group::kImages,
     "list caches of jobs and memos of steps",
     kListDetails,
     kListExamples,
     kList,
     {},
     Grammar::kAnywhere,
     2,
     cache_list_command},
    {"cache stats",
     "",
     Group::kImages,
     "how much caches take",
     "",
     {},
     kStats,
     {},
     Grammar::kAnywhere,
     2,
     cache_stats_command},
    {"cache rm",
     "",
     Group::kImages,
     "forget caches",
     "",
     {},
     {},
     kEntries,
     Grammar::kAnywhere,
     2,
     cache_remove_command},
};

}  // namespace

std::span<const CommandSpec> cache_command_rows() { return kRows; }

}  // namespace slipway::runner
