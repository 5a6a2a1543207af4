// Formats of the needs graph for other programs, and the choice between all.
#include <fmt/format.h>

#include "base/text.h"
#include "pipeline/compile.h"
#include "pipeline/graph/job_graph.h"

namespace slipway::pipeline {
namespace {

// Spec: Graphviz, "The DOT Language": in a quoted string only quotes and backslashes are special.
std::string dot_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// Spec: mermaid, "Flowcharts", "Entity codes to escape characters".
std::string mermaid_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (std::string_view("\"#<>&`\\").find(c) != std::string_view::npos) {
      quoted += fmt::format("#{};", static_cast<int>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string draw_dot(const Plan& plan, const JobGraph& graph) {
  std::string out =
      "digraph " + dot_quoted(printable(plan.name)) + " {\n  rankdir=LR;\n  node [shape=box];\n";
  for (std::size_t i = 0; i < graph.size(); ++i) {
    out += fmt::format("  n{} [label={}];\n", i, dot_quoted(graph[i].label));
  }
  for (std::size_t i = 0; i < graph.size(); ++i) {
    for (std::size_t n = 0; n < graph[i].needs.size(); ++n) {
      out += fmt::format("  n{} -> n{}{};\n", graph[i].needs[n], i,
                         graph[i].optional[n] ? " [style=dashed]" : "");
    }
  }
  return out + "}\n";
}

std::string draw_mermaid(const JobGraph& graph) {
  std::string out = "graph LR\n";
  for (std::size_t i = 0; i < graph.size(); ++i) {
    out += fmt::format("  n{}[{}]\n", i, mermaid_quoted(graph[i].label));
  }
  for (std::size_t i = 0; i < graph.size(); ++i) {
    for (std::size_t n = 0; n < graph[i].needs.size(); ++n) {
      out += fmt::format("  n{} {} n{}\n", graph[i].needs[n], graph[i].optional[n] ? "-.->" : "-->",
                         i);
    }
  }
  return out;
}

// For programs: every instance, nothing folded, names as they are.
Json graph_json(const Plan& plan) {
  Json nodes = Json::array();
  Json edges = Json::array();
  for (const JobPlan& job : plan.jobs) {
    nodes.push(
        Json::object({{"id", job.instance}, {"job", job.name}, {"matrix", job.matrix.to_json()}}));
    for (const Need& need : job.needs) {
      edges.push(Json::object({{"from", plan.jobs[need.job].instance},
                               {"to", job.instance},
                               {"optional", need.optional},
                               {"artifacts", need.artifacts}}));
    }
  }
  return Json::object({{"nodes", std::move(nodes)}, {"edges", std::move(edges)}});
}

}  // namespace

std::string draw_graph(const Plan& plan, GraphFormat format, Unicode unicode) {
  switch (format) {
    case GraphFormat::kTerminal:
      return draw_terminal(make_graph(plan), unicode == Unicode::kYes);
    case GraphFormat::kDot:
      return draw_dot(plan, make_graph(plan));
    case GraphFormat::kMermaid:
      return draw_mermaid(make_graph(plan));
    case GraphFormat::kJson:
      return graph_json(plan).pretty();
  }
  return {};
}

}  // namespace slipway::pipeline
