// Vectors of 8 integers of 16 bits, or 4 of 32, in plain C++. Included inside the namespace of a
// path.

union Wide {
    int16_t h[8];
    int32_t w[4];
};
constexpr int COLUMNS = 8;

inline Wide load(const void* from) {
    Wide v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}
inline void store(void* to, Wide v) { __builtin_memcpy(to, &v, sizeof v); }

template <class Function>
inline Wide each16(Function function) {
    Wide v;
    for (int i = 0; i < 8; ++i) v.h[i] = static_cast<int16_t>(function(i));
    return v;
}
template <class Function>
inline Wide each32(Function function) {
    Wide v;
    for (int i = 0; i < 4; ++i) v.w[i] = static_cast<int32_t>(function(i));
    return v;
}
inline int16_t narrowed(int32_t v) {
    return static_cast<int16_t>(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
}
inline uint32_t bits(int32_t v) { return static_cast<uint32_t>(v); }

inline Wide zero() {
    return each32([](int) { return 0; });
}
inline Wide all16(int16_t v) {
    return each16([=](int) { return v; });
}
inline Wide all32(int32_t v) {
    return each32([=](int) { return v; });
}
inline Wide interleave_low(Wide a, Wide b) {
    return each16([=](int i) { return i % 2 ? b.h[i / 2] : a.h[i / 2]; });
}
inline Wide interleave_high(Wide a, Wide b) {
    return each16([=](int i) { return i % 2 ? b.h[4 + i / 2] : a.h[4 + i / 2]; });
}
inline Wide add32(Wide a, Wide b) {
    return each32([=](int i) { return bits(a.w[i]) + bits(b.w[i]); });
}
inline Wide and_(Wide a, Wide b) {
    return each32([=](int i) { return a.w[i] & b.w[i]; });
}
inline Wide xor_(Wide a, Wide b) {
    return each32([=](int i) { return a.w[i] ^ b.w[i]; });
}
inline Wide shift_right(Wide v, int by) {
    return each32([=](int i) { return v.w[i] >> (by > 31 ? 31 : by); });
}
inline Wide pack(Wide low, Wide high) {
    return each16([=](int i) { return narrowed((i < 4 ? low : high).w[i % 4]); });
}
inline Wide subtract_saturated16(Wide a, Wide b) {
    return each16([=](int i) { return narrowed(a.h[i] - b.h[i]); });
}
inline Wide max16(Wide a, Wide b) {
    return each16([=](int i) { return a.h[i] > b.h[i] ? a.h[i] : b.h[i]; });
}
inline Wide min16(Wide a, Wide b) {
    return each16([=](int i) { return a.h[i] < b.h[i] ? a.h[i] : b.h[i]; });
}
inline bool any_greater16(Wide a, Wide b) {
    bool any = false;
    for (int i = 0; i < 8; ++i) any |= a.h[i] > b.h[i];
    return any;
}
inline Wide dot(Wide sum, Wide x, Wide w) {
    return each32([=](int i) {
        return bits(sum.w[i]) + bits(x.h[2 * i] * w.h[2 * i]) +
               bits(x.h[2 * i + 1] * w.h[2 * i + 1]);
    });
}

// Elements of 32 bits beyond limits.
inline int count_outside32(Wide v, int32_t low, int32_t high) {
    int beyond = 0;
    for (int i = 0; i < 4; ++i) beyond += v.w[i] > high || v.w[i] < low;
    return beyond;
}

inline void keep(Wide&) {}
