// Writes a preview tree as YAML with the places values come from as comments. Only constructs that mean the same in
// YAML 1.1 and 1.2 are used.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "pipeline/graph/preview_tree.h"

namespace slipway::pipeline {
namespace {

bool is_plain_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_./+@-").find(c) != std::string_view::npos;
}

// Words that some YAML reader takes for something else than a string.
bool is_reserved(std::string_view text) {
  static constexpr std::array<std::string_view, 9> kWords{"true", "false", "null", "yes", "no",
                                                          "on",   "off",   "y",    "n"};
  return std::find(kWords.begin(), kWords.end(), to_lower(text)) != kWords.end();
}

bool is_plain(std::string_view text) {
  if (text.empty() || is_reserved(text)) return false;
  const char first = text[0];
  const bool path = text.starts_with("./") || text.starts_with('/');
  const bool letter =
      (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first == '_';
  if ((!letter && !path) || text.back() == ' ') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    // Words apart by single blanks, and "image:tag": a colon that no blank follows.
    const bool blank = text[i] == ' ' && text[i + 1] != ' ';
    const bool colon = text[i] == ':' && i + 1 < text.size() && text[i + 1] != ' ';
    if (!is_plain_character(text[i]) && !blank && !colon) return false;
  }
  return true;
}

// JSON strings are YAML's double-quoted scalars.
std::string scalar_text(const Value& value) {
  if (value.is_null()) return "null";
  const std::string* text = value.string();
  if (text == nullptr) return value.to_text();
  return is_plain(*text) ? *text : Json(*text).dump();
}

// Several lines that a block scalar can hold without escapes.
bool is_block(const Value& value) {
  const std::string* text = value.string();
  if (text == nullptr || text->find('\n') == std::string::npos) return false;
  if (text->front() == ' ' || text->front() == '\t' || text->front() == '\n') return false;
  std::string rest;
  std::copy_if(text->begin(), text->end(), std::back_inserter(rest),
               [](char c) { return c != '\n' && c != '\t'; });
  return printable(rest) == rest && rest.find("\xEF\xBB\xBF") == std::string::npos;
}

class YamlWriter {
 public:
  explicit YamlWriter(const SourceSet& sources) : sources_(sources) {}

  std::string write(const PreviewNode& tree) {
    map(tree, 0, Span());
    return std::move(out_);
  }

 private:
  // A comment only where the place is not that of the line above in the tree: the rest inherits it.
  std::string comment(const PreviewNode& node, const Span& outer) const {
    if (!node.origin.valid()) return "";
    if (node.origin.file == outer.file && node.origin.line == outer.line) return "";
    return "  # " + origin_text(node.origin, sources_);
  }

  void map(const PreviewNode& node, std::size_t indent, const Span& outer) {
    for (const auto& [key, value] : node.members) {
      out_.append(indent, ' ');
      member(key, value, indent, outer, comment(value, outer));
    }
  }

  void member(const std::string& key, const PreviewNode& value, std::size_t indent,
              const Span& outer, const std::string& place) {
    out_ += scalar_text(Value(key)) + ":";
    content(value, indent + 2, outer, place);
  }

  void list(const PreviewNode& node, std::size_t indent, const Span& outer) {
    for (const PreviewNode& item : node.items) {
      out_.append(indent, ' ');
      out_ += '-';
      const std::string place = comment(item, outer);
      if (item.members.empty()) {
        content(item, indent + 2, outer, place);
        continue;
      }
      // "- first: …" on one line; the item's place stands behind its first member.
      PreviewNode rest = item;
      rest.members.erase(rest.members.begin());
      const Span& inner = item.origin.valid() ? item.origin : outer;
      const auto& [key, value] = item.members.front();
      out_ += ' ';
      member(key, value, indent + 2, inner, place.empty() ? comment(value, inner) : place);
      map(rest, indent + 2, inner);
    }
  }

  // What follows "key:" or "-".
  void content(const PreviewNode& node, std::size_t indent, const Span& outer,
               const std::string& place) {
    const Span& inner = node.origin.valid() ? node.origin : outer;
    if (node.kind == PreviewNode::Kind::kScalar && is_block(node.scalar))
      return block(node, indent, place);
    if (node.kind == PreviewNode::Kind::kScalar) {
      out_ += " " + scalar_text(node.scalar) + place + "\n";
      return;
    }
    const bool is_map = node.kind == PreviewNode::Kind::kMap;
    if (node.empty_container()) {
      out_ += (is_map ? " {}" : " []") + place + "\n";
      return;
    }
    out_ += place + "\n";
    is_map ? map(node, indent, inner) : list(node, indent, inner);
  }

  void block(const PreviewNode& node, std::size_t indent, const std::string& place) {
    std::string_view text = *node.scalar.string();
    const bool ends = text.ends_with('\n');
    const char* chomp = !ends ? "-" : text.ends_with("\n\n") ? "+" : "";
    out_ += std::string(" |") + chomp + place + "\n";
    if (ends) text.remove_suffix(1);
    for (const std::string_view line : split(text, '\n')) {
      if (!line.empty()) out_.append(indent, ' ').append(line);
      out_ += '\n';
    }
  }

  const SourceSet& sources_;
  std::string out_;
};

}  // namespace

std::string origin_text(const Span& span, const SourceSet& sources) {
  if (!span.valid() || static_cast<std::size_t>(span.file) >= sources.size()) return "";
  return printable(sources[static_cast<std::size_t>(span.file)].path) + ":" +
         std::to_string(span.line);
}

std::string preview_yaml(const PreviewNode& tree, const SourceSet& sources) {
  return YamlWriter(sources).write(tree);
}

}  // namespace slipway::pipeline
