// Coordinate sweeps: the outputs for many parameters, each changed alone, by correcting kept sums.
#pragma once

#include <memory>
#include <vector>

#include "kernel.hpp"
#include "results.hpp"

namespace tenzo {

class Sweep {
  public:
    virtual ~Sweep() = default;

    // Arguments of tenzo_sweep_evaluate() and of tenzo_sweep_cross_entropy().
    struct Job {
        const tenzo_coordinate* coordinates;
        int coordinate_count;
        uint8_t* failed;
        int64_t* macs;
    };

    virtual void load(const int64_t* samples, int64_t sample_count) = 0;
    virtual int64_t sample_count() const = 0;
    virtual void evaluate(const Job& job, Receiver& receiver) = 0;
};

// A sweep on a kernel, or nothing if one of the slices cannot be run.
std::unique_ptr<Sweep> open_sweep(Kernel& kernel, std::vector<tenzo_slice> slices,
                                  std::vector<tenzo_row> rows, std::vector<int32_t> chain);

}  // namespace tenzo
