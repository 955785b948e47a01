// Path avx512: 512-bit vectors.
#include "program.hpp"
#include "target.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

TENZO_TARGET("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")

#define PATH path_avx512
#define PATH_OBJECT AVX512
#define PATH_NAME "avx512"
#define PATH_WORKS                                                              \
    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && \
        __builtin_cpu_supports("avx512vl")
#define TILE_VECTORS 2
#define REAL_BYTES 64
#define VECTORS "vector_avx512.hpp"
#define DOT_PAIRS(sum, x, w) _mm512_add_epi32(sum, _mm512_madd_epi16(x, w))
#include "path.hpp"

TENZO_TARGET_END

#endif
