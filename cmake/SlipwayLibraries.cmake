# Third-party libraries, static where Debian has the archive: the binary then starts in about a millisecond
# and runs on any Debian 12 without installing anything but libgit2 and libcurl (loaded on first use).
find_package(OpenSSL REQUIRED)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# slipway_static(name ARCHIVE... ): an interface target over static archives, falling back to the shared library.
function(slipway_library name)
  add_library(Slipway::${name} INTERFACE IMPORTED GLOBAL)
  foreach(lib ${ARGN})
    find_library(SLIPWAY_LIB_${lib} NAMES lib${lib}.a ${lib} REQUIRED)
    target_link_libraries(Slipway::${name} INTERFACE ${SLIPWAY_LIB_${lib}})
  endforeach()
endfunction()

slipway_library(yaml yaml-cpp)
slipway_library(re2 re2)
slipway_library(sqlite sqlite3)
slipway_library(isal isal)
slipway_library(zstd zstd)
slipway_library(seccomp seccomp)
find_path(SLIPWAY_GIT2_INCLUDE git2.h REQUIRED)
add_library(Slipway::git_headers INTERFACE IMPORTED GLOBAL)
target_link_libraries(Slipway::git_headers INTERFACE ${CMAKE_DL_LIBS})
find_path(SLIPWAY_CURL_INCLUDE curl/curl.h REQUIRED)
add_library(Slipway::curl_headers INTERFACE IMPORTED GLOBAL)
target_include_directories(Slipway::curl_headers SYSTEM INTERFACE ${SLIPWAY_CURL_INCLUDE})
target_link_libraries(Slipway::curl_headers INTERFACE ${CMAKE_DL_LIBS})
target_link_libraries(Slipway::re2 INTERFACE Threads::Threads)

find_library(SLIPWAY_CRYPTO_STATIC NAMES libcrypto.a)
if(SLIPWAY_CRYPTO_STATIC)
  set_target_properties(OpenSSL::Crypto PROPERTIES IMPORTED_LOCATION ${SLIPWAY_CRYPTO_STATIC})
  set_property(TARGET OpenSSL::Crypto APPEND PROPERTY INTERFACE_LINK_LIBRARIES ${CMAKE_DL_LIBS} Threads::Threads)
endif()

# Headers only: sockets and HTTP of the server's room.
find_package(Boost 1.81 REQUIRED)
add_library(Slipway::boost INTERFACE IMPORTED GLOBAL)
target_link_libraries(Slipway::boost INTERFACE Boost::headers)
find_library(SLIPWAY_SSL_STATIC NAMES libssl.a)
if(SLIPWAY_SSL_STATIC)
  set_target_properties(OpenSSL::SSL PROPERTIES IMPORTED_LOCATION ${SLIPWAY_SSL_STATIC})
endif()
