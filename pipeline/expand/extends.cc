// `extends:` — templates below jobs. Maps merge deeply, lists replace; of several templates the
// later one wins.
#include <map>
#include <set>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/expand/merge.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline {

namespace {

using yaml::Entry;
using yaml::Node;

class Resolver {
 public:
  Resolver(const Node& jobs, std::vector<Diagnostic>& out) : out_(out) {
    for (const Entry& entry : jobs.entries) {
      raw_.emplace(entry.key, &entry);
      if (entry.key.starts_with(".")) templates_.push_back(entry.key);
    }
  }

  /// The entry's map with all its templates below it.
  Node resolved(const Entry& entry) {
    Node node = entry.value;
    const Entry* extends = entry.value.find("extends");
    if (extends == nullptr || !entry.value.is_map()) return node;
    if (chain_.size() >= static_cast<std::size_t>(kMaxExtendsDepth)) {
      report(out_, extends->key_span, "templates nested deeper than 16");
      return node;
    }
    chain_.push_back(entry.key);
    const std::vector<const Node*> names = one_or_many(&extends->value);
    for (auto name = names.rbegin(); name != names.rend(); ++name)
      if (const Entry* base = find(**name)) merge(node, *base, (*name)->span);
    chain_.pop_back();
    return node;
  }

 private:
  void merge(Node& node, const Entry& base, Span span) {
    for (std::size_t at = 0; at < chain_.size(); ++at) {
      if (chain_[at] != base.key) continue;
      std::vector<std::string> names(chain_.begin() + static_cast<std::ptrdiff_t>(at),
                                     chain_.end());
      names.push_back(base.key);
      return report(out_, span, "templates in a circle: " + printable(join(names, " -> ")),
                    "break the circle");
    }
    Node below = resolved(base);
    std::erase_if(below.entries, [](const Entry& entry) { return entry.key == "extends"; });
    // A diamond of templates doubles at each level: what all merges bring is bounded, not only the
    // result.
    bytes_ += yaml::weight(below);
    if (bytes_ > kMaxExpandedBytes) {
      if (!std::exchange(exhausted_, true))
        report(out_, span, "templates expand to more than 16 MiB");
      return;
    }
    yaml::merge_under(node, below);
  }

  const Entry* find(const Node& name) {
    if (!name.is_scalar() || exhausted_) return nullptr;
    const auto found = raw_.find(name.text);
    if (found == raw_.end()) {
      std::string help = suggestion(name.text, templates_, out_);
      if (help.empty()) help = "templates are jobs whose names start with a dot";
      report(out_, name.span, "unknown template " + quoted(name.text), std::move(help));
      return nullptr;
    }
    if (name.text.starts_with(".")) return found->second;
    report(out_, name.span, quoted(name.text) + " is a job, not a template",
           "move what is shared to a template; its name starts with a dot",
           {DiagnosticNote{found->second->key_span, "the job is here"}});
    return nullptr;
  }

  std::vector<Diagnostic>& out_;
  std::map<std::string, const Entry*> raw_;
  std::vector<std::string> templates_;
  std::vector<std::string> chain_;
  std::size_t bytes_ = 0;
  bool exhausted_ = false;
};

}  // namespace

void resolve_extends(Node& jobs, std::vector<Diagnostic>& out) {
  std::vector<Node> merged;
  merged.reserve(jobs.entries.size());
  Resolver resolver(jobs, out);
  // All of the raw tree must stay in place until the last job has taken its templates.
  for (const Entry& entry : jobs.entries) merged.push_back(resolver.resolved(entry));
  for (std::size_t at = 0; at < merged.size(); ++at) {
    Entry& entry = jobs.entries[at];
    // Templates are checked as they were written; a circle among them is found above all the same.
    if (!entry.key.starts_with(".")) entry.value = std::move(merged[at]);
  }
}

}  // namespace slipway::pipeline
