#pragma once

#include <map>
#include <string>

#include "pipeline/compile.h"

namespace slipway::pipeline {

/// A repository in memory: compile() reads included files from it.
class FakeRepository {
 public:
  FakeRepository& with(const std::string& path, const std::string& text) {
    files_[path] = text;
    return *this;
  }

  Compiled compile(const std::string& text, const Event& event = {}) const {
    CompileRequest request;
    request.file = {"ci.yml", text};
    request.event = event;
    request.include = [this](const std::string& path) -> Result<SourceFile> {
      const auto found = files_.find(path);
      if (found == files_.end()) return fail(ErrorCode::kNotFound, "no such file");
      return SourceFile{path, found->second};
    };
    return pipeline::compile(request);
  }

 private:
  std::map<std::string, std::string> files_;
};

inline Compiled compile_text(const std::string& text, const Event& event = {}) {
  return FakeRepository().compile(text, event);
}

/// All findings as a person sees them; "" for a clean file.
inline std::string findings(const Compiled& compiled) {
  return render(compiled.diagnostics, compiled.sources, Colour::kNo);
}

inline const JobPlan* find_job(const Compiled& compiled, const std::string& instance) {
  if (!compiled.plan) return nullptr;
  for (const JobPlan& job : compiled.plan->jobs)
    if (job.instance == instance) return &job;
  return nullptr;
}

}  // namespace slipway::pipeline
