// exec, check, graph, list, preview, debug: pipeline files on the command line.
#include <unistd.h>

#include <cstdlib>

#include "base/text.h"
#include "pipeline/compile.h"
#include "pipeline/gitlab.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/exec_options.h"
#include "runner/cli/signals.h"

namespace slipway::runner {
namespace {

const int kInvalidFile = exit_code(ErrorCode::kInvalid);

/// Option mistakes are usage errors; anything else is an error of its own.
int report_options(const Error& error, const Invocation& invocation) {
  return error.code() == ErrorCode::kInvalid ? usage_failure(invocation, error.text())
                                             : report_error(error, invocation);
}

/// Loads the file, prints its diagnostics to stderr and, when it has no error, hands it over.
template <typename Use>
int with_pipeline(const Invocation& invocation, Use use) {
  const Result<ExecOptions> options = pipeline_options(invocation);
  if (!options) return report_options(options.error(), invocation);
  const Result<LoadedPipeline> loaded = load_pipeline(*options);
  if (!loaded) return report_error(loaded.error(), invocation);
  return use(*loaded);
}

void print_diagnostics(const LoadedPipeline& loaded, const Invocation& invocation) {
  const auto colour =
      wants_colour(invocation, STDERR_FILENO) ? pipeline::Colour::kYes : pipeline::Colour::kNo;
  print_note(pipeline::render(loaded.compiled.diagnostics, loaded.compiled.sources, colour));
}

/// For commands that print a plan: `print` gets it only when there is one.
template <typename Print>
int print_plan(const Invocation& invocation, Print print) {
  return with_pipeline(invocation, [&](const LoadedPipeline& loaded) {
    print_diagnostics(loaded, invocation);
    if (!loaded.compiled.plan) return kInvalidFile;
    print_data(print(*loaded.compiled.plan, loaded.compiled.sources));
    return 0;
  });
}

std::string count_of(std::size_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string summary(const LoadedPipeline& loaded) {
  std::size_t errors = 0;
  std::size_t warnings = 0;
  for (const pipeline::Diagnostic& diagnostic : loaded.compiled.diagnostics) {
    ++(diagnostic.severity == pipeline::Severity::kError ? errors : warnings);
  }
  std::string text = printable(loaded.display_path) + ": ";
  if (errors > 0)
    return text + count_of(errors, "error") +
           (warnings > 0 ? ", " + count_of(warnings, "warning") : "") + "\n";
  std::size_t steps = 0;
  for (const pipeline::JobPlan& job : loaded.compiled.plan->jobs) steps += job.steps.size();
  text +=
      "ok, " + count_of(loaded.compiled.plan->jobs.size(), "job") + ", " + count_of(steps, "step");
  return text + (warnings > 0 ? ", " + count_of(warnings, "warning") : "") + "\n";
}

Json check_json(const LoadedPipeline& loaded) {
  Json report = Json::object();
  report.set("file", loaded.display_path);
  report.set("valid", loaded.compiled.plan.has_value());
  report.set("diagnostics",
             pipeline::to_json(loaded.compiled.diagnostics, loaded.compiled.sources));
  return report;
}

/// Box drawing needs a UTF-8 terminal; the variables are read directly because setlocale would load locale files.
pipeline::Unicode terminal_unicode() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string lower = to_lower(value);
    return lower.find("utf-8") != std::string::npos || lower.find("utf8") != std::string::npos
               ? pipeline::Unicode::kYes
               : pipeline::Unicode::kNo;
  }
  // No locale at all is usual in containers and CI; what reads their output understands UTF-8.
  return pipeline::Unicode::kYes;
}

pipeline::GraphFormat graph_format(const Invocation& invocation) {
  const std::string format =
      invocation.flag("json") ? "json" : invocation.value("format", "terminal");
  if (format == "dot") return pipeline::GraphFormat::kDot;
  if (format == "mermaid") return pipeline::GraphFormat::kMermaid;
  return format == "json" ? pipeline::GraphFormat::kJson : pipeline::GraphFormat::kTerminal;
}

}  // namespace

int exec_command(const Invocation& invocation) {
  const Result<ExecOptions> options = exec_options(invocation);
  if (!options) return report_options(options.error(), invocation);
  const CancelToken cancel;
  const CancelOnSignal on_signal(cancel);
  return exec_pipeline(*options, cancel);
}

int check_command(const Invocation& invocation) {
  return with_pipeline(invocation, [&](const LoadedPipeline& loaded) {
    const bool valid = loaded.compiled.plan.has_value();
    if (invocation.flag("json")) {
      print_data(check_json(loaded).pretty());
    } else {
      print_diagnostics(loaded, invocation);
      valid ? print_data(summary(loaded)) : print_note(summary(loaded));
    }
    return valid ? 0 : kInvalidFile;
  });
}

int graph_command(const Invocation& invocation) {
  return print_plan(invocation, [&](const pipeline::Plan& plan, const pipeline::SourceSet&) {
    return pipeline::draw_graph(plan, graph_format(invocation), terminal_unicode());
  });
}

int list_command(const Invocation& invocation) {
  return print_plan(invocation, [&](const pipeline::Plan& plan, const pipeline::SourceSet&) {
    return invocation.flag("json") ? pipeline::list_jobs_json(plan).pretty()
                                   : pipeline::list_jobs(plan);
  });
}

int preview_command(const Invocation& invocation) {
  return print_plan(
      invocation, [&](const pipeline::Plan& plan, const pipeline::SourceSet& sources) {
        return invocation.flag("json") ? pipeline::preview_json(plan, sources).pretty()
                                       : pipeline::preview(plan, sources);
      });
}

int convert_command(const Invocation& invocation) {
  return with_pipeline(invocation, [&](const LoadedPipeline& loaded) {
    print_diagnostics(loaded, invocation);
    const std::optional<pipeline::Plan>& plan = loaded.compiled.plan;
    if (!plan) return kInvalidFile;
    if (plan->dialect == pipeline::Dialect::kNative)
      return report_error(Error(ErrorCode::kInvalid, "convert " + printable(loaded.display_path) +
                                                         ": it is a native file already"),
                          invocation);
    print_data(pipeline::convert_gitlab(*plan, loaded.compiled.sources));
    return 0;
  });
}

int debug_command(const Invocation& invocation) {
  const CancelToken cancel;
  const CancelOnSignal on_signal(cancel);
  return debug_step(state_dir(invocation), invocation.operand(0), cancel);
}

}  // namespace slipway::runner
