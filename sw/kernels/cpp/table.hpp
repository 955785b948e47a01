// Sine and tanh as tenzo.sw.table defines them: straight segments, odd, in integers.
#pragma once

#include <cstdint>

#include "tenzo_kernels.h"

namespace tenzo {

constexpr int SINE = 2;

// One function, or none.
struct Table {
    const int32_t* words = nullptr;  // base and slope of each segment
    int fraction_bits = 0;           // of an argument inside a segment
    int64_t peak = 0;                // no value is larger in magnitude

    Table() = default;
    Table(const tenzo_engine& engine, int activation) {
        if (activation < SINE) return;
        const int segments = engine.table_segments;
        words = engine.table_words + static_cast<int64_t>(activation - SINE) * 2 * segments;
        fraction_bits = engine.table_fraction_bits;
        for (int i = 0; i < segments; ++i) {
            const int64_t first = words[2 * i], last = first + words[2 * i + 1];
            note(first < 0 ? -first : first);
            note(last < 0 ? -last : last);
        }
    }

    explicit operator bool() const { return words != nullptr; }

    int64_t operator()(int64_t argument) const {
        const int64_t sign = argument >> 63, magnitude = argument ^ sign;
        const int32_t* segment = words + 2 * (magnitude >> fraction_bits);
        const int64_t fraction = (magnitude & ((INT64_C(1) << fraction_bits) - 1)) - sign;
        const int64_t half = (INT64_C(1) << fraction_bits) >> 1;
        const int64_t value = segment[0] + ((segment[1] * fraction + half) >> fraction_bits);
        return (value ^ sign) - sign;
    }

  private:
    void note(int64_t size) {
        if (size > peak) peak = size;
    }
};

}  // namespace tenzo
