// 128-bit vectors: 8 integers of 16 bits, or 4 of 32. Included inside the namespace of a path.

using Wide = __m128i;
constexpr int COLUMNS = 8;

inline Wide load(const void* from) { return _mm_loadu_si128(static_cast<const Wide*>(from)); }
inline void store(void* to, Wide v) { _mm_storeu_si128(static_cast<Wide*>(to), v); }
inline Wide zero() { return _mm_setzero_si128(); }
inline Wide all16(int16_t v) { return _mm_set1_epi16(v); }
inline Wide all32(int32_t v) { return _mm_set1_epi32(v); }
inline Wide interleave_low(Wide a, Wide b) { return _mm_unpacklo_epi16(a, b); }
inline Wide interleave_high(Wide a, Wide b) { return _mm_unpackhi_epi16(a, b); }
inline Wide add32(Wide a, Wide b) { return _mm_add_epi32(a, b); }
inline Wide and_(Wide a, Wide b) { return _mm_and_si128(a, b); }
inline Wide xor_(Wide a, Wide b) { return _mm_xor_si128(a, b); }
inline Wide shift_right(Wide v, int by) { return _mm_sra_epi32(v, _mm_cvtsi32_si128(by)); }
inline Wide pack(Wide low, Wide high) { return _mm_packs_epi32(low, high); }
inline Wide subtract_saturated16(Wide a, Wide b) { return _mm_subs_epi16(a, b); }
inline Wide max16(Wide a, Wide b) { return _mm_max_epi16(a, b); }
inline Wide min16(Wide a, Wide b) { return _mm_min_epi16(a, b); }
inline bool any_greater16(Wide a, Wide b) {
    return _mm_movemask_epi8(_mm_cmpgt_epi16(a, b)) != 0;
}
inline Wide dot(Wide sum, Wide x, Wide w) { return add32(sum, _mm_madd_epi16(x, w)); }

// Elements of 32 bits beyond limits.
inline int count_outside32(Wide v, int32_t low, int32_t high) {
    const Wide beyond =
        _mm_or_si128(_mm_cmpgt_epi32(v, all32(high)), _mm_cmplt_epi32(v, all32(low)));
    return __builtin_popcount(_mm_movemask_ps(_mm_castsi128_ps(beyond)));
}

// Keep a sum in one register throughout a loop: left alone, the compiler moves it about.
inline void keep(Wide& v) { asm("" : "+x"(v)); }
