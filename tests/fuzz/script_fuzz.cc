// Rewrites arbitrary scripts: no crash, no hang; a script that is taken keeps every byte that is no expression.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "pipeline/expression.h"

using namespace slipway::pipeline;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<Diagnostic> found;
  const std::optional<Script> script = parse_script(text, Span{0, 1, 1, 1, 1}, found);
  check(script.has_value() == found.empty());
  if (script) {
    check(script->source == text);
    if (text.find("${{") == std::string_view::npos) check(script->text == text);
    for (const ScriptVariable& variable : script->variables) {
      check(script->text.find("${" + variable.name + "}") != std::string::npos);
    }
  }
  found.clear();
  const std::optional<Script> foreign = parse_script(text, Span{0, 1, 1, 1, 1}, "python", found);
  check(foreign.has_value() == found.empty());
  return 0;
}
