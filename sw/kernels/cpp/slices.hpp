// What can be said of slices before any number is known.
#pragma once

#include <vector>

#include "program.hpp"

namespace tenzo {

// Their loop nests.
inline std::vector<tenzo_stage> nests_of(const std::vector<tenzo_slice>& slices) {
    std::vector<tenzo_stage> nests;
    for (const tenzo_slice& slice : slices) nests.push_back(slice.nest);
    return nests;
}

// The terms that each of them sums, in units of the k strides.
inline std::vector<std::vector<int>> terms_of(const std::vector<tenzo_slice>& slices) {
    std::vector<std::vector<int>> terms;
    for (const tenzo_slice& slice : slices) {
        terms.emplace_back();
        for (int k = 0; k < slice.nest.counts[K]; ++k)
            terms.back().push_back(k / slice.inner * slice.jump + k % slice.inner * slice.stride);
    }
    return terms;
}

// Multiply-accumulates of a nest, per sample.
inline int64_t macs_of(const tenzo_stage& nest) {
    int64_t macs = 1;
    for (int count : nest.counts) macs *= count;
    return macs;
}

}  // namespace tenzo
