// `on:` — whether an event starts the pipeline, and the inputs of a manual run.
#include <algorithm>

#include "base/glob.h"
#include "pipeline/expand/jobs.h"
#include "pipeline/expand/merge.h"

namespace slipway::pipeline {

namespace {

using yaml::Entry;
using yaml::Node;

// Without `on:`: every push and pull request, and by hand.
constexpr std::string_view kDefaultEvents[] = {"push", "pull-request", "manual"};

// A list that only takes away ("!docs/**") starts from everything.
bool takes(const Node* globs, const std::vector<std::string>& candidates) {
  if (globs == nullptr) return true;
  std::vector<std::string> patterns = read_strings(globs);
  if (!patterns.empty() && patterns.front().starts_with("!"))
    patterns.insert(patterns.begin(), "**");
  const auto list = GlobList::compile(patterns);
  if (!list) return true;  // reported by the shape check
  return std::any_of(candidates.begin(), candidates.end(),
                     [&](const std::string& text) { return list->matches(text); });
}

bool paths_take(const Node& filter, const Event& event) {
  return !event.changed_known || takes(filter.get("paths"), event.changed_paths);
}

bool filter_takes(const Node& filter, const Event& event) {
  if (const auto flag = yaml::as_bool(filter)) return *flag;
  if (event.name == "push")
    return takes(filter.get("branches"), {event.branch}) && paths_take(filter, event);
  if (event.name == "pull-request")
    return takes(filter.get("branches"), {event.target_branch}) && paths_take(filter, event);
  if (event.name == "tag") return filter.is_null() || takes(&filter, {event.tag});
  return true;
}

}  // namespace

bool is_triggered(const Node* on, const Event& event) {
  if (on == nullptr)
    return std::find(std::begin(kDefaultEvents), std::end(kDefaultEvents), event.name) !=
           std::end(kDefaultEvents);
  if (!on->is_map()) {
    const std::vector<std::string> names = read_strings(on);
    return std::find(names.begin(), names.end(), event.name) != names.end();
  }
  const Entry* entry = on->find(event.name);
  return entry != nullptr && filter_takes(entry->value, event);
}

Value manual_inputs(const Node* on, const Event& event, std::vector<Diagnostic>& out,
                    std::vector<std::string>& missing) {
  const Node* manual = on == nullptr ? nullptr : on->get("manual");
  const Node* declared = manual == nullptr ? nullptr : manual->get("inputs");
  const Span where = declared == nullptr ? Span{} : on->find("manual")->key_span;
  GivenInputs given;
  for (const auto& [name, value] : event.inputs)
    given.emplace_back(name, GivenInput{Value(value), Span{}});
  Value inputs = resolve_inputs(declared, given, where, out, &missing);
  // Nobody is asked in other events; their jobs see the defaults.
  if (event.name != "manual") missing.clear();
  return inputs;
}

}  // namespace slipway::pipeline
