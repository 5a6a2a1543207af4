// Draws the needs graph for a terminal, a line a job, layers apart.
//
// Lanes run downwards as in `git log --graph`: a lane belongs to one job and carries its result to the jobs that need
// it, and the line of a job reaches out to the lanes of its needs. So each horizontal stroke belongs to one job and
// each vertical one to one need, and a crossing (a lane drawn through, the stroke broken) is never taken for a joint.
// A layered left-to-right drawing was rejected: its joints of several edges are ambiguous and its width has no bound.
#include <algorithm>
#include <array>

#include "pipeline/graph/job_graph.h"

namespace slipway::pipeline {
namespace {

constexpr std::size_t kMaxLanes = 24;  // 48 columns leave room for names on 80
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

constexpr unsigned kUp = 1;
constexpr unsigned kDown = 2;
constexpr unsigned kLeft = 4;
constexpr unsigned kRight = 8;
using Strokes = std::array<const char*, 16>;
// Index: the arms a cell has.
constexpr Strokes kUnicodeStrokes{" ", "│", "│", "│", "─", "╯", "╮", "┤",
                                  "─", "╰", "╭", "├", "─", "┴", "┬", "┼"};
constexpr Strokes kAsciiStrokes{" ", "|", "|", "|", "-", "'", ".", "+",
                                "-", "`", ".", "+", "-", "'", "+", "+"};

struct Pen {
  const Strokes& strokes;
  const char* node;
};

class Drawing {
 public:
  Drawing(const JobGraph& graph, const Pen& pen) : graph_(graph), pen_(pen) {
    for (const GraphNode& node : graph_) open_.push_back(node.dependents.size());
  }

  std::string draw() {
    std::size_t at = 0;
    while (at < graph_.size()) {
      const std::size_t layer = graph_[at].layer;
      std::vector<std::size_t> row;
      for (; at < graph_.size() && graph_[at].layer == layer; ++at) row.push_back(at);
      // Jobs whose needs are further left come first: fewer crossings.
      std::stable_sort(row.begin(), row.end(),
                       [&](std::size_t a, std::size_t b) { return first_lane(a) < first_lane(b); });
      if (layer > 0) spacer();
      for (const std::size_t node : row) draw_node(node);
    }
    return std::move(out_);
  }

  std::size_t width() const { return lanes_.size(); }

 private:
  std::size_t lane_of(std::size_t node) const {
    return static_cast<std::size_t>(std::find(lanes_.begin(), lanes_.end(), node) - lanes_.begin());
  }

  std::size_t first_lane(std::size_t node) const {
    std::size_t first = 0;
    if (!graph_[node].needs.empty()) first = lanes_.size();
    for (const std::size_t need : graph_[node].needs) first = std::min(first, lane_of(need));
    return first;
  }

  // The leftmost lane that ends here is continued by the job itself, else it takes a free one.
  std::size_t own_lane(const std::vector<std::size_t>& sources) {
    std::size_t best = kNone;
    for (const std::size_t lane : sources) {
      if (open_[lanes_[lane]] == 0) best = std::min(best, lane);
    }
    if (best != kNone) return best;
    const std::size_t free = lane_of(kNone);
    if (free == lanes_.size()) lanes_.push_back(kNone);
    return free;
  }

  void draw_node(std::size_t node) {
    std::vector<std::size_t> sources;
    for (const std::size_t need : graph_[node].needs) {
      sources.push_back(lane_of(need));
      --open_[need];
    }
    const std::size_t own = own_lane(sources);
    std::size_t low = own;
    std::size_t high = own;
    std::vector<unsigned> arms(lanes_.size(), 0);
    for (const std::size_t lane : sources) {
      low = std::min(low, lane);
      high = std::max(high, lane);
      arms[lane] = kUp | (open_[lanes_[lane]] > 0 ? kDown : 0);
    }
    for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
      const bool source = arms[lane] != 0;
      const bool crossing = !source && lanes_[lane] != kNone;
      if (crossing) arms[lane] = kUp | kDown;  // drawn through: no joint
      if (crossing || lane < low || lane > high) continue;
      arms[lane] |= (lane > low ? kLeft : 0) | (lane < high ? kRight : 0);
    }
    line(arms, own, low, high);
    out_ += "  " + graph_[node].label + "\n";
    for (const std::size_t lane : sources) {
      if (open_[lanes_[lane]] == 0) lanes_[lane] = kNone;
    }
    lanes_[own] = open_[node] > 0 ? node : kNone;
  }

  void line(const std::vector<unsigned>& arms, std::size_t own, std::size_t low, std::size_t high) {
    std::size_t last = own;
    for (std::size_t lane = 0; lane < arms.size(); ++lane) {
      if (arms[lane] != 0) last = std::max(last, lane);
    }
    for (std::size_t lane = 0; lane <= last; ++lane) {
      out_ += lane == own ? pen_.node : pen_.strokes[arms[lane]];
      if (lane < last) out_ += lane >= low && lane < high ? pen_.strokes[kLeft | kRight] : " ";
    }
  }

  void spacer() {
    std::string text;
    std::size_t kept = 0;
    for (const std::size_t owner : lanes_) {
      text += owner == kNone ? " " : pen_.strokes[kUp | kDown];
      if (owner != kNone) kept = text.size();
      text += ' ';
    }
    text.resize(kept);
    if (!text.empty()) out_ += text + "\n";
  }

  const JobGraph& graph_;
  const Pen& pen_;
  std::vector<std::size_t> lanes_;  ///< The job each lane belongs to, or kNone.
  std::vector<std::size_t> open_;   ///< Dependents of a job that are not drawn yet.
  std::string out_;
};

}  // namespace

std::string draw_terminal(const JobGraph& graph, bool unicode) {
  const Pen pen = unicode ? Pen{kUnicodeStrokes, "●"} : Pen{kAsciiStrokes, "*"};
  Drawing whole(graph, pen);
  std::string text = whole.draw();
  if (whole.width() <= kMaxLanes) return text;
  const JobGraph folded = fold_alike(graph);
  return Drawing(folded, pen).draw();
}

}  // namespace slipway::pipeline
