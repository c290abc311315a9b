// The library's version, for the preprocessor and for programs.
#pragma once

#define AETHER_VERSION_MAJOR 0
#define AETHER_VERSION_MINOR 1
#define AETHER_VERSION_PATCH 0

/// One comparable number: major * 10000 + minor * 100 + patch.
#define AETHER_VERSION (AETHER_VERSION_MAJOR * 10000 + AETHER_VERSION_MINOR * 100 + AETHER_VERSION_PATCH)

#define AETHER_VERSION_STRING "0.1.0"
