# Finds the cnats library as the target aether::cnats_client: the target of a project that holds cnats itself, else
# the installed library. (cnats' own CMake package is not used: Debian's names files that no package installs.)
include(FindPackageHandleStandardArgs)

foreach(candidate IN ITEMS cnats::nats cnats::nats_static)
  if(TARGET ${candidate} AND NOT TARGET aether::cnats_client)
    add_library(aether::cnats_client INTERFACE IMPORTED)
    target_link_libraries(aether::cnats_client INTERFACE ${candidate})
  endif()
endforeach()
if(TARGET aether::cnats_client)
  set(cnats_client_FOUND TRUE)
  return()
endif()

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_cnats_client QUIET libnats)
endif()
find_path(cnats_client_INCLUDE_DIR NAMES nats/nats.h HINTS ${PC_cnats_client_INCLUDE_DIRS})
find_library(cnats_client_LIBRARY NAMES nats nats_static HINTS ${PC_cnats_client_LIBRARY_DIRS})
mark_as_advanced(cnats_client_INCLUDE_DIR cnats_client_LIBRARY)
if(cnats_client_INCLUDE_DIR)
  file(STRINGS ${cnats_client_INCLUDE_DIR}/nats/version.h cnats_version_line REGEX "define NATS_VERSION_STRING")
  string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" cnats_client_VERSION "${cnats_version_line}")
endif()

find_package_handle_standard_args(cnats_client
  REQUIRED_VARS cnats_client_LIBRARY cnats_client_INCLUDE_DIR VERSION_VAR cnats_client_VERSION
  REASON_FAILURE_MESSAGE "install cnats (Debian and Ubuntu: libnats-dev), or build without aether::nats")

if(cnats_client_FOUND)
  add_library(aether::cnats_client UNKNOWN IMPORTED)
  set_target_properties(aether::cnats_client PROPERTIES
    IMPORTED_LOCATION ${cnats_client_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${cnats_client_INCLUDE_DIR})
  if(cnats_client_LIBRARY MATCHES "\\.a$")
    find_package(OpenSSL REQUIRED)
    find_package(Threads REQUIRED)
    target_link_libraries(aether::cnats_client INTERFACE OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
  endif()
endif()
