# SPDX-License-Identifier: Apache-2.0
# BLAKE3: the system's library where there is one (libblake3-dev); else the official C and assembly sources
# that Debian 12 and 13 carry in librust-blake3-dev.
find_package(BLAKE3 CONFIG QUIET)
if(TARGET BLAKE3::blake3)
  add_library(lagan_blake3 INTERFACE)
  target_link_libraries(lagan_blake3 INTERFACE BLAKE3::blake3)
  return()
endif()

file(GLOB candidates LIST_DIRECTORIES true /usr/share/cargo/registry/blake3-*/c)
list(SORT candidates COMPARE NATURAL ORDER DESCENDING)
find_path(BLAKE3_SOURCES blake3_dispatch.c PATHS ${candidates} NO_DEFAULT_PATH)
if(NOT BLAKE3_SOURCES)
  message(FATAL_ERROR "BLAKE3 is missing: install libblake3-dev or librust-blake3-dev (scripts/setup build does)")
endif()
add_library(lagan_blake3 STATIC ${BLAKE3_SOURCES}/blake3.c ${BLAKE3_SOURCES}/blake3_dispatch.c
  ${BLAKE3_SOURCES}/blake3_portable.c)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  foreach(isa sse2 sse41 avx2 avx512)
    target_sources(lagan_blake3 PRIVATE ${BLAKE3_SOURCES}/blake3_${isa}_x86-64_unix.S)
  endforeach()
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  target_sources(lagan_blake3 PRIVATE ${BLAKE3_SOURCES}/blake3_neon.c)
endif()
target_include_directories(lagan_blake3 SYSTEM PUBLIC ${BLAKE3_SOURCES})
target_compile_options(lagan_blake3 PRIVATE -O3 -w)
