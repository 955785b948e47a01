// Any loop nest, whatever its addresses do: slow, and the fall-back of the other kernels.
#include <algorithm>
#include <vector>

#include "program.hpp"

namespace tenzo {

namespace {

// The stage as the engine defines it, on one tile.
template <class T>
class Generic {
  public:
    explicit Generic(StageRun<T>& run)
        : run_(run), stage_(*run.stage), nest_(run.stage->nest), sums_(run.tile) {}

    void compute() {
        run_.saturations = 0;
        run_.output_bound = 0;
        int64_t index[5];
        for (index[0] = 0; index[0] < nest_.counts[LEFT1]; ++index[0])
            for (index[1] = 0; index[1] < nest_.counts[LEFT0]; ++index[1])
                for (index[2] = 0; index[2] < nest_.counts[RIGHT1]; ++index[2])
                    for (index[3] = 0; index[3] < nest_.counts[RIGHT0]; ++index[3])
                        for (index[4] = 0; index[4] < nest_.counts[J]; ++index[4]) output(index);
    }

  private:
    static int address(int base, const int32_t* strides, const int64_t* index, int64_t k = 0) {
        int64_t sum = base;
        for (int counter = 0; counter < 5; ++counter) sum += strides[counter] * index[counter];
        if (k != 0) sum += strides[K] * k;
        return static_cast<int>(sum & ADDRESS_MASK);
    }

    void output(const int64_t* index) {
        int64_t start = stage_.half;
        if (nest_.use_bias) {
            const int bias = address(nest_.bias_base, nest_.bias_strides, index);
            start += static_cast<int64_t>(run_.biases[bias]) * (INT64_C(1) << nest_.bias_shift);
        }
        std::fill(sums_.begin(), sums_.end(), start);
        for (int64_t k = 0; k < nest_.counts[K]; ++k) term(index, k);
        write(address(nest_.output_base, nest_.output_strides, index));
    }

    void term(const int64_t* index, int64_t k) {
        int64_t weight = 1;
        if (!nest_.unit_weight)
            weight = run_.weights[address(nest_.weight_base, nest_.weight_strides, index, k)];
        const int word = address(nest_.input_base, nest_.input_strides, index, k);
        const T* x = run_.input.data + static_cast<ptrdiff_t>(word - run_.input.first) * run_.tile;
        for (int sample = 0; sample < run_.tile; ++sample)
            sums_[sample] += weight * static_cast<int64_t>(x[sample]);
    }

    void write(int word) {
        for (int sample = 0; sample < run_.tile; ++sample) {
            int64_t value = sums_[sample] >> nest_.shift;
            if (value > stage_.high || value < stage_.low) run_.saturations += sample < run_.active;
            value = std::min(std::max(value, stage_.low), stage_.high);
            if (nest_.activation == RELU) value = std::max<int64_t>(value, 0);
            if (stage_.table) value = stage_.table(value);
            run_.output_bound = std::max(run_.output_bound, value < 0 ? -value : value);
            if (nest_.to_results)
                run_.results[static_cast<ptrdiff_t>(word) * run_.tile + sample] =
                    static_cast<int32_t>(value);
            else
                run_.output.data[static_cast<ptrdiff_t>(word - run_.output.first) * run_.tile +
                                 sample] = static_cast<T>(value);
        }
    }

    StageRun<T>& run_;
    const Stage& stage_;
    const tenzo_stage& nest_;
    std::vector<int64_t> sums_;
};

}  // namespace

template <class T>
void run_generic(StageRun<T>& run) {
    Generic<T>(run).compute();
}

template void run_generic(StageRun<int16_t>&);
template void run_generic(StageRun<double>&);
template void run_generic(StageRun<int64_t>&);

}  // namespace tenzo
