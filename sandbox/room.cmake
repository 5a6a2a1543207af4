# The launch child and init run without the C++ library around them: flags of their own, no precompiled header.
set(child_dir ${CMAKE_SOURCE_DIR}/sandbox/launch/child)
file(GLOB child_sources CONFIGURE_DEPENDS ${child_dir}/*.cc)
list(REMOVE_ITEM child_sources ${child_dir}/init.cc)
set(child_flags -O2 -fno-exceptions -fno-rtti -fno-stack-protector -fno-sanitize=all -U_FORTIFY_SOURCE
                -fno-threadsafe-statics)
set_source_files_properties(${child_sources} PROPERTIES SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS "${child_flags}")
set_source_files_properties(${child_dir}/init.cc PROPERTIES HEADER_FILE_ONLY ON)

# Init is a program of its own, some KiB, embedded in the library by init_image.cc. It holds the launch child's code
# once more, because it goes on with the launch.
file(GLOB child_headers CONFIGURE_DEPENDS ${child_dir}/*.h)
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/slipway_init
  COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 -D_GNU_SOURCE -I${CMAKE_SOURCE_DIR} -Os ${child_flags} -ffreestanding
          -fno-asynchronous-unwind-tables -fno-pic -fno-pie -static -nostdlib -Wl,--build-id=none -Wl,-z,noexecstack
          -Wl,-z,norelro -Wl,--gc-sections -s -o ${CMAKE_BINARY_DIR}/slipway_init ${child_dir}/init.cc ${child_sources}
  DEPENDS ${child_dir}/init.cc ${child_sources} ${child_headers}
  VERBATIM)
add_custom_target(slipway_init_image DEPENDS ${CMAKE_BINARY_DIR}/slipway_init)
add_dependencies(slipway_sandbox slipway_init_image)
set_source_files_properties(
  ${CMAKE_SOURCE_DIR}/sandbox/launch/init_image.cc
  PROPERTIES COMPILE_DEFINITIONS SLIPWAY_INIT_FILE="${CMAKE_BINARY_DIR}/slipway_init"
             OBJECT_DEPENDS ${CMAKE_BINARY_DIR}/slipway_init)
