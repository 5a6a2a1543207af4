// Turns a byte source into pieces, directly or through a reading thread and a ring of buffers.
#include "cachestore/layer/pump.h"

#include <algorithm>

namespace slipway::cachestore {
namespace {

// SHA-256 and write(2) are at full speed from 64 KiB on; four of these fit the second-level cache.
constexpr std::size_t kChunk = std::size_t{256} << 10;

}  // namespace

Result<std::string_view> DirectChunks::next() {
  buffer_.resize(kChunk);
  const std::size_t n = SLIP_TRY(source_.read(buffer_));
  return std::string_view(buffer_.data(), n);
}

PumpedChunks::PumpedChunks(ByteSource& source, CancelToken stop)
    : source_(source), stop_(std::move(stop)), thread_([this] { run(); }) {}

PumpedChunks::~PumpedChunks() {
  ring_.with([](Ring& ring) { ring.stopped = true; });
  ring_.notify_all();
  stop_.cancel(CancelLevel::kTerminate);
  thread_.join();
}

bool PumpedChunks::wait_for_free() {
  return ring_.wait(
      [](const Ring& ring) { return ring.stopped || ring.filled - ring.released < kSlots; },
      [](const Ring& ring) { return !ring.stopped; });
}

void PumpedChunks::run() {
  for (std::size_t n = 0; wait_for_free(); ++n) {
    Slot& slot = slots_[n % kSlots];
    slot.bytes.resize(kChunk);
    auto got = source_.read(slot.bytes);
    const bool more = got && *got > 0;
    slot.size = more ? *got : 0;
    ring_.with([&](Ring& ring) {
      if (!got) ring.error = std::move(got).error();
      if (more) ++ring.filled;
      ring.ended = !more;
    });
    ring_.notify_all();
    if (!more) return;
  }
}

Result<std::string_view> PumpedChunks::next() {
  // The piece handed out before is done with.
  ring_.with([&](Ring& ring) { ring.released = taken_; });
  ring_.notify_all();
  return ring_.wait([&](const Ring& ring) { return ring.ended || ring.filled > taken_; },
                    [&](Ring& ring) -> Result<std::string_view> {
                      if (ring.filled > taken_) {
                        const Slot& slot = slots_[taken_++ % kSlots];
                        return std::string_view(slot.bytes.data(), slot.size);
                      }
                      if (ring.error) return fail(ring.error->clone());
                      return std::string_view();
                    });
}

Result<std::string_view> HashedChunks::next() {
  const std::string_view chunk = SLIP_TRY(chunks_.next());
  sha_.update(chunk);
  return chunk;
}

}  // namespace slipway::cachestore
