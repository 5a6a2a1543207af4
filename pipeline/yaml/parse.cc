// The strict YAML pass: yaml-cpp's event stream becomes our tree. The only file that knows the
// library; what it lets pass (duplicate keys, tags, endless aliases, open quotes, several
// documents) is refused here.
#include "pipeline/yaml/parse.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <sstream>
#include <unordered_map>

#include "base/text.h"
#include "pipeline/yaml/locate.h"
#include "pipeline/yaml/syntax_help.h"

namespace slipway::pipeline::yaml {

namespace {

/// Thrown through the library to stop it; the finding is already reported.
struct Stop {};

struct Frame {
  Node node;
  YAML::anchor_t anchor = 0;
  char bracket = 0;
  bool has_key = false;
  std::string key;
  Span key_span;
  bool merges = false;  // a plain `<<` is among the keys; quoted it is a key like others
  std::unordered_map<std::string, Span> seen;
};

class Builder final : public YAML::EventHandler {
 public:
  Builder(std::string_view text, int file, const Options& options, std::vector<Diagnostic>& out)
      : text_(text), file_(file), options_(options), out_(out) {}

  void OnDocumentStart(const YAML::Mark& mark) override;
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(Kind::kList, mark, tag, anchor, style == YAML::EmitterStyle::Flow ? '[' : '\0');
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(Kind::kMap, mark, tag, anchor, style == YAML::EmitterStyle::Flow ? '{' : '\0');
  }
  void OnMapEnd() override { close(); }

  OpenCollection innermost_flow() const;
  bool has_error() const { return has_error_; }
  std::vector<Node> take_roots() { return std::move(roots_); }

 private:
  void error(Span span, std::string message, std::string help = "",
             std::vector<DiagnosticNote> notes = {}) {
    has_error_ = true;
    out_.push_back({Severity::kError, span, std::move(message), std::move(help), std::move(notes)});
  }
  [[noreturn]] void stop(Span span, std::string message, std::string help = "") {
    error(span, std::move(message), std::move(help));
    throw Stop{};
  }
  Span place(const YAML::Mark& mark) const {
    return {file_, mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2};
  }
  void open(Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            char bracket);
  void close();
  /// Hands a finished node to the open collection: as its item, its key, or the value of its key.
  void add(Node node);
  void add_key(const Node& node);
  void add_value(Node node);
  void merge_keys(Frame& frame);
  void remember(YAML::anchor_t anchor, const Node& node);
  /// Counts a node and everything below it against the limits.
  void charge(const Node& node, std::size_t depth);
  void check_tag(const std::string& tag, Span span);
  bool is_reference(const std::string& tag) const {
    return options_.tags == Tags::kReference && tag == "!reference";
  }
  void check_size(Span span) {
    if (nodes_ > options_.max_nodes)
      stop(span, options_.max_nodes == kMaxNodes
                     ? "more than 10,000 values after aliases"
                     : "more than " + std::to_string(options_.max_nodes) + " values after aliases");
    if (bytes_ > options_.max_aliased_bytes)
      stop(span, "anchors and aliases expand to more than " +
                     std::to_string(options_.max_aliased_bytes >> 20) + " MiB");
  }

  std::string_view text_;
  int file_;
  const Options& options_;
  std::vector<Diagnostic>& out_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::vector<Node> roots_;
  std::size_t documents_ = 0;
  int nodes_ = 0;
  std::size_t bytes_ = 0;
  bool has_error_ = false;
};

void Builder::OnDocumentStart(const YAML::Mark& mark) {
  anchors_.clear();  // they are known within their document only, and numbered anew in each
  if (++documents_ <= options_.documents) return;
  const std::string_view rest =
      text_.substr(std::min<std::size_t>(static_cast<std::size_t>(mark.pos), text_.size()));
  if (rest.substr(0, 3) == "---" || text_.find("\n...") < static_cast<std::size_t>(mark.pos))
    stop(place(mark), "several documents in one file",
         options_.documents > 1 ? "one, below at most one header with spec:"
                                : "keep one; each pipeline is a file of its own");
  stop(place(mark), "unexpected text after the end of the document",
       "the lines above are complete; check the indentation and brackets before this");
}

void Builder::check_tag(const std::string& tag, Span span) {
  // "?" plain and "!" quoted are the library's own marks for "no tag".
  static constexpr std::string_view kHarmless[] = {
      "", "?", "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"};
  for (const std::string_view harmless : kHarmless)
    if (tag == harmless) return;
  static constexpr std::string_view kCore = "tag:yaml.org,2002:";
  const std::string shown = tag.starts_with(kCore) ? "!!" + tag.substr(kCore.size()) : tag;
  error(span, "tags are not supported: " + printable(ellipsize(shown, 60)),
        "remove it; quotes make a string, everything else keeps its own type");
}

void Builder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  Node node;
  node.span = place(mark);
  const auto at = static_cast<std::size_t>(mark.pos);
  const char first = at < text_.size() ? text_[at] : '\0';
  const bool written = first == '~' || first == 'n' || first == 'N' || first == '&';
  // An absent value is reported by the library at the next token; its key is the better place.
  if (!written && !stack_.empty() && stack_.back().has_key) node.span = stack_.back().key_span;
  node.content = node.span;
  remember(anchor, node);
  add(std::move(node));
}

