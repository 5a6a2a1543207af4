// `include:` — other files of the repository, merged under the including one.
#include <algorithm>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/check/language.h"
#include "pipeline/expand/merge.h"
#include "pipeline/model/read.h"
#include "pipeline/yaml/parse.h"

namespace slipway::pipeline {

namespace {

using yaml::Node;

// All included text together; each file has its own 1 MiB.
constexpr std::size_t kMaxIncludedBytes = std::size_t{4} << 20;

// "./ci/a.yml" -> "ci/a.yml"; nothing for what could leave the repository.
std::optional<std::string> repository_path(std::string_view path) {
  if (path.empty() || path.size() > 1024 || path.front() == '/') return std::nullopt;
  if (path.find('\\') != std::string_view::npos) return std::nullopt;
  std::vector<std::string> parts;
  for (const std::string_view part : split(path, '/')) {
    if (part == "..") return std::nullopt;
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  if (parts.empty()) return std::nullopt;
  return join(parts, "/");
}

class Includer {
 public:
  Includer(const CompileRequest& request, SourceSet& sources, std::vector<Diagnostic>& out)
      : request_(request), sources_(sources), out_(out) {
    chain_.push_back(request.file.path);
  }

  void merge_into(Node& root) {
    const yaml::Entry* include = root.find("include");
    if (include == nullptr) return;
    check_value(include->value, "\"include\"", language::kIncludeShapes, Completeness::kWhole,
                out_);
    // Later files over earlier ones, and the including file over all.
    Node merged;
    merged.kind = yaml::Kind::kMap;
    for (const Node* item : one_or_many(&include->value)) {
      std::optional<Node> tree = load(*item);
      if (!tree) continue;
      yaml::merge_under(*tree, merged);
      merged = *std::move(tree);
    }
    yaml::merge_under(root, merged);
  }

 private:
  std::optional<Node> load(const Node& item) {
    const Node* file = item.is_map() ? item.get("file") : &item;
    if (const yaml::Entry* git = item.find("git")) {
      report(out_, git->key_span, "including from another repository is not available here",
             "it needs a commit pinned in .slipway.lock; copy the file into this repository");
      return std::nullopt;
    }
    if (file == nullptr || !file->is_scalar()) return std::nullopt;
    const auto path = repository_path(file->text);
    if (!path) {
      report(out_, file->span, "include leaves the repository: " + quoted(file->text),
             "name a file by its path from the repository's root, without \"..\"");
      return std::nullopt;
    }
    if (!within_bounds(*path, file->span)) return std::nullopt;
    auto tree = read(*path, file->span);
    if (!tree) return std::nullopt;
    prepare(*tree, item, *path, file->span);
    return tree;
  }

  bool within_bounds(const std::string& path, Span span) {
    if (bytes_ > kMaxIncludedBytes || weight_ > kMaxExpandedBytes) return false;  // said once
    if (std::find(chain_.begin(), chain_.end(), path) != chain_.end()) {
      std::vector<std::string> names = chain_;
      names.push_back(path);
      report(out_, span, "include in a circle: " + printable(join(names, " -> ")),
             "break the circle");
      return false;
    }
    if (chain_.size() > static_cast<std::size_t>(kMaxIncludeDepth)) {
      report(out_, span, "includes nested deeper than 8 files");
      return false;
    }
    if (++count_ > kMaxIncludes) {
      report(out_, span, "more than 64 included files");
      return false;
    }
    return true;
  }

  std::optional<Node> read(const std::string& path, Span span) {
    auto index = std::find_if(sources_.begin(), sources_.end(),
                              [&](const SourceFile& known) { return known.path == path; });
    if (index == sources_.end()) {
      if (!request_.include) {
        report(out_, span, "no other files can be read here: " + quoted(path));
        return std::nullopt;
      }
      auto source = request_.include(path);
      if (!source) {
        report(out_, span, "include " + quoted(path) + ": " + printable(source.error().text()));
        return std::nullopt;
      }
      sources_.push_back({path, std::move(source->text)});
      index = std::prev(sources_.end());
    }
    bytes_ += index->text.size();
    if (bytes_ > kMaxIncludedBytes) {
      report(out_, span, "included files are larger than 4 MiB in all");
      return std::nullopt;
    }
    auto tree = yaml::parse(sources_, static_cast<int>(index - sources_.begin()), out_);
    if (!tree) return std::nullopt;
    weight_ += yaml::weight(*tree);
    if (weight_ > kMaxExpandedBytes) {
      report(out_, span, "included files hold more than 16 MiB of values");
      return std::nullopt;
    }
    if (tree->is_map()) return tree;
    report(out_, tree->span.valid() ? tree->span : span,
           "an included file must be a map, found " + std::string(yaml::describe(*tree)));
    return std::nullopt;
  }

  // Inputs first (types may depend on them), then its own includes, then the check in its own
  // terms.
  void prepare(Node& tree, const Node& item, const std::string& path, Span span) {
    GivenInputs given;
    if (const Node* with = item.get("with"))
      for (const yaml::Entry& entry : with->entries)
        given.emplace_back(entry.key, GivenInput{yaml::to_value(entry.value), entry.key_span});
    const Node* declared = tree.get("inputs");
    const Value inputs = resolve_inputs(declared, given, span, out_);
    substitute_inputs(tree, inputs, out_);
    for (const yaml::Entry& entry : tree.entries)
      if (entry.key != "jobs") check_entry(entry);
    chain_.push_back(path);
    merge_into(tree);
    chain_.pop_back();
    std::erase_if(tree.entries, [](const yaml::Entry& entry) {
      return entry.key != "jobs" && entry.key != "env" && entry.key != "defaults";
    });
  }

  // Jobs and what else is merged is checked after the merge; here only what must not reach it.
  void check_entry(const yaml::Entry& entry) {
    Node one;
    one.kind = yaml::Kind::kMap;
    one.entries.push_back(entry);
    check_map(one, entry.key_span, language::kIncluded, Completeness::kPart, out_);
  }

  const CompileRequest& request_;
  SourceSet& sources_;
  std::vector<Diagnostic>& out_;
  std::vector<std::string> chain_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  std::size_t weight_ = 0;
};

}  // namespace

void merge_includes(Node& root, const CompileRequest& request, SourceSet& sources,
                    std::vector<Diagnostic>& out) {
  Includer(request, sources, out).merge_into(root);
}

}  // namespace slipway::pipeline
