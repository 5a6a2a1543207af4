// The forms of a transfer's progress, fed from several threads.
#include "runner/logs/transfer_progress.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thread>

#include "base/fd.h"
#include "base/files.h"
#include "tests/runner/logs/tiny_terminal.h"

namespace slipway::runner {
namespace {

using cachestore::LayerProgress;
using State = LayerProgress::State;

Digest layer(int number) { return Digest::of("layer " + std::to_string(number)); }

std::string output_of(ProgressMode mode, const std::function<void(TransferProgress&)>& use) {
  const Fd file(::memfd_create("output", MFD_CLOEXEC));
  ProgressOptions options;
  options.mode = mode;
  options.fd = file.get();
  {
    const auto progress = make_transfer_progress(options, real_clock());
    use(*progress);
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return read_fd(file.get(), 10_MiB, "output").value_or("");
}

/// Four layers at once, each with many steps.
void pull_four(TransferProgress& progress) {
  progress.begin("debian:12", Direction::kPull);
  progress.layers(5, 1);
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([&progress, number] {
      progress.layer({layer(number), State::kWaiting, 0, 500, ""});
      for (std::uint64_t done = 0; done <= 500; ++done)
        progress.layer({layer(number), State::kDownloading, done, 500, ""});
      progress.layer({layer(number), State::kDone, 500, 500, ""});
    });
  }
  progress.say("warning: something");
  for (std::thread& thread : threads) thread.join();
  progress.end();
}

TEST(TransferProgress, WritesALineForEachChangeOfALayer) {
  const std::string text = output_of(ProgressMode::kPlain, pull_four);
  for (int number = 0; number < 4; ++number) {
    const std::string head = layer(number).short_hex() + ": ";
    EXPECT_NE(text.find(head + "Pulling fs layer\n"), std::string::npos) << text;
    EXPECT_NE(text.find(head + "Pull complete\n"), std::string::npos) << text;
  }
  EXPECT_NE(text.find("already have 1 of 5 layers\n"), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4 * 2 + 2) << text;
}

TEST(TransferProgress, SaysWhyALayerIsTriedAgainAndWhereItWasTakenFrom) {
  const std::string text = output_of(ProgressMode::kPlain, [](TransferProgress& progress) {
    progress.begin("x", Direction::kPush);
    progress.layer({layer(1), State::kRetrying, 0, 0, "connection reset\x1b[2J"});
    progress.layer({layer(2), State::kMounted, 0, 0, "team/base"});
    progress.layer({layer(3), State::kDownloading, 0, 0, "by another pull"});
  });
  EXPECT_EQ(text, layer(1).short_hex() + ": Retrying: connection reset\\x1b[2J\n" +
                      layer(2).short_hex() + ": Mounted from team/base\n" + layer(3).short_hex() +
                      ": downloading by another pull\n");
}

TEST(TransferProgress, IsQuietButForWarnings) {
  EXPECT_EQ(output_of(ProgressMode::kQuiet, pull_four), "warning: something\n");
}

TEST(TransferProgress, LeavesOnlyWhatStaysOnATerminal) {
  const std::string bytes = output_of(ProgressMode::kTty, pull_four);
  TinyTerminal terminal(80, 24);
  terminal.feed(bytes);
  EXPECT_FALSE(terminal.unknown);
  EXPECT_EQ(terminal.text(), "warning: something");
  EXPECT_FALSE(bytes.ends_with("\x1b[?25l"));
}

}  // namespace
}  // namespace slipway::runner
