// Path avx512vnni: 512-bit vectors, pairs of products added in one instruction.
#include "program.hpp"
#include "target.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

TENZO_TARGET("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,avx512vnni")

#define PATH path_avx512vnni
#define PATH_OBJECT AVX512_VNNI
#define PATH_NAME "avx512vnni"
#define PATH_WORKS                                                              \
    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && \
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni")
#define TILE_VECTORS 2
#define REAL_BYTES 64
#define VECTORS "vector_avx512.hpp"
#define DOT_PAIRS(sum, x, w) _mm512_dpwssd_epi32(sum, x, w)
#include "path.hpp"

TENZO_TARGET_END

#endif
