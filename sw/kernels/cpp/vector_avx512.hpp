// 512-bit vectors: 32 integers of 16 bits, or 16 of 32. Included inside the namespace of a path;
// DOT_PAIRS names how pairs of products are added.

using Wide = __m512i;
constexpr int COLUMNS = 32;

inline Wide load(const void* from) { return _mm512_loadu_si512(from); }
inline void store(void* to, Wide v) { _mm512_storeu_si512(to, v); }
inline Wide zero() { return _mm512_setzero_si512(); }
inline Wide all16(int16_t v) { return _mm512_set1_epi16(v); }
inline Wide all32(int32_t v) { return _mm512_set1_epi32(v); }
inline Wide interleave_low(Wide a, Wide b) { return _mm512_unpacklo_epi16(a, b); }
inline Wide interleave_high(Wide a, Wide b) { return _mm512_unpackhi_epi16(a, b); }
inline Wide add32(Wide a, Wide b) { return _mm512_add_epi32(a, b); }
inline Wide and_(Wide a, Wide b) { return _mm512_and_si512(a, b); }
inline Wide xor_(Wide a, Wide b) { return _mm512_xor_si512(a, b); }
inline Wide shift_right(Wide v, int by) { return _mm512_sra_epi32(v, _mm_cvtsi32_si128(by)); }
inline Wide pack(Wide low, Wide high) { return _mm512_packs_epi32(low, high); }
inline Wide subtract_saturated16(Wide a, Wide b) { return _mm512_subs_epi16(a, b); }
inline Wide max16(Wide a, Wide b) { return _mm512_max_epi16(a, b); }
inline Wide min16(Wide a, Wide b) { return _mm512_min_epi16(a, b); }
inline bool any_greater16(Wide a, Wide b) { return _mm512_cmpgt_epi16_mask(a, b) != 0; }
inline Wide dot(Wide sum, Wide x, Wide w) { return DOT_PAIRS(sum, x, w); }

// Elements of 32 bits beyond limits.
inline int count_outside32(Wide v, int32_t low, int32_t high) {
    const unsigned beyond =
        _mm512_cmpgt_epi32_mask(v, all32(high)) | _mm512_cmplt_epi32_mask(v, all32(low));
    return __builtin_popcount(beyond);
}

// Keep a sum in one register throughout a loop: left alone, the compiler moves it about.
inline void keep(Wide& v) { asm("" : "+v"(v)); }
