#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "pipeline/dockerfile.h"

namespace slipway::pipeline {

/// What the words and flags of a Dockerfile's instructions mean. Errors are kInvalid and say what may be written.

/// Variables put in wherever the reference says so: in words, names and values of ADD ARG COPY ENV EXPOSE LABEL
/// STOPSIGNAL USER VOLUME WORKDIR, in --chown --chmod --checksum, in unquoted heredocs of COPY and ADD. RUN, CMD,
/// ENTRYPOINT, SHELL, HEALTHCHECK, ONBUILD, FROM, --from and --exclude stay. EXPOSE's words are split once more.
/// `unset` collects names without a value.
Result<Instruction> expand_instruction(Instruction instruction, char escape,
                                       const VariableLookup& lookup,
                                       std::vector<std::string>* unset = nullptr);

/// What ONBUILD writes into an image's config: parse_instruction() reads it.
std::string trigger_text(const Instruction& onbuild);

/// RUN with heredocs. Spec: Dockerfile reference, "Here-Documents".
struct RunScript {
  /// For the shell; nothing when `file` is to be run itself. A line that is one heredoc becomes its body; otherwise the
  /// bodies follow the line, for the shell to read.
  std::string line;
  std::optional<Heredoc>
      file;  ///< The body begins with "#!": make it a file of mode 0755, and run that.
};
RunScript run_script(const Instruction& run);

/// Go's time.ParseDuration: "1m30s", "1.5h", "-2us", "0".
std::optional<std::chrono::nanoseconds> parse_go_duration(std::string_view text);

struct HealthcheckSettings {
  std::vector<std::string> test;  ///< {"NONE"}, {"CMD", words…}, {"CMD-SHELL", line}
  /// Zero: docker's default.
  std::chrono::nanoseconds interval{}, timeout{}, start_period{}, start_interval{};
  int retries = 0;
};
Result<HealthcheckSettings> healthcheck_settings(const Instruction& healthcheck);

/// "80", "53/UDP", "8000-8002", and docker's "ip:host:container", whose first parts are dropped.
struct ExposedPorts {
  std::vector<std::string> ports;  ///< "80/tcp", … in order; a range is single ports.
  bool protocol_in_capitals = false;
  bool names_host = false;  ///< An address or port of the host, which EXPOSE does not take.
};
Result<ExposedPorts> parse_exposed(std::string_view word);

/// `RUN --mount=…`. Spec: Dockerfile reference, "RUN --mount".
struct RunMount {
  enum class Type { kBind, kCache, kTmpfs, kSecret, kSsh };
  enum class Sharing { kShared, kPrivate, kLocked };
  Type type = Type::kBind;
  std::string
      from;  ///< Stage, image or named context; empty: the context (bind) or an empty directory (cache).
  std::string source;
  std::string target;  ///< May be relative to the working directory.
  std::string id;
  std::optional<std::string> env;  ///< Secret: as a variable; empty: named like the id.
  Sharing sharing = Sharing::kShared;
  bool read_only = true;
  bool required = false;
  std::optional<std::uint32_t> mode, uid, gid;
  std::optional<ByteCount> size;
};
using WordExpander = std::function<Result<std::string>(std::string_view)>;
/// `expand` is applied to the values, but for `from`; without one a value with a '$' is an error.
Result<RunMount> parse_run_mount(std::string_view text, const WordExpander& expand);

/// `RUN --device=…`
struct RunDevice {
  std::string name;
  bool required = false;
};
Result<RunDevice> parse_run_device(std::string_view text);

struct RunSettings {
  enum class Network { kDefault, kNone, kHost };
  std::vector<RunMount> mounts;
  std::vector<RunDevice> devices;
  Network network = Network::kDefault;
  bool insecure = false;  ///< --security=insecure
};
Result<RunSettings> run_settings(const Instruction& run, const WordExpander& expand);

/// "linux", "arm64", "linux/arm/v7": parts that are not given are empty. kInvalid: not of that form.
struct PlatformWord {
  std::string os, architecture, variant;
};
Result<PlatformWord> parse_platform_word(std::string_view text);

}  // namespace slipway::pipeline
