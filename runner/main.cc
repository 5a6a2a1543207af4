// The program's entry: hands over to the command line.
#include "runner/cli/cli.h"

int main(int argc, char** argv) { return slipway::runner::run_cli(argc, argv); }
