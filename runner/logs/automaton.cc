// Aho-Corasick in a compact layout. The trie comes straight from the sorted patterns: a node is a
// range of patterns that share a prefix, its children are the sub-ranges by the next byte. Failure
// links follow breadth first, as in the paper. Spec: Aho, Corasick: Efficient string matching, CACM
// 18(6), 1975.
#include "runner/logs/automaton.h"

#include <cstring>

namespace slipway::runner {
namespace {

constexpr Automaton::State kNone = ~Automaton::State{0};

struct Range {
  std::uint32_t begin;
  std::uint32_t end;
};

unsigned char byte_at(const std::string& text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

}  // namespace

Automaton::Automaton(const std::vector<std::string>& patterns) {
  build_trie(patterns);
  build_links();
  for (const std::string& pattern : patterns) {
    starts_.set(static_cast<std::size_t>(byte_at(pattern, 0)) << 8 | byte_at(pattern, 1));
  }
}

void Automaton::build_trie(const std::vector<std::string>& patterns) {
  std::vector<Range> ranges{{0, static_cast<std::uint32_t>(patterns.size())}};
  for (State state = 0; state < nodes_.size(); ++state) {
    auto [begin, end] = ranges[state];
    const std::uint32_t depth = nodes_[state].depth;
    if (begin < end && patterns[begin].size() == depth) {
      nodes_[state].match = depth;  // the pattern that ends here sorts before its extensions
      ++begin;
    }
    nodes_[state].first_child = static_cast<State>(nodes_.size());
    while (begin < end) {
      const unsigned char byte = byte_at(patterns[begin], depth);
      std::uint32_t after = begin;
      while (after < end && byte_at(patterns[after], depth) == byte) ++after;
      nodes_[state].children++;
      nodes_.push_back(Node{.depth = depth + 1});
      labels_.push_back(byte);
      ranges.push_back({begin, after});
      begin = after;
    }
  }
}

void Automaton::build_links() {
  for (std::uint32_t i = 0; i < nodes_[kRoot].children; ++i) {
    const State first = nodes_[kRoot].first_child + i;
    root_[labels_[first]] = first;
  }
  for (State state = 1; state < nodes_.size(); ++state) {
    const Node& node = nodes_[state];
    for (State next_state = node.first_child; next_state < node.first_child + node.children;
         ++next_state) {
      const State fail = next(node.fail, labels_[next_state]);
      nodes_[next_state].fail = fail;
      if (nodes_[next_state].match == 0) nodes_[next_state].match = nodes_[fail].match;
    }
  }
}

Automaton::State Automaton::child(const Node& node, unsigned char byte) const {
  const unsigned char* labels = labels_.data() + node.first_child;
  if (node.children == 1) return *labels == byte ? node.first_child : kNone;
  const void* found = node.children == 0 ? nullptr : std::memchr(labels, byte, node.children);
  if (found == nullptr) return kNone;
  return node.first_child + static_cast<State>(static_cast<const unsigned char*>(found) - labels);
}

Automaton::State Automaton::next(State state, unsigned char byte) const {
  while (state != kRoot) {
    const Node& node = nodes_[state];
    const State found = child(node, byte);
    if (found != kNone) return found;
    state = node.fail;
  }
  return root_[byte];
}

std::size_t Automaton::skip(std::string_view text, std::size_t from) const {
  if (from >= text.size()) return text.size();
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const std::size_t last = text.size() - 1;
  while (from < last && !starts_[static_cast<std::size_t>(bytes[from]) << 8 | bytes[from + 1]])
    ++from;
  return from;
}

}  // namespace slipway::runner
