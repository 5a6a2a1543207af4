#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "runner/logs/live_area.h"
#include "runner/logs/style.h"
#include "runner/logs/transfer_words.h"

namespace slipway::runner {

/// Bytes a second over the last seconds, so that a stall shows at once. Pure: time comes in.
class RateMeter {
 public:
  void add(MonoTime now, std::uint64_t total);
  double per_second(MonoTime now) const;  ///< 0 when not known.

 private:
  struct Sample {
    MonoTime time;
    std::uint64_t total;
  };
  std::deque<Sample> samples_;
};

/// What is known of one transfer, and how a terminal shows it. Pure and not thread-safe.
class TransferView {
 public:
  explicit TransferView(Direction direction) : direction_(direction) {}

  void start(std::size_t layers, std::size_t present);
  void apply(const cachestore::LayerProgress& progress, MonoTime now);

  /// Rows of layers at work, then the total line. Fewer lines than the screen has rows, each narrower than it.
  std::vector<std::string> draw(const std::string& title, MonoTime now, std::size_t frame,
                                ScreenSize size, const Style& style) const;
  /// "already have 41 of 44 layers, 12.5 MiB of 40 MiB, 5.2 MiB/s, 6s left"
  std::string total_text(MonoTime now) const;

 private:
  struct Layer {
    cachestore::LayerProgress progress;
    RateMeter rate;
    std::size_t order = 0;
  };
  std::string layer_row(const Layer& layer, MonoTime now, std::size_t frame, std::size_t columns,
                        const Style& style) const;

  Direction direction_;
  std::map<Digest, Layer> layers_;
  std::size_t total_ = 0;
  std::size_t present_ = 0;
  RateMeter rate_;
};

}  // namespace slipway::runner
