// Progress as docker's clients read it.
#include "web/docker_api/progress.h"

#include "base/units.h"

namespace slipway::web::docker_api {
namespace {

using State = cachestore::LayerProgress::State;

std::string_view words(State state, LayerStream::Direction direction) {
  const bool pull = direction == LayerStream::Direction::kPull;
  switch (state) {
    case State::kWaiting:
      return pull ? "Pulling fs layer" : "Preparing";
    case State::kDownloading:
      return "Downloading";
    case State::kExtracting:
      return "Extracting";
    case State::kDone:
      return pull ? "Pull complete" : "Pushed";
    case State::kPresent:
      return pull ? "Already exists" : "Layer already exists";
    case State::kMounted:
      return "Mounted";
    case State::kCompressing:
      return "Compressing";
    case State::kUploading:
      return "Pushing";
    case State::kRetrying:
      return "Retrying";
  }
  return "";
}

bool moves(State state) {
  return state == State::kDownloading || state == State::kExtracting ||
         state == State::kCompressing || state == State::kUploading;
}

}  // namespace

void JsonStream::send(const Json& object) {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(begun_, true)) (void)call_.exchange().begin(200, "application/json");
  (void)call_.exchange().write(object.dump() + "\r\n");
}

void JsonStream::status(const std::string& text, const std::string& id) {
  Json object = Json::object({{"status", text}});
  if (!id.empty()) object.set("id", id);
  send(object);
}

Status JsonStream::end(const Status& done) {
  if (done || !begun_) return done;
  const std::string text = message_of(done.error());
  send(Json::object({{"errorDetail", Json::object({{"message", text}})}, {"error", text}}));
  return {};
}

void LayerStream::layers(std::size_t total, std::size_t present) {
  (void)total;
  (void)present;
}

void LayerStream::layer(const cachestore::LayerProgress& progress) {
  const std::string text(words(progress.state, direction_));
  {
    const std::lock_guard lock(mutex_);
    std::string& last = last_[progress.layer];
    if (last == text && !moves(progress.state)) return;
    last = text;
  }
  Json detail = Json::object();
  Json object = Json::object({{"status", text}});
  if (moves(progress.state)) {
    detail.set("current", progress.done);
    if (progress.total > 0) detail.set("total", progress.total);
    std::string shown = format_size({progress.done});
    if (progress.total > 0) shown += "/" + format_size({progress.total});
    object.set("progress", shown);
  }
  object.set("progressDetail", detail);
  object.set("id", progress.layer.short_hex());
  out_.send(object);
}

}  // namespace slipway::web::docker_api
