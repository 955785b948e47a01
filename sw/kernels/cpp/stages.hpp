// The stages of a program, derived once when it is opened.
#pragma once

#include <memory>
#include <vector>

#include "program.hpp"

namespace tenzo {

// How the words of lane memory are kept.
enum class WordKind { NARROW, REAL, INTEGER };

struct Stages {
    Stages(const tenzo_engine& engine, const tenzo_program& program, const tenzo_stage* stages,
           int count);

    // Slices, each with the terms that it sums.
    Stages(const tenzo_engine& engine, const tenzo_program& program, const tenzo_stage* slices,
           const std::vector<std::vector<int>>& terms);

    std::vector<Stage> all;
    WordKind words;
    size_t packed_count = 0;    // weight pairs of all stages
    size_t block_count = 0;     // row blocks
    size_t norm_count = 0;      // pairs of row blocks
    size_t scratch_pairs = 0;   // most pairs of one stage

  private:
    void derive(const tenzo_engine& engine, const tenzo_program& program, Stage& stage);
    void find_producers();
    std::vector<std::vector<int>> producers_;
};

// Perturbed weights in the order in which the kernels read them: pairs with their norms for words
// of 16 bits, float64 for wider ones.
struct PackedWeights {
    std::vector<int32_t> pairs, pair_norms;
    std::vector<RowBlock> blocks;
    std::vector<double> reals;

    PackedWeights(const Stages& stages, WordKind words);
    void pack(const Stage& stage, const int32_t* weights);

  private:
    // Rows of a block, and the address of its first weight.
    struct Rows {
        int count, address;
    };
    static void pack_pairs(const Stage& stage, const int32_t* weights, Rows rows, int32_t* packed,
                           int32_t* norms, RowBlock& block);
    static void pack_reals(const Stage& stage, const int32_t* weights, Rows rows, double* packed);
};

}  // namespace tenzo
