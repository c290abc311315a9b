# Finds prometheus-cpp as the targets aether::prometheus_client (its core) and, where it is there,
# aether::prometheus_exposer (its HTTP server): targets of a project that holds it itself, its CMake package, or the
# installed libraries. (Its package asks for what only other parts of it need.)
include(FindPackageHandleStandardArgs)

if(NOT TARGET prometheus-cpp::core)
  find_package(prometheus-cpp CONFIG QUIET)
endif()
if(TARGET prometheus-cpp::core)
  set(prometheus_client_FOUND TRUE)
  foreach(part IN ITEMS client:core exposer:pull)
    string(REPLACE ":" ";" names ${part})
    list(GET names 0 ours)
    list(GET names 1 theirs)
    if(TARGET prometheus-cpp::${theirs} AND NOT TARGET aether::prometheus_${ours})
      add_library(aether::prometheus_${ours} INTERFACE IMPORTED)
      target_link_libraries(aether::prometheus_${ours} INTERFACE prometheus-cpp::${theirs})
    endif()
  endforeach()
  return()
endif()

find_path(prometheus_client_INCLUDE_DIR NAMES prometheus/collectable.h)
find_library(prometheus_client_LIBRARY NAMES prometheus-cpp-core)
find_library(prometheus_client_PULL_LIBRARY NAMES prometheus-cpp-pull)
mark_as_advanced(prometheus_client_INCLUDE_DIR prometheus_client_LIBRARY prometheus_client_PULL_LIBRARY)
find_package_handle_standard_args(prometheus_client
  REQUIRED_VARS prometheus_client_LIBRARY prometheus_client_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install prometheus-cpp (Debian and Ubuntu: prometheus-cpp-dev)")

if(prometheus_client_FOUND AND NOT TARGET aether::prometheus_client)
  add_library(aether::prometheus_client UNKNOWN IMPORTED)
  set_target_properties(aether::prometheus_client PROPERTIES
    IMPORTED_LOCATION ${prometheus_client_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${prometheus_client_INCLUDE_DIR})
  if(prometheus_client_PULL_LIBRARY MATCHES "\\.so")
    add_library(aether::prometheus_exposer UNKNOWN IMPORTED)
    set_target_properties(aether::prometheus_exposer PROPERTIES
      IMPORTED_LOCATION ${prometheus_client_PULL_LIBRARY} INTERFACE_LINK_LIBRARIES aether::prometheus_client)
  endif()
endif()
