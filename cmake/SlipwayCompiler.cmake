# Compiler, warnings, linker, sanitizers.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON) # statement expressions in SLIP_TRY
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(SLIPWAY_TESTS "build the tests" ON)
option(SLIPWAY_WERROR "warnings are errors" OFF)
option(SLIPWAY_FUZZ "build the fuzz targets (clang)" OFF)
set(SLIPWAY_SANITIZE "" CACHE STRING "address,undefined or thread")

find_program(CCACHE ccache)
if(CCACHE)
  # Precompiled headers need these sloppiness words; see ccache(1), "Precompiled headers".
  set(slipway_launcher ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${slipway_launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${slipway_launcher})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# Designated initializers leave members at their defaults on purpose: no missing-field-initializers.
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wno-missing-field-initializers -fno-plt
                    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess> -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64 FMT_HEADER_ONLY=1)
if(SLIPWAY_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-fstack-protector-strong -D_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro,-z,now -Wl,--gc-sections)
  add_compile_options(-ffunction-sections -fdata-sections)
endif()
if(SLIPWAY_SANITIZE)
  add_compile_options(-fsanitize=${SLIPWAY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${SLIPWAY_SANITIZE})
endif()
if(SLIPWAY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
