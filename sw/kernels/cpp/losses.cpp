// Losses, equal to those of tenzo.sw.numerics in every bit: so no product is fused with a sum.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include "losses.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <vector>

#include "aligned.hpp"
#include "target.hpp"

namespace tenzo {

namespace {

constexpr int BLOCK = 64;              // samples worked on at a time
constexpr int LOG_TERMS = sizeof tenzo_numerics{}.log_series / sizeof(double);
constexpr int64_t WORTH_SHARING = 16000;  // outputs, below which a second thread is not worth waking

namespace plain {
#include "cross_entropy.hpp"
}

#if defined(__x86_64__)
TENZO_TARGET("avx512f,avx512bw,avx512dq,avx512vl")
namespace wide {
#include "cross_entropy.hpp"
}
TENZO_TARGET_END
#endif

using Function = void (*)(const tenzo_numerics&, double*, int, double, const int64_t*, double*);

Function widest() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return wide::cross_entropy;
#endif
    return plain::cross_entropy;
}

// One block of samples, those of all queries in a row.
class BlockOfSamples {
  public:
    BlockOfSamples(const Losses::Job& job, double* values)
        : function_(widest()), job_(job), values_(values) {}

    void compute(const tenzo_numerics& numbers, int64_t first, int64_t end) {
        int place = 0;
        for (int64_t item = first; item < end;) {
            const int64_t query = item / job_.counts[1], sample = item % job_.counts[1];
            const int size =
                static_cast<int>(std::min(end - item, job_.counts[1] - sample));
            load(query, sample, size, place);
            place += size;
            item += size;
        }
        fill(place);
        double losses[BLOCK];
        function_(numbers, values_, static_cast<int>(job_.counts[2]), job_.scale, labels_,
                      losses);
        std::copy(losses, losses + place, job_.losses + first);
    }

  private:
    void load(int64_t query, int64_t sample, int size, int place) {
        const int64_t step = job_.strides[1];
        std::copy(job_.labels + sample, job_.labels + sample + size, labels_ + place);
        for (int64_t output = 0; output < job_.counts[2]; ++output) {
            const int64_t* from = job_.outputs + query * job_.strides[0] + sample * step +
                                  output * job_.strides[2];
            double* to = values_ + output * BLOCK + place;
            if (step == 1)
                for (int i = 0; i < size; ++i) to[i] = static_cast<double>(from[i]);
            else
                for (int i = 0; i < size; ++i) to[i] = static_cast<double>(from[i * step]);
        }
    }

    // Give samples that are not there some value.
    void fill(int place) {
        if (place == BLOCK) return;
        std::fill(labels_ + place, labels_ + BLOCK, 0);
        for (int64_t output = 0; output < job_.counts[2]; ++output)
            std::fill(values_ + output * BLOCK + place, values_ + (output + 1) * BLOCK, 0.0);
    }

    const Function function_;
    const Losses::Job& job_;
    double* values_;  // [output][sample]
    int64_t labels_[BLOCK];
};

}  // namespace

void Losses::cross_entropy(const Job& job) {
    std::lock_guard<std::mutex> lock(busy_);
    const int64_t items = job.counts[0] * job.counts[1], outputs = job.counts[2];
    const int threads = items * outputs < WORTH_SHARING ? 1 : pool_.threads();
    std::vector<Aligned<double>> values;
    for (int thread = 0; thread < threads; ++thread)
        values.emplace_back(static_cast<size_t>(outputs) * BLOCK);
    std::atomic<int64_t> next{0};
    const auto work = [&](int thread) {
        BlockOfSamples block(job, values[thread].data());
        for (int64_t first; (first = next.fetch_add(BLOCK)) < items;)
            block.compute(numbers_, first, std::min(first + BLOCK, items));
    };
    threads == 1 ? work(0) : pool_.run(work);
}

}  // namespace tenzo
