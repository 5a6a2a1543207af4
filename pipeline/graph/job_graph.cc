// From the plan to the graph that is drawn: folding and layers.
#include "pipeline/graph/job_graph.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/text.h"

namespace slipway::pipeline {
namespace {

constexpr std::size_t kMaxShownInstances = 3;  // a larger matrix is drawn as "test (x4)"
constexpr std::size_t kMaxShownNames = 3;      // of nodes drawn as one
constexpr std::size_t kMaxLabelColumns = 60;

std::string shown(const std::string& name) { return ellipsize(printable(name), kMaxLabelColumns); }

// Which node draws a job: instances of a group share one when there are many of them.
std::vector<std::size_t> assign_nodes(const Plan& plan, JobGraph& graph) {
  std::map<std::size_t, std::size_t> group_sizes;
  for (const JobPlan& job : plan.jobs) ++group_sizes[job.matrix_group];
  std::map<std::size_t, std::size_t> group_nodes;
  std::vector<std::size_t> node_of(plan.jobs.size());
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    const JobPlan& job = plan.jobs[i];
    const std::size_t size = group_sizes[job.matrix_group];
    const bool folded = size > kMaxShownInstances && !job.matrix.is_null();
    const auto known = folded ? group_nodes.find(job.matrix_group) : group_nodes.end();
    if (known != group_nodes.end()) {
      node_of[i] = known->second;
    } else {
      node_of[i] = graph.size();
      if (folded) group_nodes[job.matrix_group] = graph.size();
      graph.emplace_back();
      graph.back().label =
          folded ? shown(job.name) + " (x" + std::to_string(size) + ")" : shown(job.instance);
    }
    graph[node_of[i]].jobs.push_back(i);
  }
  return node_of;
}

void add_edges(const Plan& plan, const std::vector<std::size_t>& node_of, JobGraph& graph) {
  for (GraphNode& node : graph) {
    std::map<std::size_t, bool> needs;  // node -> every one of the needs is optional
    for (const std::size_t job : node.jobs) {
      for (const Need& need : plan.jobs[job].needs) {
        const auto [edge, added] = needs.try_emplace(node_of[need.job], need.optional);
        if (!added) edge->second = edge->second && need.optional;
      }
    }
    for (const auto& [target, optional] : needs) {
      node.needs.push_back(target);
      node.optional.push_back(optional);
    }
  }
}

void add_dependents(JobGraph& graph) {
  for (std::size_t i = 0; i < graph.size(); ++i) {
    for (const std::size_t need : graph[i].needs) graph[need].dependents.push_back(i);
  }
}

// Kahn's order; the plan's needs are checked to form no cycle.
void set_layers(JobGraph& graph) {
  std::vector<std::size_t> waiting(graph.size());
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < graph.size(); ++i) {
    waiting[i] = graph[i].needs.size();
    if (waiting[i] == 0) ready.push_back(i);
  }
  for (std::size_t at = 0; at < ready.size(); ++at) {
    const GraphNode& node = graph[ready[at]];
    for (const std::size_t next : node.dependents) {
      graph[next].layer = std::max(graph[next].layer, node.layer + 1);
      if (--waiting[next] == 0) ready.push_back(next);
    }
  }
}

JobGraph reordered(const JobGraph& graph, const std::vector<std::size_t>& order) {
  std::vector<std::size_t> place(graph.size());
  for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  JobGraph result;
  for (const std::size_t old : order) {
    GraphNode node = graph[old];
    std::vector<std::pair<std::size_t, bool>> needs;
    for (std::size_t i = 0; i < node.needs.size(); ++i) {
      needs.emplace_back(place[node.needs[i]], node.optional[i]);
    }
    std::sort(needs.begin(), needs.end());
    for (std::size_t i = 0; i < needs.size(); ++i) {
      node.needs[i] = needs[i].first;
      node.optional[i] = needs[i].second;
    }
    node.dependents.clear();
    result.push_back(std::move(node));
  }
  add_dependents(result);
  return result;
}

std::string names_of(const std::vector<std::string>& labels) {
  std::vector<std::string> first(
      labels.begin(),
      labels.begin() + static_cast<std::ptrdiff_t>(std::min(labels.size(), kMaxShownNames)));
  std::string text = join(first, ", ");
  if (labels.size() > kMaxShownNames) {
    text += " and " + std::to_string(labels.size() - kMaxShownNames) + " more";
  }
  return text;
}

}  // namespace

JobGraph make_graph(const Plan& plan) {
  JobGraph graph;
  const std::vector<std::size_t> node_of = assign_nodes(plan, graph);
  add_edges(plan, node_of, graph);
  add_dependents(graph);
  set_layers(graph);
  std::vector<std::size_t> order(graph.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return graph[a].layer < graph[b].layer; });
  return reordered(graph, order);
}

JobGraph fold_alike(const JobGraph& graph) {
  using Neighbours = std::pair<std::vector<std::size_t>, std::vector<std::size_t>>;
  std::map<Neighbours, std::size_t> known;
  std::vector<std::size_t> new_index(graph.size());
  std::vector<std::vector<std::string>> labels;
  JobGraph result;
  for (std::size_t i = 0; i < graph.size(); ++i) {
    const GraphNode& node = graph[i];
    const auto [place, added] = known.try_emplace({node.needs, node.dependents}, result.size());
    new_index[i] = place->second;
    if (added) {
      result.push_back({"", {}, node.needs, node.optional, {}, node.layer});
      labels.emplace_back();
    }
    labels[place->second].push_back(node.label);
    GraphNode& folded = result[place->second];
    folded.jobs.insert(folded.jobs.end(), node.jobs.begin(), node.jobs.end());
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i].label = names_of(labels[i]);
    std::map<std::size_t, bool> needs;
    for (std::size_t n = 0; n < result[i].needs.size(); ++n) {
      needs[new_index[result[i].needs[n]]] = result[i].optional[n];
    }
    result[i].needs.clear();
    result[i].optional.clear();
    for (const auto& [need, optional] : needs) {
      result[i].needs.push_back(need);
      result[i].optional.push_back(optional);
    }
  }
  add_dependents(result);
  return result;
}

}  // namespace slipway::pipeline
