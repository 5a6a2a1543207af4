// The files through which a step speaks to the runner.
#include "runner/execute/exchange.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>

#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr const char* kMountPoint = "/run/slipway";
constexpr ByteCount kMaxFile = 1_MiB;  // GitHub's bound for step outputs and summaries

struct ExchangeFile {
  const char* name;
  const char* variable;
};
constexpr std::array<ExchangeFile, 4> kFiles{{{"output", "SLIPWAY_OUTPUT"},
                                              {"env", "SLIPWAY_ENV"},
                                              {"path", "SLIPWAY_PATH"},
                                              {"summary", "SLIPWAY_SUMMARY"}}};

Result<std::string> read_exchange_file(int dir, const std::string& name,
                                       const std::string& variable) {
  // The step may have put anything there: a link, a FIFO, a device.
  Result<Fd> fd = open_at(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd && fd.error().code() == ErrorCode::kNotFound) return std::string();
  struct stat info {};
  if (!fd || ::fstat(fd->get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return fail(ErrorCode::kInvalid,
                "read $" + variable + ": the step replaced the file by something else");
  }
  return read_fd(fd->get(), kMaxFile, "$" + variable);
}

}  // namespace

Result<Exchange> Exchange::make(const std::string& run_dir) {
  Exchange exchange(SLIP_TRY(TempDir::make(run_dir, "exchange-")));
  const Fd dir = SLIP_TRY(open_file(exchange.dir_.path(), O_RDONLY | O_DIRECTORY));
  // World-writable: the step may run as any user of its image; outside, the store above is closed (0700).
  if (::fchmod(dir.get(), 0777) != 0) return fail_errno("chmod " + exchange.dir_.path());
  for (const ExchangeFile& file : kFiles) {
    const Fd created =
        SLIP_TRY(open_at(dir.get(), file.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0666));
    if (::fchmod(created.get(), 0666) != 0) return fail_errno(std::string("chmod ") + file.name);
  }
  return exchange;
}

sandbox::BindMount Exchange::mount() const {
  sandbox::BindMount bind;
  bind.source = dir_.path();
  bind.target = kMountPoint;
  bind.shifted = true;
  return bind;
}

Result<ExchangeResult> Exchange::collect() const {
  const Fd dir = SLIP_TRY(open_file(dir_.path(), O_RDONLY | O_DIRECTORY));
  std::array<std::string, kFiles.size()> texts;
  for (std::size_t i = 0; i < kFiles.size(); ++i) {
    texts[i] = SLIP_TRY(read_exchange_file(dir.get(), kFiles[i].name, kFiles[i].variable));
  }
  ExchangeResult result;
  result.outputs = SLIP_TRY(parse_assignments(texts[0], "$SLIPWAY_OUTPUT"));
  result.env = SLIP_TRY(parse_assignments(texts[1], "$SLIPWAY_ENV"));
  for (const std::string_view line : split(texts[2], '\n')) {
    if (!trim(line).empty()) result.path.emplace_back(trim(line));
  }
  result.summary = std::move(texts[3]);
  return result;
}

void set_exchange_variables(StepEnvironment& environment) {
  for (const ExchangeFile& file : kFiles) {
    environment.set(file.variable, std::string(kMountPoint) + "/" + file.name);
  }
}

}  // namespace slipway::runner
