#pragma once

#include <curl/curl.h>

#include "base/result.h"

namespace slipway::cachestore {

// Every libcurl function that Slipway calls, without its prefix.
// clang-format off
#define SLIP_CURL_FUNCTIONS(X)                                                                     \
  X(global_init) X(easy_init) X(easy_cleanup) X(easy_reset) X(easy_setopt) X(easy_getinfo)         \
  X(easy_strerror) X(multi_init) X(multi_cleanup) X(multi_setopt) X(multi_add_handle)              \
  X(multi_remove_handle) X(multi_perform) X(multi_poll) X(multi_info_read) X(multi_strerror)       \
  X(slist_append) X(slist_free_all)
// clang-format on

/// libcurl's functions by pointer: it and its thirty libraries are loaded when the first registry is asked, so that no
/// other use of the program pays for them.
struct CurlLibrary {
#define SLIP_CURL_POINTER(name) decltype(&::curl_##name) name;
  SLIP_CURL_FUNCTIONS(SLIP_CURL_POINTER)
#undef SLIP_CURL_POINTER
};

/// Loads and initialises once per process; thread-safe. kUnsupported says which package is missing.
Result<const CurlLibrary*> load_curl();

}  // namespace slipway::cachestore
