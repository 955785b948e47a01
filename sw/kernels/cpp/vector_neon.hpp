// 128-bit vectors: 8 integers of 16 bits, or 4 of 32. Included inside the namespace of a path.

using Wide = int16x8_t;
constexpr int COLUMNS = 8;

inline int32x4_t words(Wide v) { return vreinterpretq_s32_s16(v); }
inline Wide halves_of(int32x4_t v) { return vreinterpretq_s16_s32(v); }

inline Wide load(const void* from) { return vld1q_s16(static_cast<const int16_t*>(from)); }
inline void store(void* to, Wide v) { vst1q_s16(static_cast<int16_t*>(to), v); }
inline Wide zero() { return vdupq_n_s16(0); }
inline Wide all16(int16_t v) { return vdupq_n_s16(v); }
inline Wide all32(int32_t v) { return halves_of(vdupq_n_s32(v)); }
inline Wide interleave_low(Wide a, Wide b) { return vzip1q_s16(a, b); }
inline Wide interleave_high(Wide a, Wide b) { return vzip2q_s16(a, b); }
inline Wide add32(Wide a, Wide b) { return halves_of(vaddq_s32(words(a), words(b))); }
inline Wide and_(Wide a, Wide b) { return vandq_s16(a, b); }
inline Wide xor_(Wide a, Wide b) { return veorq_s16(a, b); }
inline Wide shift_right(Wide v, int by) {
    return halves_of(vshlq_s32(words(v), vdupq_n_s32(-(by > 31 ? 31 : by))));
}
inline Wide pack(Wide low, Wide high) {
    return vcombine_s16(vqmovn_s32(words(low)), vqmovn_s32(words(high)));
}
inline Wide subtract_saturated16(Wide a, Wide b) { return vqsubq_s16(a, b); }
inline Wide max16(Wide a, Wide b) { return vmaxq_s16(a, b); }
inline Wide min16(Wide a, Wide b) { return vminq_s16(a, b); }
inline bool any_greater16(Wide a, Wide b) { return vmaxvq_u16(vcgtq_s16(a, b)) != 0; }
inline Wide dot(Wide sum, Wide x, Wide w) {
    const int32x4_t low = vmull_s16(vget_low_s16(x), vget_low_s16(w));
    const int32x4_t high = vmull_high_s16(x, w);
    return add32(sum, halves_of(vpaddq_s32(low, high)));
}

// Elements of 32 bits beyond limits.
inline int count_outside32(Wide v, int32_t low, int32_t high) {
    const uint32x4_t beyond = vorrq_u32(vcgtq_s32(words(v), vdupq_n_s32(high)),
                                        vcltq_s32(words(v), vdupq_n_s32(low)));
    return static_cast<int>(vaddvq_u32(vshrq_n_u32(beyond, 31)));
}

// Keep a sum in one register throughout a loop: left alone, the compiler moves it about.
inline void keep(Wide& v) { asm("" : "+w"(v)); }
