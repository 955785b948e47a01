// Losses of outputs, block by block, on one thread or on all.
#pragma once

#include <mutex>

#include "aligned.hpp"
#include "pool.hpp"
#include "tenzo_kernels.h"

namespace tenzo {

constexpr int LOSS_BLOCK = 64;  // samples worked on at a time

// Outputs of queries on samples, and where their losses go. T is int32_t or int64_t.
template <class T>
struct LossTask {
    const T* outputs;       // [query][sample][output]
    int64_t counts[3];
    int64_t strides[3];     // integers from one to the next
    double scale;           // value of one unit
    const int64_t* labels;  // per sample
    double* values;         // [query][sample]

    int64_t items() const { return counts[0] * counts[1]; }
};

// What one thread works with.
class LossWorker {
  public:
    LossWorker(const tenzo_numerics& numbers, int64_t outputs);

    // Cross-entropy of one block: of the items, samples of all queries in a row, from `first` on.
    template <class T>
    void cross_entropy(const LossTask<T>& task, int64_t first);

  private:
    using Function = void (*)(const tenzo_numerics&, double*, int, double, const int64_t*,
                              double*);

    template <class T>
    void load(const LossTask<T>& task, int64_t query, int64_t sample, int size, int place);
    void fill(int64_t outputs, int place);

    const tenzo_numerics& numbers_;
    const Function function_;
    Aligned<double> values_;  // [output][sample]
    int64_t labels_[LOSS_BLOCK];
};

class Losses {
  public:
    Losses(const tenzo_numerics& numbers, int threads) : numbers_(numbers), pool_(threads) {}

    const tenzo_numerics& numbers() const { return numbers_; }
    void cross_entropy(const LossTask<int64_t>& task);

  private:
    const tenzo_numerics numbers_;
    Pool pool_;
    std::mutex busy_;  // several threads of Python may ask
};

}  // namespace tenzo