void Builder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  for (const Frame& frame : stack_)
    if (frame.anchor == anchor)
      stop(place(mark), "this alias is inside its own anchor", "a value cannot contain itself");
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) stop(place(mark), "this alias names no anchor");
  charge(found->second, stack_.size());
  add(found->second);
}

void Builder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       const std::string& value) {
  const auto at = static_cast<std::size_t>(mark.pos);
  const ScalarPlace found = locate_scalar(text_, file_, at, mark.line + 1, mark.column + 1);
  Node node;
  node.kind = Kind::kScalar;
  node.text = value;
  node.span = found.span;
  node.content = found.content;
  if (!found.closed) stop(found.span, "the quote is never closed", "close it with the same quote");
  if (found.opener == 0) {
    // A plain scalar over several lines is underlined on its first only.
    // Looking no further than the value: a file may be one line of ten thousand scalars.
    const std::string_view here = text_.substr(std::min(at, text_.size()), value.size());
    const std::size_t length = std::min(here.find('\n'), here.size());
    node.span.end_column = node.span.column + static_cast<int>(std::max<std::size_t>(length, 1));
    node.style = tag == "?" || tag.empty() ? Style::kPlain : Style::kQuoted;
  } else {
    node.style = found.opener == '|' || found.opener == '>' ? Style::kBlock : Style::kQuoted;
  }
  check_tag(tag, place(mark));
  remember(anchor, node);
  add(std::move(node));
}

void Builder::open(Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                   char bracket) {
  if (stack_.size() >= static_cast<std::size_t>(kMaxDepth))
    stop(place(mark), "nested deeper than 64 levels");
  Frame frame;
  frame.node.kind = kind;
  frame.node.span = place(mark);
  frame.node.content = frame.node.span;
  frame.anchor = anchor;
  frame.bracket = bracket;
  frame.node.reference = kind == Kind::kList && is_reference(tag);
  if (!frame.node.reference) check_tag(tag, frame.node.span);
  stack_.push_back(std::move(frame));
}

void Builder::close() {
  Frame frame = std::move(stack_.back());
  stack_.pop_back();
  merge_keys(frame);
  remember(frame.anchor, frame.node);
  add(std::move(frame.node));
}

void Builder::remember(YAML::anchor_t anchor, const Node& node) {
  if (anchor == 0) return;
  bytes_ += weight(node);  // nested anchors copy again and again; the same budget bounds them
  check_size(node.span);
  anchors_[anchor] = node;
}

void Builder::charge(const Node& node, std::size_t depth) {
  if (depth > static_cast<std::size_t>(kMaxDepth)) stop(node.span, "nested deeper than 64 levels");
  bytes_ += sizeof(Node) + node.text.size();
  check_size(node.span);
  // The node itself is counted by add(); only what an alias brings along is counted here.
  for (const Node& item : node.items) {
    ++nodes_;
    charge(item, depth + 1);
  }
  for (const Entry& entry : node.entries) {
    ++nodes_;
    charge(entry.value, depth + 1);
  }
  check_size(node.span);
}

void Builder::add(Node node) {
  const bool is_key = !stack_.empty() && stack_.back().node.is_map() && !stack_.back().has_key;
  if (is_key) return add_key(node);
  ++nodes_;
  check_size(node.span);
  if (stack_.empty()) {
    roots_.push_back(std::move(node));
  } else if (stack_.back().node.is_list()) {
    stack_.back().node.items.push_back(std::move(node));
  } else {
    add_value(std::move(node));
  }
}

void Builder::add_key(const Node& node) {
  if (!node.is_scalar())
    stop(node.span, "a key must be text, found " + std::string(describe(node)));
  Frame& frame = stack_.back();
  frame.has_key = true;
  frame.key = node.text;
  frame.key_span = node.span;
  frame.merges = frame.merges || (node.text == "<<" && node.style == Style::kPlain);
}

