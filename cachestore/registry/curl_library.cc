// Loading libcurl. Its options and handles are http_client.cc's business.
#include "cachestore/registry/curl_library.h"

#include <dlfcn.h>

#include <mutex>
#include <string>

namespace slipway::cachestore {
namespace {

// Debian 12 has two builds; the one on GnuTLS has no soname in common. Version 7.85 and newer of this soname know all
// options used here.
constexpr const char* kLibrary = "libcurl.so.4";
constexpr const char* kPackage = "libcurl4";

struct Symbol {
  const char* name;
  void** target;
};

Status load_into(CurlLibrary& curl) {
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(ErrorCode::kUnsupported, std::string("talk to registry: cannot load ") + kLibrary +
                                             "; install it with: apt-get install " + kPackage);
  }
#define SLIP_CURL_SYMBOL(name) Symbol{"curl_" #name, reinterpret_cast<void**>(&curl.name)},
  for (const Symbol& symbol : {SLIP_CURL_FUNCTIONS(SLIP_CURL_SYMBOL)}) {
#undef SLIP_CURL_SYMBOL
    *symbol.target = ::dlsym(library, symbol.name);
    if (*symbol.target == nullptr) {
      return fail(ErrorCode::kUnsupported,
                  std::string("talk to registry: ") + kLibrary + " has no function " + symbol.name);
    }
  }
  if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return fail(ErrorCode::kInternal, std::string("talk to registry: initialise ") + kLibrary);
  }
  return {};
}

}  // namespace

Result<const CurlLibrary*> load_curl() {
  static std::mutex mutex;
  static CurlLibrary curl;
  static bool loaded = false;
  std::lock_guard lock(mutex);
  if (!loaded) SLIP_TRY(load_into(curl));
  loaded = true;
  return &curl;
}

}  // namespace slipway::cachestore
