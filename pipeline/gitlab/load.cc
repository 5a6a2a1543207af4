// Files to one tree: documents, headers, includes. Reading files is the caller's business.
#include "pipeline/gitlab/load.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/gitlab/inputs.h"
#include "pipeline/gitlab/language.h"
#include "pipeline/gitlab/rules.h"
#include "pipeline/model/read.h"
#include "pipeline/yaml/parse.h"

namespace slipway::pipeline::gitlab {
namespace {

using yaml::Entry;
using yaml::Node;

// Spec: docs.gitlab.com/ci/yaml/includes: at most 150 files in a pipeline.
constexpr std::size_t kMaxIncludes = 150;
// All trees together; shared libraries of large companies stay far below.
constexpr std::size_t kMaxTreeBytes = std::size_t{64} << 20;

constexpr yaml::Options kYaml{.duplicates = yaml::Duplicates::kLastWins,
                              .tags = yaml::Tags::kReference,
                              .documents = 2,
                              .max_nodes = 200'000,
                              .max_aliased_bytes = std::size_t{48} << 20};

/// Whose files `local:` means inside of a file.
struct Home {
  std::string project;  // empty: this checkout
  std::string ref;
};

struct KindRow {
  std::string_view key;
  GitlabInclude::Kind kind;
};
constexpr std::array<KindRow, 5> kKinds{{{"local", GitlabInclude::Kind::kLocal},
                                         {"project", GitlabInclude::Kind::kProject},
                                         {"remote", GitlabInclude::Kind::kRemote},
                                         {"template", GitlabInclude::Kind::kTemplate},
                                         {"component", GitlabInclude::Kind::kComponent}}};

bool is_url(std::string_view text) {
  return text.starts_with("https://") || text.starts_with("http://");
}

class Loader {
 public:
  Loader(const GitlabRequest& request, const VariableLookup& facts, SourceSet& sources,
         std::vector<Diagnostic>& out)
      : request_(request), facts_(facts), sources_(sources), out_(out) {}

  std::optional<Node> file(SourceFile file, const Home& home, const Node* inputs, Span where) {
    file.included_at = where;
    if (file.text.starts_with("\xef\xbb\xbf")) file.text.erase(0, 3);
    const int number = static_cast<int>(sources_.size());
    sources_.push_back(std::move(file));
    std::vector<Node> documents = yaml::parse_documents(sources_, number, kYaml, out_);
    if (documents.empty()) return std::nullopt;
    Node root = std::move(documents.back());
    const bool header = documents.size() == 2 || root.find("spec") != nullptr;
    Span blamed = where.valid() ? where : Span{number, 1, 1, 1, 2};
    if (documents.size() == 2) {
      answer(documents.front(), root, inputs, blamed);
    } else if (header) {
      report(out_, root.find("spec")->key_span, "spec: stands in a header of its own",
             "write a line with --- below the header");
    } else if (inputs != nullptr && inputs->is_map() && !inputs->entries.empty()) {
      report(out_, inputs->span, "the included file takes no inputs",
             "declare them in a header with spec:inputs");
    }
    if (root.is_null() && where.valid()) {
      root.kind = yaml::Kind::kMap;
      return root;
    }
    if (!root.is_map()) {
      report(out_, root.span.valid() ? root.span : Span{number, 1, 1, 1, 2},
             root.is_null()
                 ? "the file is empty"
                 : "a pipeline is a map of jobs, found " + std::string(yaml::describe(root)),
             "the shortest one is \"test: { script: make test }\"");
      return std::nullopt;
    }
    includes(root, home);
    return root;
  }

 private:
  void answer(const Node& header, Node& root, const Node* inputs, Span where) {
    if (header.find("spec") == nullptr) {
      report(out_, header.span, "several documents in one file", "the first may only be spec:");
      return;
    }
    interpolate(root, resolve_inputs(header, inputs, where, out_), facts_, out_);
  }

  void includes(Node& root, const Home& home) {
    Entry* entry = root.find("include");
    if (entry == nullptr) return;
    const Node entries = std::move(entry->value);
    std::erase_if(root.entries, [](const Entry& known) { return known.key == "include"; });
    Node below;
    below.kind = yaml::Kind::kMap;
    for (const Node* item : one_or_many(&entries)) {
      check_value(*item, "include", language::kIncludeShapes, Completeness::kWhole, out_);
      if (item->is_scalar() || item->is_map()) include(*item, home, below);
    }
    yaml::merge_under(root, below);
  }

  void include(const Node& item, const Home& home, Node& below) {
    if (const Node* rules = item.get("rules"))
      if (!include_applies(*rules, request_, facts_, out_)) return;
    for (const GitlabInclude& wanted : read_include(item, home)) fetch(wanted, item, home, below);
  }

  std::string text(const Node& node) {
    std::string text = expand_variables(node.text, facts_, Unset::kKeep);
    while (text.starts_with('/')) text.erase(0, 1);
    return text;
  }

  /// "ci/**.yml" means files in directories below, too. Spec: docs.gitlab.com/ci/yaml/includes, wildcards
  static std::string deep_stars(std::string path) {
    for (std::size_t at = path.find("**"); at != std::string::npos; at = path.find("**", at + 2))
      if (at + 2 < path.size() && path[at + 2] != '/') path.insert(at + 2, "/*");
    return path;
  }

