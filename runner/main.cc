// The program's entry: hands over to the command line.
#include "runner/cli/cli.h"
#include "runner/serve.h"
#include "web/serve.h"

int main(int argc, char** argv) {
  slipway::runner::set_engine_server(slipway::web::serve_engine);
  return slipway::runner::run_cli(argc, argv);
}
