#pragma once

#include <optional>
#include <string>

#include "runner/build/vertices.h"
#include "runner/logs/transfer_progress.h"

namespace slipway::runner {

/// A pull of a base image, said by the build's observer: each layer as progress of its vertex.
class ImageTransfer : public TransferProgress {
 public:
  explicit ImageTransfer(Vertices& vertices) : vertices_(vertices) {}
  void begin(const std::string& title, Direction direction) override;
  void say(const std::string& line) override { vertices_.note(line); }
  void end() override {}
  /// How the pull ended, when there was one.
  void finish(const Status& done);
  void layers(std::size_t total, std::size_t present) override;
  void layer(const cachestore::LayerProgress& progress) override;

 private:
  Vertices& vertices_;
  std::optional<std::size_t> vertex_;
};

}  // namespace slipway::runner
