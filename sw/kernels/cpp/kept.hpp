// What is kept of one evaluation, to correct it for changed parameters.
#pragma once

#include <vector>

#include "aligned.hpp"
#include "program.hpp"

namespace tenzo {

constexpr int GROUP = 4;  // coordinates worked on at a time

// The sums of one tile.
template <class T>
struct Base {
    using Sum = typename SumOf<T>::Type;

    Base(const tenzo_program& program, int tile)
        : sums(static_cast<size_t>(program.word_count) * tile),
          result_sums(static_cast<size_t>(program.output_count) * tile) {}

    Aligned<Sum> sums, result_sums;
    int tile = -1;  // whose they are
};

// What one thread works on.
template <class T>
struct Changes {
    Changes(const tenzo_program& program, size_t pairs, int tile)
        : words(static_cast<size_t>(program.word_count) * tile * GROUP),
          scratch(sizeof(T) == 2 ? 2 * pairs * tile * GROUP : 0),
          results(static_cast<size_t>(program.output_count) * tile * GROUP) {}

    Aligned<T> words, scratch;
    std::vector<int32_t> results;
    int64_t macs = 0;  // of slices, on samples that count
};

}  // namespace tenzo
