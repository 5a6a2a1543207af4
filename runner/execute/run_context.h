#pragma once

#include <map>
#include <string>

#include "base/cancel.h"
#include "base/guarded.h"
#include "cachestore/store.h"
#include "pipeline/compile.h"
#include "runner/cache/caches.h"
#include "runner/execute/exec.h"
#include "runner/execute/images.h"
#include "runner/execute/journal.h"
#include "runner/execute/person.h"
#include "runner/execute/secrets.h"
#include "runner/execute/step_network.h"
#include "runner/logs/event.h"
#include "runner/source/workspace.h"
#include "sandbox/engine.h"

namespace slipway::runner {

/// What every job of one run shares. All members outlive the run's threads and are safe to use from them.
struct RunContext {
  std::string run_id;
  std::string run_dir;  ///< <store>/runs/<run_id>: journal and the steps' exchange files.
  const ExecOptions& options;
  const pipeline::Plan& plan;
  const pipeline::Event& event;
  const Workspace& workspace;
  const pipeline::EvalHost& host;
  const Secrets& secrets;
  cachestore::Store& store;
  ImageSource& images;
  const Caches& caches;
  CacheScopes cache_scopes;
  sandbox::Engine& engine;
  const JobNetwork& network;
  EventStream& events;
  Person& person;
  Journal& journal;
  CancelToken cancel;  ///< Ctrl-C: kTerminate, then kKill.
  CancelToken
      cleanup;  ///< Fires only at kKill: always- and on-failure steps run on after the first Ctrl-C.

  int depth = 0;  ///< Of child pipelines: 0 is the run itself.
  std::map<std::string, std::string> parent_artifacts = {};  ///< Job of the parent -> snapshot.

  /// The same run with a child's jobs.
  RunContext with_plan(const pipeline::Plan& child,
                       std::map<std::string, std::string> artifacts) const {
    return RunContext{
        run_id,  run_dir, options, child,  event,        workspace, host,
        secrets, store,   images,  caches, cache_scopes, engine,    network,
        events,  person,  journal, cancel, cleanup,      depth + 1, std::move(artifacts)};
  }

  void notice(const std::string& text, const std::string& job = "") const {
    Event event_out;
    event_out.kind = Event::Kind::kNotice;
    event_out.job = job;
    event_out.line = text;
    events.emit(std::move(event_out));
  }
};

}  // namespace slipway::runner
