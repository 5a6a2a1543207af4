// The observer's one voice.
#include "runner/build/vertices.h"

namespace slipway::runner {
namespace {

bool ended(VertexState state) {
  return state != VertexState::kWaiting && state != VertexState::kRunning;
}

}  // namespace

std::size_t Vertices::add(const std::string& name, const std::string& stage) {
  const std::lock_guard lock(mutex_);
  Timed timed;
  timed.vertex.id = vertices_.size();
  timed.vertex.name = name;
  timed.vertex.stage = stage;
  vertices_.push_back(timed);
  observer_.vertex(timed.vertex);
  return timed.vertex.id;
}

void Vertices::set(std::size_t id, VertexState state, const std::string& error) {
  const std::lock_guard lock(mutex_);
  Timed& timed = vertices_[id];
  if (ended(timed.vertex.state)) return;
  timed.vertex.state = state;
  timed.vertex.error = error;
  const MonoTime now = real_clock().mono();
  if (state == VertexState::kRunning) timed.begin = now;
  if (ended(state) && timed.begin != MonoTime{})
    timed.vertex.seconds = std::chrono::duration<double>(now - timed.begin).count();
  if (state == VertexState::kCached) cached_++;
  observer_.vertex(timed.vertex);
}

void Vertices::output(std::size_t id, int stream, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  observer_.output(id, stream, bytes);
}

void Vertices::progress(std::size_t id, const std::string& what, std::uint64_t done,
                        std::uint64_t total) {
  const std::lock_guard lock(mutex_);
  observer_.progress(id, what, done, total);
}

void Vertices::warning(const pipeline::LintFinding& finding) {
  const std::lock_guard lock(mutex_);
  observer_.warning(finding);
}

void Vertices::note(const std::string& text) {
  const std::lock_guard lock(mutex_);
  observer_.note(text);
}

void Vertices::cancel_rest() {
  const std::lock_guard lock(mutex_);
  for (Timed& timed : vertices_) {
    if (ended(timed.vertex.state)) continue;
    timed.vertex.state = VertexState::kCancelled;
    observer_.vertex(timed.vertex);
  }
}

}  // namespace slipway::runner
