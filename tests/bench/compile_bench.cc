// Text to plan: a usual file of 20 jobs and the largest one allowed. Goal: 20 jobs under 5 ms.
#include <benchmark/benchmark.h>

#include "pipeline/compile.h"

namespace slipway::pipeline {
namespace {

// Jobs in layers of ten, each with the keys people use.
std::string pipeline_of(int jobs) {
  std::string text =
      "env: { CI: \"1\" }\ndefaults: { image: debian:bookworm, timeout: 30m }\njobs:\n";
  const bool rich = jobs <= 100;  // 10,000 values are the limit of a file
  for (int job = 0; job < jobs; ++job) {
    text += "  job-" + std::to_string(job) + ":\n";
    if (job >= 10) text += "    needs: [job-" + std::to_string(job - 10) + "]\n";
    if (rich)
      text +=
          "    if: branch == 'main' || event == 'pull-request'\n    env: { N: \"${{ sha }}\" }\n"
          "    artifacts: { paths: [out/**] }\n";
    text += "    steps:\n      - make -j2\n";
    if (rich)
      text +=
          "      - name: tests\n        run: |\n          ./run --n ${{ env.N }}\n          echo "
          "done\n"
          "        timeout: 5m\n      - { run: ./cleanup, always: true }\n";
  }
  return text;
}

void compile_jobs(benchmark::State& state) {
  CompileRequest request;
  request.file = {"ci.yml", pipeline_of(static_cast<int>(state.range(0)))};
  for (auto _ : state) {
    const Compiled compiled = compile(request);
    if (!compiled.plan) state.SkipWithError("does not compile");
    benchmark::DoNotOptimize(compiled.plan);
  }
  state.counters["bytes"] = static_cast<double>(request.file.text.size());
}
BENCHMARK(compile_jobs)->Arg(1)->Arg(20)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace slipway::pipeline
