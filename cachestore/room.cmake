# libcurl is loaded on first use (cachestore/registry/curl_library.cc): headers only.
target_compile_definitions(slipway_cachestore PRIVATE SLIPWAY_VERSION="${PROJECT_VERSION}")
