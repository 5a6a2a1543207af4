#pragma once

#include <map>
#include <mutex>
#include <string>

#include "cachestore/transfer.h"
#include "web/docker_api/api.h"

namespace slipway::web::docker_api {

/// Docker's stream of JSON objects, one a line: status, progressDetail, stream, aux, error. The answer begins with the
/// first of them; a failure before that has a status of its own, one after it is the last object. Thread-safe.
class JsonStream {
 public:
  explicit JsonStream(Call& call) : call_(call) {}
  void send(const Json& object);
  void status(const std::string& text, const std::string& id = "");
  /// What the call is to return.
  Status end(const Status& done);

 private:
  Call& call_;
  std::mutex mutex_;
  bool begun_ = false;
};

/// Layers of a pull or push in docker's words.
class LayerStream : public cachestore::TransferObserver {
 public:
  enum class Direction { kPull, kPush };
  LayerStream(JsonStream& out, Direction direction) : out_(out), direction_(direction) {}
  void layers(std::size_t total, std::size_t present) override;
  void layer(const cachestore::LayerProgress& progress) override;

 private:
  JsonStream& out_;
  Direction direction_;
  std::mutex mutex_;
  std::map<Digest, std::string> last_;  ///< Words are said once.
};

}  // namespace slipway::web::docker_api
