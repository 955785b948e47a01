// Cross-entropy of a block of samples, one IEEE operation after the other as tenzo.sw.numerics has
// them. Included inside the namespace of an instruction set; nothing here may be fused.

inline double as_real(uint64_t bits) {
    double value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}
inline uint64_t as_bits(double value) {
    uint64_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

// Twin of numerics.exp, for arguments that are not above zero.
inline void exponentials(const tenzo_numerics& numbers, double* values, size_t count) {
    const tenzo_numerics n = numbers;
    for (size_t i = 0; i < count; ++i) {
        double reduced = values[i] < n.exp_low ? n.exp_low : values[i];
        double rounded = reduced * n.steps_per_unit + n.rounder;
        const uint64_t bits = as_bits(rounded);
        const uint64_t power = n.exp_table[bits & 255] + (bits << 44);
        rounded -= n.rounder;
        reduced -= rounded * n.step_high;
        reduced -= rounded * n.step_low;
        double series = reduced * (1.0 / 24.0);
        series += 1.0 / 6.0;
        series *= reduced;
        series += 0.5;
        series *= reduced * reduced;
        series += reduced;
        series *= as_real(power);
        values[i] = as_real(power) + series;
    }
}

// Twin of numerics.log, for a normal argument.
inline double logarithm(const tenzo_numerics& n, double x) {
    constexpr uint64_t FRACTION = (UINT64_C(1) << 52) - 1, HALF = UINT64_C(0x3FE) << 52;
    const uint64_t bits = as_bits(x), fraction = (bits & FRACTION) | HALF;
    const int small = fraction < as_bits(n.sqrt_half);
    double mantissa = as_real(fraction + (static_cast<uint64_t>(small) << 52));
    const double power = static_cast<int>(bits >> 52) - 1022 - small;
    mantissa -= 1.0;
    const double ratio = mantissa / (mantissa + 2.0), square = ratio * ratio;
    const double half_square = mantissa * mantissa * 0.5;
    double series = square * n.log_series[0];
    for (int i = 1; i < LOG_TERMS - 1; ++i) {
        series += n.log_series[i];
        series *= square;
    }
    series += n.log_series[LOG_TERMS - 1];
    series *= square;
    series += half_square;
    series *= ratio;
    series += power * n.ln2_low;
    return power * n.ln2_high - (half_square - series - mantissa);
}

// Losses of a block; values are [output][sample], what they hold afterwards is of no use.
void cross_entropy(const tenzo_numerics& numbers, double* values, int outputs, double scale,
                   const int64_t* labels, double* losses) {
    double most[BLOCK], chosen[BLOCK];
    const size_t count = static_cast<size_t>(outputs) * BLOCK;
    for (int i = 0; i < BLOCK; ++i) most[i] = values[i];
    for (size_t first = 0; first < count; first += BLOCK)
        for (int i = 0; i < BLOCK; ++i)
            most[i] = values[first + i] > most[i] ? values[first + i] : most[i];
    for (size_t first = 0; first < count; first += BLOCK)
        for (int i = 0; i < BLOCK; ++i)
            values[first + i] = (values[first + i] - most[i]) * scale;
    for (int i = 0; i < BLOCK; ++i) chosen[i] = values[labels[i] * BLOCK + i];
    exponentials(numbers, values, count);
    // Twin of numerics.fixed_sum.
    int half = 1;
    while (2 * half < outputs) half *= 2;
    for (int rest = outputs - half; half >= 1; half /= 2, rest = half)
        for (size_t i = 0; i < static_cast<size_t>(rest) * BLOCK; ++i)
            values[i] += values[static_cast<size_t>(half) * BLOCK + i];
    for (int i = 0; i < BLOCK; ++i) losses[i] = logarithm(numbers, values[i]) - chosen[i];
}
