// What a thread keeps of one evaluation, to correct it for changed parameters.
#pragma once

#include <vector>

#include "aligned.hpp"
#include "program.hpp"

namespace tenzo {

constexpr int GROUP = 8;  // coordinates worked on at a time

// What one thread keeps of a tile, and what it works on.
template <class T>
struct Kept {
    using Sum = typename SumOf<T>::Type;

    Kept(const tenzo_program& program, int tile)
        : sums(static_cast<size_t>(program.word_count) * tile),
          result_sums(static_cast<size_t>(program.output_count) * tile),
          changes(static_cast<size_t>(program.word_count) * tile * GROUP),
          results(static_cast<size_t>(program.output_count) * tile * GROUP) {}

    Aligned<Sum> sums, result_sums;
    Aligned<T> changes;
    std::vector<int32_t> results;
    int tile = -1;          // whose values are there
    int64_t macs[2] = {0, 0};
};

}  // namespace tenzo
