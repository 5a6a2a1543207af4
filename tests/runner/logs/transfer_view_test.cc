// Numbers, lines and bounds of a transfer's progress.
#include "runner/logs/transfer_view.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace slipway::runner {
namespace {

using cachestore::LayerProgress;
using State = LayerProgress::State;

Digest layer(int number) { return Digest::of("layer " + std::to_string(number)); }

MonoTime at(double seconds) {
  return MonoTime(
      std::chrono::duration_cast<MonoTime::duration>(std::chrono::duration<double>(100 + seconds)));
}

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
const Style kPlain{.colour = false, .utf8 = false};

TEST(RateMeter, MeasuresTheLastSecondsOnly) {
  RateMeter meter;
  EXPECT_EQ(meter.per_second(at(0)), 0);
  for (int i = 0; i <= 100; ++i) meter.add(at(i * 0.1), static_cast<std::uint64_t>(i) * 100);
  EXPECT_NEAR(meter.per_second(at(10)), 1000, 20);
  EXPECT_LT(meter.per_second(at(20)), 300) << "a stall lowers it";
}

TEST(RateMeter, SaysNothingAfterABeginFromTheStart) {
  RateMeter meter;
  meter.add(at(0), 5000);
  meter.add(at(1), 100);
  EXPECT_EQ(meter.per_second(at(1)), 0);
}

TEST(TransferView, TellsBytesRateAndTimeLeft) {
  TransferView view(Direction::kPull);
  view.start(44, 41);
  view.apply({layer(1), State::kPresent, 0, 0, ""}, at(0));
  for (int i = 0; i <= 20; ++i) {
    view.apply(
        {layer(2), State::kDownloading, static_cast<std::uint64_t>(i) * kMiB / 2, 40 * kMiB, ""},
        at(i * 0.1));
  }
  EXPECT_EQ(view.total_text(at(2)),
            "already have 41 of 44 layers, 10 MiB of 40 MiB, 5 MiB/s, 7s left");
}

TEST(TransferView, CountsFinishedLayersWhereNoneWereHere) {
  TransferView view(Direction::kPush);
  view.start(2, 0);
  view.apply({layer(1), State::kDone, 10, 10, ""}, at(0));
  view.apply({layer(2), State::kCompressing, 5, 0, ""}, at(0));
  EXPECT_EQ(view.total_text(at(0)), "1 of 2 layers, 15 B");
}

TEST(TransferView, DrawsRowsOfLayersAtWorkOnly) {
  TransferView view(Direction::kPull);
  view.start(3, 0);
  view.apply({layer(1), State::kDownloading, 5 * kMiB, 10 * kMiB, ""}, at(0));
  view.apply({layer(2), State::kWaiting, 0, 10 * kMiB, ""}, at(0));
  view.apply({layer(3), State::kDone, kMiB, kMiB, ""}, at(0));
  const auto lines = view.draw("debian:12", at(0), 0, {100, 30}, kPlain);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0],
            "| " + layer(1).short_hex() + "  downloading  ==========..........  5 MiB of 10 MiB");
  EXPECT_EQ(lines[1], "| debian:12  1 of 3 layers, 6 MiB of 21 MiB");
}

TEST(TransferView, ShowsWhyALayerIsTriedAgain) {
  TransferView view(Direction::kPull);
  view.start(1, 0);
  view.apply({layer(1), State::kRetrying, 5, 10, "connection\nreset"}, at(0));
  EXPECT_NE(view.draw("x", at(0), 0, {100, 30}, kPlain)[0].find("retrying     connection\\nreset"),
            std::string::npos)
      << view.draw("x", at(0), 0, {100, 30}, kPlain)[0];
}

TEST(TransferView, NeverDrawsMoreThanTheScreenHolds) {
  TransferView view(Direction::kPull);
  view.start(60, 0);
  for (int i = 0; i < 60; ++i)
    view.apply({layer(i), State::kDownloading, 7 * kMiB, 70 * kMiB, ""}, at(i * 0.01));
  for (const ScreenSize size : {ScreenSize{24, 3}, ScreenSize{40, 5}, ScreenSize{80, 24},
                                ScreenSize{200, 50}, ScreenSize{10, 10}, ScreenSize{80, 2}}) {
    const auto lines = view.draw("registry.example/team/a-long-name:with-tag", at(9), 3, size,
                                 {.colour = true, .utf8 = true});
    EXPECT_LT(lines.size(), size.rows) << size.columns << "x" << size.rows;
    for (const std::string& line : lines)
      EXPECT_LT(display_width(line), size.columns) << size.columns << "x" << size.rows << line;
  }
}

TEST(TransferWords, AreDockers) {
  EXPECT_EQ(layer_words(State::kDone, Direction::kPull), "Pull complete");
  EXPECT_EQ(layer_words(State::kPresent, Direction::kPush), "Layer already exists");
  EXPECT_EQ(layer_words(State::kUploading, Direction::kPush), "");
  EXPECT_EQ(layer_state_name(State::kRetrying), "retrying");
}

}  // namespace
}  // namespace slipway::runner
