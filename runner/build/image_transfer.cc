// Pulls as vertices.
#include "runner/build/image_transfer.h"

namespace slipway::runner {

void ImageTransfer::begin(const std::string& title, Direction /*direction*/) {
  vertex_ = vertices_.add("[internal] pull " + title, "");
  vertices_.set(*vertex_, VertexState::kRunning);
}

void ImageTransfer::finish(const Status& done) {
  if (!vertex_) return;
  if (done) return vertices_.set(*vertex_, VertexState::kDone);
  vertices_.set(*vertex_, VertexState::kFailed, done.error().text());
}

void ImageTransfer::layers(std::size_t /*total*/, std::size_t /*present*/) {}

void ImageTransfer::layer(const cachestore::LayerProgress& progress) {
  if (vertex_)
    vertices_.progress(*vertex_, progress.layer.short_hex(), progress.done, progress.total);
}

}  // namespace slipway::runner