  std::vector<GitlabInclude> read_include(const Node& item, const Home& home) {
    GitlabInclude wanted;
    if (item.is_scalar()) {
      const std::string plain = expand_variables(item.text, facts_, Unset::kKeep);
      wanted.kind = is_url(plain) ? GitlabInclude::Kind::kRemote : GitlabInclude::Kind::kLocal;
      wanted.location = is_url(plain) ? plain : text(item);
      return {at_home(std::move(wanted), home)};
    }
    const Entry* found = nullptr;
    for (const KindRow& row : kKinds) {
      const Entry* entry = item.find(row.key);
      if (entry == nullptr) continue;
      if (found != nullptr)
        report(out_, entry->key_span,
               "\"" + entry->key + "\" and \"" + found->key + "\" in one include",
               "write two entries");
      found = entry;
      wanted.kind = row.kind;
    }
    if (found == nullptr || !found->value.is_scalar()) {
      if (found == nullptr)
        report(out_, item.span, "an include names no file",
               "local:, project: with file:, remote:, template: or component:");
      return {};
    }
    if (const Node* ref = item.get("ref")) wanted.ref = text(*ref);
    wanted.integrity = read_string(item.get("integrity"));
    if (wanted.kind != GitlabInclude::Kind::kProject) {
      wanted.location = wanted.kind == GitlabInclude::Kind::kLocal ||
                                wanted.kind == GitlabInclude::Kind::kTemplate
                            ? text(found->value)
                            : expand_variables(found->value.text, facts_, Unset::kKeep);
      if (wanted.kind == GitlabInclude::Kind::kComponent) split_version(wanted);
      return {at_home(std::move(wanted), home)};
    }
    wanted.project = text(found->value);
    std::vector<GitlabInclude> all;
    for (const Node* file : one_or_many(item.get("file"))) {
      wanted.location = text(*file);
      all.push_back(wanted);
    }
    if (all.empty())
      report(out_, found->key_span, "an include of a project needs file:", "name the file");
    return all;
  }

  static void split_version(GitlabInclude& component) {
    const std::size_t at = component.location.rfind('@');
    if (at == std::string::npos) return;
    component.ref = component.location.substr(at + 1);
    component.location.resize(at);
  }

  /// `local:` in a file of another project is a file of that project.
  static GitlabInclude at_home(GitlabInclude wanted, const Home& home) {
    if (wanted.kind == GitlabInclude::Kind::kLocal) wanted.location = deep_stars(wanted.location);
    if (wanted.kind != GitlabInclude::Kind::kLocal || home.project.empty()) return wanted;
    wanted.kind = GitlabInclude::Kind::kProject;
    wanted.project = home.project;
    wanted.ref = home.ref;
    return wanted;
  }

  void fetch(const GitlabInclude& wanted, const Node& item, const Home& home, Node& below) {
    const Result<std::vector<SourceFile>> files =
        request_.include ? request_.include(wanted)
                         : Result<std::vector<SourceFile>>(
                               fail(ErrorCode::kUnsupported, "includes are not available here"));
    if (!files)
      return report(out_, item.span, "cannot include: " + printable(files.error().text()));
    for (const SourceFile& file : *files) {
      if (++count_ > kMaxIncludes) {
        if (count_ == kMaxIncludes + 1)
          report(out_, item.span, "more than 150 included files", "does a file include itself?");
        return;
      }
      const bool abroad = wanted.kind == GitlabInclude::Kind::kProject;
      std::optional<Node> tree = this->file(file, abroad ? Home{wanted.project, wanted.ref} : home,
                                            item.get("inputs"), item.span);
      if (!tree) continue;
      bytes_ += yaml::weight(*tree);
      if (bytes_ > kMaxTreeBytes)
        return report(out_, item.span, "the included files are larger than 64 MiB together");
      yaml::merge_under(*tree, below);
      below = *std::move(tree);
    }
  }

  const GitlabRequest& request_;
  const VariableLookup& facts_;
  SourceSet& sources_;
  std::vector<Diagnostic>& out_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

/// Inputs of the run, as the `inputs:` of an include would have them: plain, so that they take the declared type.
Node inputs_of(const Event& event) {
  Node map;
  map.kind = yaml::Kind::kMap;
  for (const auto& [name, value] : event.inputs) {
    Node node;
    node.kind = yaml::Kind::kScalar;
    node.text = value;
    map.entries.push_back({name, {}, std::move(node)});
  }
  return map;
}

}  // namespace

std::optional<Node> load(const GitlabRequest& request, const VariableLookup& facts,
                         SourceSet& sources, std::vector<Diagnostic>& out) {
  const Node inputs = inputs_of(request.event);
  std::optional<Node> root =
      Loader(request, facts, sources, out).file(request.file, {}, &inputs, {});
  if (!root) return std::nullopt;
  resolve_extends(*root, out);
  resolve_references(*root, out);
  return root;
}

}  // namespace slipway::pipeline::gitlab
