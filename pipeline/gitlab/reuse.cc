// Reuse inside of the merged tree: `extends`, then `!reference`.
#include <set>
#include <unordered_map>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/gitlab/load.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline::gitlab {
namespace {

using yaml::Entry;
using yaml::Node;

constexpr std::size_t kMaxExtends = 11;     // levels, as GitLab
constexpr std::size_t kMaxReferences = 10;  // references in references, as GitLab
/// What all copies together may weigh: 500 jobs on a large template are 20 MiB.
constexpr std::size_t kMaxCopied = std::size_t{96} << 20;

class Extender {
 public:
  Extender(Node& root, std::vector<Diagnostic>& out) : root_(root), out_(out) {
    for (std::size_t at = 0; at < root.entries.size(); ++at) {
      index_.emplace(root.entries[at].key, at);
      if (root.entries[at].value.is_map()) names_.push_back(root.entries[at].key);
    }
    done_.resize(root.entries.size());
  }

  void run() {
    for (std::size_t at = 0; at < root_.entries.size(); ++at) resolve(at);
  }

 private:
  // Depth first; what an entry is built on is complete before it is merged, so each is merged once.
  void resolve(std::size_t at) {
    if (done_[at]) return;
    Entry& entry = root_.entries[at];
    const Entry* extends = entry.value.is_map() ? entry.value.find("extends") : nullptr;
    if (extends == nullptr || extends->value.is_null()) {
      done_[at] = true;
      return;
    }
    if (path_.size() >= kMaxExtends)
      return report(out_, extends->key_span, "extends nested deeper than 11");
    path_.push_back(at);
    const Node names = extends->value;
    for (const Node* name : one_or_many(&names)) base(entry, *name);
    path_.pop_back();
    std::erase_if(entry.value.entries, [](const Entry& key) { return key.key == "extends"; });
    Node below;
    below.kind = yaml::Kind::kMap;
    for (const Node* name : one_or_many(&names)) {
      const auto found = index_.find(name->text);
      if (found == index_.end() || !done_[found->second] || exhausted_) continue;
      Node layer = root_.entries[found->second].value;
      copied_ += yaml::weight(layer);
      if (copied_ > kMaxCopied) {
        if (!std::exchange(exhausted_, true))
          report(out_, name->span, "templates expand to more than 96 MiB");
        break;
      }
      if (!below.entries.empty()) yaml::merge_under(layer, below);
      below = std::move(layer);
    }
    yaml::merge_under(entry.value, below);
    done_[at] = true;
  }

  void base(const Entry& entry, const Node& name) {
    if (!name.is_scalar())
      return report(out_, name.span, "extends names jobs", "write their names");
    const auto found = index_.find(name.text);
    if (found == index_.end() || !root_.entries[found->second].value.is_map()) {
      std::string help = suggestion(name.text, names_, out_);
      return report(out_, name.span,
                    quoted(entry.key) + " extends " + quoted(name.text) + ", which does not exist",
                    std::move(help));
    }
    for (const std::size_t open : path_)
      if (open == found->second)
        return report(out_, name.span, "extends in a circle: " + circle(found->second),
                      "break the circle");
    resolve(found->second);
  }

  std::string circle(std::size_t back) const {
    std::vector<std::string> names;
    for (const std::size_t open : path_)
      if (open == back || !names.empty()) names.push_back(root_.entries[open].key);
    names.push_back(root_.entries[back].key);
    return printable(join(names, " -> "));
  }

  Node& root_;
  std::vector<Diagnostic>& out_;
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<std::string> names_;
  std::vector<bool> done_;
  std::vector<std::size_t> path_;
  std::size_t copied_ = 0;
  bool exhausted_ = false;
};

class Dereferencer {
 public:
  Dereferencer(const Node& root, std::vector<Diagnostic>& out) : root_(root), out_(out) {}

  // Only what holds a reference is copied.
  bool holds_any(const Node& node) const {
    if (node.reference) return true;
    for (const Node& item : node.items)
      if (holds_any(item)) return true;
    for (const Entry& entry : node.entries)
      if (holds_any(entry.value)) return true;
    return false;
  }

  void visit(Node& node, std::size_t depth) {
    if (node.reference) {
      Node found = look_up(node, depth);
      node = std::move(found);
      return;
    }
    for (Node& item : node.items) visit(item, depth);
    for (Entry& entry : node.entries) visit(entry.value, depth);
  }

 private:
  Node nothing(const Node& at) const {
    Node node;
    node.span = at.span;
    return node;
  }

  Node look_up(const Node& reference, std::size_t depth) {
    if (depth >= kMaxReferences) {
      report(out_, reference.span, "references nested deeper than 10", "does one refer to itself?");
      return nothing(reference);
    }
    const Node* at = &root_;
    std::string walked;
    for (const Node& step : reference.items) {
      const Node* next = nullptr;
      if (at->reference) {  // the way leads through another reference
        Node through = look_up(*at, depth + 1);
        kept_.push_back(std::make_unique<Node>(std::move(through)));
        at = kept_.back().get();
      }
      if (at->is_map())
        next = at->find(step.text) == nullptr ? nullptr : &at->find(step.text)->value;
      const auto number = at->is_list() ? parse_int(step.text) : std::nullopt;
      if (number && *number >= 0 && static_cast<std::size_t>(*number) < at->items.size())
        next = &at->items[static_cast<std::size_t>(*number)];
      if (next == nullptr) {
        unknown(step, *at, walked);
        return nothing(reference);
      }
      walked += walked.empty() ? step.text : ", " + step.text;
      at = next;
    }
    Node found = *at;
    copied_ += yaml::weight(found);
    if (copied_ > kMaxCopied) {
      if (!std::exchange(exhausted_, true))
        report(out_, reference.span, "references expand to more than 96 MiB");
      return nothing(reference);
    }
    visit(found, depth + 1);
    return found;
  }

  void unknown(const Node& step, const Node& in, const std::string& walked) {
    std::vector<std::string> names;
    for (const Entry& entry : in.entries) names.push_back(entry.key);
    report(out_, step.span,
           quoted(step.text) + " is not in " +
               (walked.empty() ? "the pipeline" : "[" + printable(walked) + "]"),
           suggestion(step.text, names, out_));
  }

  const Node& root_;
  std::vector<Diagnostic>& out_;
  std::vector<std::unique_ptr<Node>> kept_;
  std::size_t copied_ = 0;
  bool exhausted_ = false;
};

}  // namespace

void resolve_extends(Node& root, std::vector<Diagnostic>& out) { Extender(root, out).run(); }

void resolve_references(Node& root, std::vector<Diagnostic>& out) {
  std::vector<std::pair<std::size_t, Node>> changed;
  Dereferencer dereferencer(root, out);
  for (std::size_t at = 0; at < root.entries.size(); ++at) {
    // What a template refers to is looked up where the template is used.
    if (root.entries[at].key.starts_with('.') || !dereferencer.holds_any(root.entries[at].value))
      continue;
    changed.emplace_back(at, root.entries[at].value);
    dereferencer.visit(changed.back().second, 0);
  }
  for (auto& [at, value] : changed) root.entries[at].value = std::move(value);
}

}  // namespace slipway::pipeline::gitlab
