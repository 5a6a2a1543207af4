#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::runner {

/// Aho-Corasick over a set of byte strings: finds all occurrences in one pass whatever the text. Immutable once built.
///
/// Nodes are numbered breadth first, so the children of a node are consecutive and their labels are one short run of
/// bytes: a node costs 19 bytes instead of the kilobyte of a dense table, which matters for 64 KiB keys in twenty
/// forms.
class Automaton {
 public:
  using State = std::uint32_t;
  static constexpr State kRoot = 0;

  Automaton() = default;
  /// `patterns`: sorted, distinct, none of one byte.
  explicit Automaton(const std::vector<std::string>& patterns);

  State next(State state, unsigned char byte) const;
  /// Bytes of the longest pattern prefix that ends here: what a stream must hold back.
  std::uint32_t depth(State state) const { return nodes_[state].depth; }
  /// Length of the longest pattern that ends here, or 0.
  std::uint32_t match(State state) const { return nodes_[state].match; }
  /// Offset of the first byte at or after `from` where a pattern may start; text.size() when there is none. The last
  /// byte always may.
  std::size_t skip(std::string_view text, std::size_t from) const;

 private:
  struct Node {
    std::uint32_t first_child = 0;
    std::uint32_t fail = 0;
    std::uint32_t match = 0;
    std::uint32_t depth = 0;
    std::uint16_t children = 0;
  };
  void build_trie(const std::vector<std::string>& patterns);
  void build_links();
  State child(const Node& node, unsigned char byte) const;

  std::vector<Node> nodes_{Node{}};
  std::vector<unsigned char> labels_{0};  ///< By node: the byte that leads to it.
  std::array<State, 256> root_{};
  std::bitset<65536>
      starts_;  ///< First two bytes of some pattern: 8 KiB, stays in the first-level cache.
};

}  // namespace slipway::runner
