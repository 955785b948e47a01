#include "perturbation.hpp"

#include <algorithm>

namespace tenzo {

namespace {

constexpr int UNIFORM = 1;
constexpr int ONE_HOT = 3;

// A Galois register that shifts right; the bit that leaves is the output.
struct Register {
    uint32_t state, taps;

    int32_t bit() {
        const uint32_t out = state & 1;
        state = (state >> 1) ^ (taps & (0U - out));
        return static_cast<int32_t>(out);
    }

    // Next direction: the sum of signs, or for a uniform one the signs as digits of a number.
    int32_t direction(int32_t bits, bool uniform) {
        int32_t sum = 0;
        for (int32_t i = 0; i < bits; ++i) sum = (uniform ? 2 * sum : sum) + 2 * bit() - 1;
        return sum;
    }
};

}  // namespace

int64_t perturb(const tenzo_engine& engine, const tenzo_query& query, const int32_t* master,
                int32_t count, int32_t* parameters) {
    std::copy(master, master + count, parameters);
    if (query.sign == 0) return 0;
    const int32_t high = (INT32_C(1) << (engine.weight_width - 1)) - 1, low = -high - 1;
    const int32_t step = query.sign * query.epsilon_raw;
    const bool uniform = query.distribution == UNIFORM;
    const bool one_hot = query.distribution == ONE_HOT;
    Register stream{query.seed, engine.lfsr_taps};
    int64_t saturated = 0;
    for (int32_t i = query.first; i < query.last; ++i) {
        // At most 2^17 + 2^17 * 255: far from the limits of 32 bits.
        const int32_t u = one_hot ? 1 : stream.direction(query.bits, uniform);
        const int32_t value = master[i] + step * u;
        parameters[i] = std::min(std::max(value, low), high);
        saturated += parameters[i] != value;
    }
    return saturated;
}

}  // namespace tenzo
