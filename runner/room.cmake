# The version and commit in a generated file, written when CMake configures: a new commit alone rebuilds nothing.
find_package(Git QUIET)
set(SLIPWAY_COMMIT unknown)
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse --short=10 HEAD WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                  OUTPUT_VARIABLE slipway_commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(slipway_commit)
    set(SLIPWAY_COMMIT ${slipway_commit})
  endif()
endif()
configure_file(${CMAKE_SOURCE_DIR}/runner/version.cc.in ${CMAKE_BINARY_DIR}/generated/version.cc @ONLY)
target_sources(slipway_runner PRIVATE ${CMAKE_BINARY_DIR}/generated/version.cc)