void Builder::add_value(Node node) {
  Frame& frame = stack_.back();
  frame.has_key = false;
  const auto [first, fresh] = frame.seen.emplace(frame.key, frame.key_span);
  if (!fresh && options_.duplicates == Duplicates::kLastWins) {
    Diagnostic warning{Severity::kWarning, frame.key_span, "", "remove the first", {}};
    warning.message =
        "duplicate key \"" + printable(ellipsize(frame.key, 60)) + "\": the last one counts";
    warning.notes.push_back({first->second, "first defined here"});
    out_.push_back(std::move(warning));
    Entry& entry = *frame.node.find(frame.key);
    entry.key_span = frame.key_span;
    entry.value = std::move(node);
    return;
  }
  if (!fresh) {
    error(frame.key_span, "duplicate key \"" + printable(ellipsize(frame.key, 60)) + "\"",
          "each key may stand once; merge the two",
          {DiagnosticNote{first->second, "first defined here"}});
    return;
  }
  frame.node.entries.push_back({std::move(frame.key), frame.key_span, std::move(node)});
}

// Spec: yaml.org/type/merge.html. Keys of the map itself win; of several merged maps the earlier
// one.
void Builder::merge_keys(Frame& frame) {
  Entry* merge = frame.merges ? frame.node.find("<<") : nullptr;
  if (merge == nullptr) return;
  Node source = std::move(merge->value);
  const Span key_span = merge->key_span;
  std::erase_if(frame.node.entries, [](const Entry& entry) { return entry.key == "<<"; });
  if (source.is_map()) {
    Node list;
    list.kind = Kind::kList;
    list.items.push_back(std::move(source));
    source = std::move(list);
  }
  if (!source.is_list()) return error(key_span, "\"<<\" expects a map or a list of maps");
  for (Node& from : source.items) {
    if (!from.is_map()) {
      error(from.span, "\"<<\" expects a map, found " + std::string(describe(from)));
      continue;
    }
    for (Entry& entry : from.entries)
      if (frame.seen.emplace(entry.key, entry.key_span).second)
        frame.node.entries.push_back(std::move(entry));
  }
}

OpenCollection Builder::innermost_flow() const {
  for (auto frame = stack_.rbegin(); frame != stack_.rend(); ++frame)
    if (frame->bracket != 0) return {frame->node.span, frame->bracket};
  return {};
}

// What must hold before the library sees a byte.
bool acceptable(std::string_view text, int file, std::vector<Diagnostic>& out) {
  const auto refuse = [&](std::size_t offset, std::string message, std::string help = "") {
    out.push_back(
        {Severity::kError, span_at(text, file, offset), std::move(message), std::move(help), {}});
    return false;
  };
  if (text.size() > kMaxFileBytes) return refuse(0, "the file is larger than 1 MiB");
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c == 0) return refuse(at, "a NUL byte in the file", "this is no text file in UTF-8");
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
      return refuse(at, "a control character in the file",
                    "write it as an escape in a double-quoted string, e.g. \"\\x1b\"");
  }
  if (valid_utf8(text)) return true;
  // Once for a bad file only: the longest valid prefix, by lines, then by bytes.
  std::size_t good = 0;
  while (good < text.size()) {
    const std::size_t end = std::min(text.find('\n', good), text.size() - 1) + 1;
    if (!valid_utf8(text.substr(good, end - good))) break;
    good = end;
  }
  std::size_t length = 0;
  for (std::size_t next = 1; next <= 4 && good + length + next <= text.size();) {
    if (valid_utf8(text.substr(good + length, next))) {
      length += next;
      next = 1;
    } else {
      ++next;
    }
  }
  return refuse(good + length, "the file is not valid UTF-8", "save it as UTF-8");
}

}  // namespace

std::optional<Node> parse(const SourceSet& sources, int file, std::vector<Diagnostic>& out) {
  std::vector<Node> roots = parse_documents(sources, file, Options{}, out);
  if (roots.empty()) return std::nullopt;
  return std::move(roots.front());
}

std::vector<Node> parse_documents(const SourceSet& sources, int file, const Options& options,
                                  std::vector<Diagnostic>& out) {
  const std::string& text = sources[static_cast<std::size_t>(file)].text;
  if (!acceptable(text, file, out)) return {};
  Builder builder(text, file, options, out);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    return {};
  } catch (const YAML::Exception& error) {
    const Span place = error.mark.is_null() ? span_at(text, file, 0)
                                            : Span{file, error.mark.line + 1, error.mark.column + 1,
                                                   error.mark.line + 1, error.mark.column + 2};
    out.push_back(explain_syntax(text, place, error.msg, builder.innermost_flow()));
    return {};
  }
  std::vector<Node> roots = builder.take_roots();
  if (roots.empty()) roots.emplace_back();
  return roots;
}

}  // namespace slipway::pipeline::yaml
