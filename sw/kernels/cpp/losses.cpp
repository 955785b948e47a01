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

#include "target.hpp"

namespace tenzo {

namespace {

constexpr int BLOCK = LOSS_BLOCK;
constexpr int LOG_TERMS = sizeof tenzo_numerics{}.log_series / sizeof(double);
constexpr int64_t WORTH_SHARING = 16000;  // outputs, below which a second thread is not woken

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

auto widest() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return wide::cross_entropy;
#endif
    return plain::cross_entropy;
}

}  // namespace

LossWorker::LossWorker(const tenzo_numerics& numbers, int64_t outputs)
    : numbers_(numbers), function_(widest()), values_(static_cast<size_t>(outputs) * BLOCK) {}

template <class T>
void LossWorker::cross_entropy(const LossTask<T>& task, int64_t first) {
    const int64_t end = std::min(first + BLOCK, task.items());
    int place = 0;
    for (int64_t item = first; item < end;) {
        const int64_t query = item / task.counts[1], sample = item % task.counts[1];
        const int size = static_cast<int>(std::min(end - item, task.counts[1] - sample));
        load(task, query, sample, size, place);
        place += size;
        item += size;
    }
    if (place < BLOCK) fill(task.counts[2], place);
    double losses[BLOCK];
    function_(numbers_, values_.data(), static_cast<int>(task.counts[2]), task.scale, labels_,
              losses);
    std::copy(losses, losses + place, task.values + first);
}

template <class T>
void LossWorker::load(const LossTask<T>& task, int64_t query, int64_t sample, int size,
                      int place) {
    const int64_t step = task.strides[1];
    std::copy(task.labels + sample, task.labels + sample + size, labels_ + place);
    for (int64_t output = 0; output < task.counts[2]; ++output) {
        const T* from =
            task.outputs + query * task.strides[0] + sample * step + output * task.strides[2];
        double* to = values_.data() + output * BLOCK + place;
        if (step == 1)
            for (int i = 0; i < size; ++i) to[i] = static_cast<double>(from[i]);
        else
            for (int i = 0; i < size; ++i) to[i] = static_cast<double>(from[i * step]);
    }
}

// Give samples that are not there some value.
void LossWorker::fill(int64_t outputs, int place) {
    std::fill(labels_ + place, labels_ + BLOCK, 0);
    for (int64_t output = 0; output < outputs; ++output)
        std::fill(values_.data() + output * BLOCK + place, values_.data() + (output + 1) * BLOCK,
                  0.0);
}

template void LossWorker::cross_entropy(const LossTask<int32_t>&, int64_t);
template void LossWorker::cross_entropy(const LossTask<int64_t>&, int64_t);

void Losses::cross_entropy(const LossTask<int64_t>& task) {
    std::lock_guard<std::mutex> lock(busy_);
    const int threads = task.items() * task.counts[2] < WORTH_SHARING ? 1 : pool_.threads();
    std::vector<LossWorker> workers(threads, LossWorker(numbers_, task.counts[2]));
    std::atomic<int64_t> next{0};
    const auto work = [&](int thread) {
        for (int64_t first; (first = next.fetch_add(BLOCK)) < task.items();)
            workers[thread].cross_entropy(task, first);
    };
    threads == 1 ? work(0) : pool_.run(work);
}

}  // namespace tenzo
