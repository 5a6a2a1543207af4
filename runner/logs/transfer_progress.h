#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "cachestore/transfer.h"
#include "runner/logs/sinks.h"
#include "runner/logs/transfer_words.h"

namespace slipway::runner {

/// How a pull or push looks while it runs: redrawn in place on a terminal, docker's lines in a file, JSON objects, or
/// nothing. Thread-safe. One image after the other: begin, calls of the observer, end.
class TransferProgress : public cachestore::TransferObserver {
 public:
  /// `title` is what moves: "debian:12".
  virtual void begin(const std::string& title, Direction direction) = 0;
  /// A line for people that stays: a warning, "latest: Pulling from library/debian".
  virtual void say(const std::string& line) = 0;
  /// Takes the live lines away.
  virtual void end() = 0;
  /// True when results are to be JSON, too (--progress json).
  virtual bool wants_json() const { return false; }
};
/// `options.fd` is for people; json mode writes to standard output.
std::unique_ptr<TransferProgress> make_transfer_progress(const ProgressOptions& options,
                                                         const Clock& clock);

}  // namespace slipway::runner
