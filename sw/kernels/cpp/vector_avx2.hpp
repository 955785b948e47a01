// 256-bit vectors: 16 integers of 16 bits, or 8 of 32. Included inside the namespace of a path.

using Wide = __m256i;
constexpr int COLUMNS = 16;

inline Wide load(const void* from) { return _mm256_loadu_si256(static_cast<const Wide*>(from)); }
inline void store(void* to, Wide v) { _mm256_storeu_si256(static_cast<Wide*>(to), v); }
inline Wide zero() { return _mm256_setzero_si256(); }
inline Wide all16(int16_t v) { return _mm256_set1_epi16(v); }
inline Wide all32(int32_t v) { return _mm256_set1_epi32(v); }
inline Wide interleave_low(Wide a, Wide b) { return _mm256_unpacklo_epi16(a, b); }
inline Wide interleave_high(Wide a, Wide b) { return _mm256_unpackhi_epi16(a, b); }
inline Wide add32(Wide a, Wide b) { return _mm256_add_epi32(a, b); }
inline Wide and_(Wide a, Wide b) { return _mm256_and_si256(a, b); }
inline Wide xor_(Wide a, Wide b) { return _mm256_xor_si256(a, b); }
inline Wide shift_right(Wide v, int by) { return _mm256_sra_epi32(v, _mm_cvtsi32_si128(by)); }
inline Wide pack(Wide low, Wide high) { return _mm256_packs_epi32(low, high); }
inline Wide subtract_saturated16(Wide a, Wide b) { return _mm256_subs_epi16(a, b); }
inline Wide max16(Wide a, Wide b) { return _mm256_max_epi16(a, b); }
inline Wide min16(Wide a, Wide b) { return _mm256_min_epi16(a, b); }
inline bool any_greater16(Wide a, Wide b) {
    return _mm256_movemask_epi8(_mm256_cmpgt_epi16(a, b)) != 0;
}
inline Wide dot(Wide sum, Wide x, Wide w) { return add32(sum, _mm256_madd_epi16(x, w)); }

// Elements of 32 bits beyond limits.
inline int count_outside32(Wide v, int32_t low, int32_t high) {
    const Wide beyond =
        _mm256_or_si256(_mm256_cmpgt_epi32(v, all32(high)), _mm256_cmpgt_epi32(all32(low), v));
    return __builtin_popcount(_mm256_movemask_ps(_mm256_castsi256_ps(beyond)));
}

// Keep a sum in one register throughout a loop: left alone, the compiler moves it about.
inline void keep(Wide& v) { asm("" : "+x"(v)); }
