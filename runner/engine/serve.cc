// The one pointer from the command line up to the server's room.
#include "runner/serve.h"

namespace slipway::runner {
namespace {
EngineServer server = nullptr;
}

void set_engine_server(EngineServer wanted) { server = wanted; }
EngineServer engine_server() { return server; }

}  // namespace slipway::runner
