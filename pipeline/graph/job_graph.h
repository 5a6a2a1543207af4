#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "pipeline/plan.h"

namespace slipway::pipeline {

/// The needs graph as it is drawn: the instances of a large matrix are one node.
struct GraphNode {
  std::string label;               ///< Printable.
  std::vector<std::size_t> jobs;   ///< Indexes into Plan::jobs.
  std::vector<std::size_t> needs;  ///< Indexes of nodes, ascending, each once.
  std::vector<bool> optional;      ///< Beside needs.
  std::vector<std::size_t> dependents;
  std::size_t layer = 0;  ///< Longest way from a node without needs.
};

/// In topological order: by layer, then as in the file.
using JobGraph = std::vector<GraphNode>;

JobGraph make_graph(const Plan& plan);
/// Nodes of one layer with the same needs and the same dependents become one ("a, b, c and 4 more").
JobGraph fold_alike(const JobGraph& graph);

std::string draw_terminal(const JobGraph& graph, bool unicode);

}  // namespace slipway::pipeline
