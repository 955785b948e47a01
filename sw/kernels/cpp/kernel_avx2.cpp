// Path avx2: 256-bit vectors.
#include "program.hpp"
#include "target.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

TENZO_TARGET("avx2,fma")

#define PATH path_avx2
#define PATH_OBJECT AVX2
#define PATH_NAME "avx2"
#define PATH_WORKS __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
#define TILE_VECTORS 1
#define REAL_BYTES 32
#define VECTORS "vector_avx2.hpp"
#include "path.hpp"

TENZO_TARGET_END

#endif
