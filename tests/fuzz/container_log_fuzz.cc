// A log file of any bytes: walking, mending, reading from both ends. What a reader gives is what a walk found.
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "base/files.h"
#include "sandbox/containers/log_reader.h"
#include "sandbox/containers/log_tail.h"
#include "sandbox/containers/log_writer.h"

using namespace slipway;
using namespace slipway::sandbox;

namespace {

std::size_t read_all(int directory, const LogRequest& request) {
  std::size_t size = 0;
  const Status read = read_log(
      directory, request,
      [&](const LogRecord& record) -> Status {
        size += record.data.size();
        return {};
      },
      CancelToken(), directory, [] { return true; });
  if (!read) std::abort();
  return size;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const TempDir place = *TempDir::make("/dev/shm", "log-fuzz");
  const std::string path = place.path() + "/" + log_file_name(1);
  {
    const Fd file = *open_file(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (!write_all(file.get(), {reinterpret_cast<const char*>(data), size}, "log")) std::abort();
    const auto whole = whole_records(file.get());
    if (!whole || *whole > size) std::abort();
  }
  const Fd directory = *open_file(place.path(), O_RDONLY | O_DIRECTORY);
  const std::size_t before = read_all(directory.get(), {});
  LogRequest tail;
  tail.tail = 3;
  if (read_all(directory.get(), tail) > size) std::abort();
  auto writer = LogWriter::open(*open_file(place.path(), O_RDONLY | O_DIRECTORY), {});
  if (!writer) std::abort();
  const std::size_t mended = read_all(directory.get(), {});
  if (mended > before) std::abort();  // Mending only cuts.
  writer->append(OutputStream::kStdout, "end\n", WallTime{});
  if (read_all(directory.get(), {}) != mended + 4) std::abort();
  return 0;
}
