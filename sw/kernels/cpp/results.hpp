// What becomes of the results of a sweep.
#pragma once

#include <algorithm>
#include <vector>

#include "losses.hpp"

namespace tenzo {

// Results of consecutive coordinates on one tile.
struct Results {
    const int32_t* words;  // [coordinate][output][tile]
    int first, count;      // coordinates
    int outputs, tile;
    int64_t sample;        // the first one
    int active;            // samples that count
};

class Receiver {
  public:
    virtual ~Receiver() = default;
    virtual void take(int thread, const Results& results) = 0;
};

// Writes results as integers, [coordinate][output][sample].
class OutputReceiver : public Receiver {
  public:
    OutputReceiver(int64_t* outputs, int64_t sample_count)
        : outputs_(outputs), sample_count_(sample_count) {}

    void take(int, const Results& results) override {
        const int32_t* from = results.words;
        int64_t* to = outputs_ + results.first * results.outputs * sample_count_ + results.sample;
        const int rows = results.count * results.outputs;
        for (int row = 0; row < rows; ++row, from += results.tile, to += sample_count_)
            std::copy(from, from + results.active, to);
    }

  private:
    int64_t* outputs_;
    const int64_t sample_count_;
};

// Turns results into cross-entropies at once, while they are near: [coordinate][sample].
class LossReceiver : public Receiver {
  public:
    // Arguments of tenzo_sweep_cross_entropy().
    struct Job {
        double scale;
        const int64_t* labels;
        double* values;
    };

    LossReceiver(const Losses& losses, const Job& job, int64_t sample_count, int outputs,
                 int threads)
        : job_(job),
          sample_count_(sample_count),
          workers_(threads, LossWorker(losses.numbers(), outputs)),
          values_(threads) {}

    void take(int thread, const Results& results) override {
        std::vector<double>& values = values_[thread];
        const int active = results.active;
        values.resize(static_cast<size_t>(results.count) * active);
        const LossTask<int32_t> task{results.words,
                                     {results.count, active, results.outputs},
                                     {results.outputs * results.tile, 1, results.tile},
                                     job_.scale,
                                     job_.labels + results.sample,
                                     values.data()};
        for (int64_t item = 0; item < task.items(); item += LOSS_BLOCK)
            workers_[thread].cross_entropy(task, item);
        for (int i = 0; i < results.count; ++i)
            std::copy(values.begin() + i * active, values.begin() + (i + 1) * active,
                      job_.values + (results.first + i) * sample_count_ + results.sample);
    }

  private:
    const Job job_;
    const int64_t sample_count_;
    std::vector<LossWorker> workers_;
    std::vector<std::vector<double>> values_;  // of one thread each
};

}  // namespace tenzo
