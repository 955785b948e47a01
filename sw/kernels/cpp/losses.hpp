// Losses of outputs, on all threads.
#pragma once

#include <mutex>

#include "pool.hpp"
#include "tenzo_kernels.h"

namespace tenzo {

class Losses {
  public:
    Losses(const tenzo_numerics& numbers, int threads) : numbers_(numbers), pool_(threads) {}

    // Arguments of tenzo_cross_entropy().
    struct Job {
        const int64_t* outputs;
        const int64_t *counts, *strides;
        double scale;
        const int64_t* labels;
        double* losses;
    };

    void cross_entropy(const Job& job);

  private:
    const tenzo_numerics numbers_;
    Pool pool_;
    std::mutex busy_;  // several threads of Python may ask
};

}  // namespace tenzo
