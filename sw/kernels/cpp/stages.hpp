// The stages of a program, derived once when it is opened.
#pragma once

#include <memory>
#include <vector>

#include "program.hpp"

namespace tenzo {

// How the words of lane memory are kept.
enum class WordKind { NARROW, REAL, INTEGER };

struct Stages {
    Stages(const tenzo_engine& engine, const tenzo_program& program, const tenzo_stage* stages);

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

// Perturbed weights in the order in which the 16-bit kernels read them, with their norms.
struct PackedWeights {
    std::vector<int32_t> pairs, pair_norms;
    std::vector<RowBlock> blocks;

    explicit PackedWeights(const Stages& stages);
    void pack(const Stage& stage, const int32_t* weights);

  private:
    void pack_block(const Stage& stage, const int32_t* weights, int address, int rows,
                    int32_t* packed, int32_t* norms, RowBlock& block);
};

}  // namespace tenzo
