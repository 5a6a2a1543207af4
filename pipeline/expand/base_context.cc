// The part of an expression's world that is fixed before a job runs.
#include "pipeline/compile.h"

namespace slipway::pipeline {

Value base_context(const Event& event, const JobPlan* job) {
  Value roots{Value::Map{}};
  roots.set("event", event.name);
  roots.set("branch", event.branch);
  roots.set("tag", event.tag);
  roots.set("sha", event.sha);
  roots.set("ref", event.ref);
  roots.set("repository", event.repository);
  roots.set("actor", event.actor);
  Value inputs{Value::Map{}};
  for (const auto& [name, value] : event.inputs) inputs.set(name, value);
  roots.set("inputs", job != nullptr && !job->inputs.is_null() ? job->inputs : std::move(inputs));
  roots.set("matrix", job != nullptr && !job->matrix.is_null() ? job->matrix : Value(Value::Map{}));
  return roots;
}

}  // namespace slipway::pipeline
