#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runner/build/build.h"
#include "runner/cli/invocation.h"

namespace slipway::runner {

/// What `runner build`'s command line asks for. The files behind secrets are read already: the engine's namespaces may
/// hide them.
struct BuildCommand {
  BuildRequest request;
  std::vector<Fd> files;  ///< What the request borrows.
  std::string iidfile;
  std::string metadata_file;
  std::string call = "build";  ///< build | check | outline | targets
  bool call_json = false;
  std::vector<std::string> notes;  ///< What was accepted and has no meaning here.
};
/// kInvalid names the option. Variables stand for --build-arg NAME, --secret, --ssh and SOURCE_DATE_EPOCH.
Result<BuildCommand> read_build_command(const Invocation& invocation,
                                        const Environment& environment);

/// `a=b,"c=d,e",f`: docker's lists of settings, a line of CSV. A field without "=" has an empty value and is `bare`.
struct OptionField {
  std::string name;
  std::string value;
  bool bare = false;
};
Result<std::vector<OptionField>> parse_fields(const std::string& text);
/// --output: "DIR", "-", or "type=local,dest=DIR,…".
Result<BuildOutput> parse_output(const std::string& text);
/// --cache-from, --cache-to: a reference, or "type=registry,ref=…".
Result<CacheEndpoint> parse_cache_endpoint(const std::string& text);
/// --secret: "id=NAME[,src=FILE | ,env=NAME]".
Result<BuildSecret> parse_build_secret(const std::string& text, const Environment& environment);

}  // namespace slipway::runner
