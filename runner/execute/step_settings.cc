// Values of special steps' settings.
#include "runner/execute/step_settings.h"

namespace slipway::runner {

using pipeline::Value;

Result<std::string> setting_text(const Value* value, const std::string& name,
                                 const pipeline::EvalContext& context) {
  if (value == nullptr) return std::string();
  std::vector<pipeline::Diagnostic> problems;
  const auto text = pipeline::Template::parse(value->to_text(), pipeline::Span{},
                                              pipeline::ExpressionPlace::kWith, problems);
  if (!text) {
    return fail(ErrorCode::kInvalid,
                "evaluate " + name + ": " + (problems.empty() ? "bad text" : problems[0].message));
  }
  return SLIP_TRY_WITHIN("evaluate " + name, text->evaluate_text(context));
}

Result<std::vector<std::string>> setting_texts(const Value* value, const std::string& name,
                                               const pipeline::EvalContext& context) {
  std::vector<std::string> texts;
  if (value == nullptr) return texts;
  if (value->list() == nullptr) {
    texts.push_back(SLIP_TRY(setting_text(value, name, context)));
    return texts;
  }
  for (const Value& item : *value->list())
    texts.push_back(SLIP_TRY(setting_text(&item, name, context)));
  return texts;
}

Result<std::vector<std::pair<std::string, std::string>>> setting_pairs(
    const Value* value, const std::string& name, const pipeline::EvalContext& context) {
  std::vector<std::pair<std::string, std::string>> pairs;
  if (value == nullptr || value->map() == nullptr) return pairs;
  for (const auto& [key, item] : *value->map())
    pairs.emplace_back(key, SLIP_TRY(setting_text(&item, name + "." + key, context)));
  return pairs;
}

}  // namespace slipway::runner
