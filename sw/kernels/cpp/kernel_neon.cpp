// Path neon: 128-bit vectors, on every 64-bit ARM processor.
#include "program.hpp"

#if defined(__aarch64__)

#include <arm_neon.h>

#define PATH path_neon
#define PATH_OBJECT NEON
#define PATH_NAME "neon"
#define PATH_WORKS true
#define TILE_VECTORS 2
#define REAL_BYTES 16
#define VECTORS "vector_neon.hpp"
#include "path.hpp"

#endif
