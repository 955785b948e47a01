// Path sse2: 128-bit vectors, on every x86-64 processor.
#include "program.hpp"
#include "target.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

TENZO_TARGET("sse2")

#define PATH path_sse2
#define PATH_OBJECT SSE2
#define PATH_NAME "sse2"
#define PATH_WORKS true
#define TILE_VECTORS 1
#define REAL_BYTES 16
#define VECTORS "vector_sse2.hpp"
#include "path.hpp"

TENZO_TARGET_END

#endif
