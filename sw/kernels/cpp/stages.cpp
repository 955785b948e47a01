#include "stages.hpp"

#include <algorithm>
#include <cstdlib>

namespace tenzo {

namespace {

// Smallest and largest address of an affine nest, not reduced modulo 2^16.
struct Bounds {
    int64_t low, high;

    Bounds(int64_t base, const int32_t* strides, const int32_t* counts, int counters)
        : low(base), high(base) {
        for (int counter = 0; counter < counters; ++counter) {
            const int64_t reach = static_cast<int64_t>(counts[counter] - 1) * strides[counter];
            (reach < 0 ? low : high) += reach;
        }
    }

    bool inside(int64_t first, int64_t last) const { return low >= first && high < last; }
};

// Call a function with every address of a nest of `counters` counters, until it returns true.
template <class Function>
bool any_address(int base, const int32_t* strides, const int32_t* counts, int counters,
                 Function function) {
    std::vector<int> index(counters, 0);
    int64_t address = base;
    for (;;) {
        if (function(static_cast<int>(address & ADDRESS_MASK))) return true;
        int counter = counters - 1;
        while (counter >= 0 && index[counter] + 1 == counts[counter]) {
            address -= static_cast<int64_t>(index[counter]) * strides[counter];
            index[counter--] = 0;
        }
        if (counter < 0) return false;
        ++index[counter];
        address += strides[counter];
    }
}

int64_t magnitude_bound(const tenzo_engine& engine, const Stage& stage) {
    const tenzo_stage& nest = stage.nest;
    const int64_t weight = nest.unit_weight ? 1 : INT64_C(1) << (engine.weight_width - 1);
    const int64_t bias = INT64_C(1) << (engine.weight_width - 1 + nest.bias_shift);
    return nest.counts[K] * (weight << (engine.activation_width - 1)) + nest.use_bias * bias +
           stage.half;
}

// Whether plain pointers reach all words of a stage, the same inputs for every row.
bool is_regular(const tenzo_program& program, const Stage& stage) {
    tenzo_stage nest = stage.nest;
    if (stage.terms)
        nest.counts[K] = 1 + *std::max_element(stage.terms, stage.terms + nest.counts[K]);
    const int words = program.first_word + program.word_count;
    const Bounds inputs(nest.input_base, nest.input_strides, nest.counts, 6);
    const Bounds outputs(nest.output_base, nest.output_strides, nest.counts, 5);
    const Bounds biases(nest.bias_base, nest.bias_strides, nest.counts, 5);
    return (nest.sample_input ? inputs.inside(0, program.input_count)
                              : inputs.inside(program.first_word, words)) &&
           (nest.to_results ? outputs.inside(0, program.output_count)
                            : outputs.inside(program.first_word, words)) &&
           (!nest.use_bias || biases.inside(0, program.bias_count)) &&
           (nest.counts[J] == 1 || nest.input_strides[J] == 0);
}

// What an address gains when a counter advances and those inside it, to right0, return to zero.
void find_steps(const int32_t* counts, const int32_t* strides, int* steps) {
    int rewind = 0;
    for (int counter = RIGHT0; counter >= LEFT1; --counter) {
        steps[counter] = strides[counter] - rewind;
        rewind += (counts[counter] - 1) * strides[counter];
    }
}

}  // namespace

Stages::Stages(const tenzo_engine& engine, const tenzo_program& program,
               const tenzo_stage* stages, int count) {
    bool real = true;
    for (int index = 0; index < count; ++index) {
        Stage stage{};
        stage.nest = stages[index];
        derive(engine, program, stage);
        real = real && magnitude_bound(engine, stage) < REAL_LIMIT;
        all.push_back(stage);
    }
    const bool narrow = engine.activation_width <= 16 && engine.weight_width <= 16;
    words = narrow ? WordKind::NARROW : real ? WordKind::REAL : WordKind::INTEGER;
    find_producers();
}

Stages::Stages(const tenzo_engine& engine, const tenzo_program& program,
               const tenzo_stage* slices, const std::vector<std::vector<int>>& terms)
    : words(WordKind::NARROW) {
    for (size_t index = 0; index < terms.size(); ++index) {
        Stage slice{};
        slice.nest = slices[index];
        slice.terms = terms[index].data();
        derive(engine, program, slice);
        all.push_back(slice);
    }
}

void Stages::derive(const tenzo_engine& engine, const tenzo_program& program, Stage& stage) {
    const tenzo_stage& nest = stage.nest;
    stage.table = Table(engine, nest.activation);
    const bool wide = nest.to_results && !stage.table;
    const int width = wide ? RESULT_WIDTH : engine.activation_width;
    stage.high = (INT64_C(1) << (width - 1)) - 1;
    stage.low = -stage.high - 1;
    stage.half = nest.shift ? INT64_C(1) << (nest.shift - 1) : 0;
    stage.pairs = (nest.counts[K] + 1) / 2;
    stage.matrices = 1;
    for (int counter = RIGHT0; counter >= LEFT1; --counter) {
        const bool moves = nest.weight_strides[counter] != 0 && !nest.unit_weight;
        stage.matrix_strides[counter] = moves ? stage.matrices : 0;
        if (moves) stage.matrices *= nest.counts[counter];
    }
    stage.regular = is_regular(program, stage);
    if (!stage.regular) return;
    find_steps(nest.counts, nest.input_strides, stage.input_steps);
    find_steps(nest.counts, nest.output_strides, stage.output_steps);
    find_steps(nest.counts, nest.bias_strides, stage.bias_steps);
    find_steps(nest.counts, stage.matrix_strides, stage.matrix_steps);
    const size_t blocks = static_cast<size_t>(stage.matrices) *
                          ((nest.counts[J] + BLOCK_ROWS - 1) / BLOCK_ROWS);
    stage.packed = packed_count;
    stage.block = block_count;
    stage.norm = norm_count;
    packed_count += static_cast<size_t>(stage.matrices) * nest.counts[J] * stage.pairs;
    block_count += blocks;
    norm_count += blocks * stage.pairs;
    scratch_pairs = std::max(scratch_pairs, static_cast<size_t>(stage.pairs));
}

void Stages::find_producers() {
    producers_.resize(all.size());
    std::vector<bool> read(ADDRESS_MASK + 1);
    for (size_t reader = 0; reader < all.size(); ++reader) {
        const tenzo_stage& nest = all[reader].nest;
        if (!nest.sample_input) {
            std::fill(read.begin(), read.end(), false);
            any_address(nest.input_base, nest.input_strides, nest.counts, 6, [&](int address) {
                read[address] = true;
                return false;
            });
            for (size_t writer = 0; writer < all.size(); ++writer) {
                const tenzo_stage& from = all[writer].nest;
                if (from.to_results) continue;
                if (any_address(from.output_base, from.output_strides, from.counts, 5,
                                [&](int address) { return read[address]; }))
                    producers_[reader].push_back(static_cast<int>(writer));
            }
        }
        producers_[reader].push_back(-1);
        all[reader].producers = producers_[reader].data();
    }
}

PackedWeights::PackedWeights(const Stages& stages, WordKind words) {
    if (words == WordKind::NARROW) {
        pairs.resize(stages.packed_count);
        pair_norms.resize(stages.norm_count);
        blocks.resize(stages.block_count);
    } else if (words == WordKind::REAL) {
        reals.resize(2 * stages.packed_count);
    }
}

void PackedWeights::pack(const Stage& stage, const int32_t* weights) {
    const tenzo_stage& nest = stage.nest;
    const int rows = nest.counts[J], count = (rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
    size_t packed = stage.packed, norms = stage.norm, block = stage.block;
    for (int matrix = 0; matrix < stage.matrices; ++matrix) {
        int address = nest.weight_base;
        for (int counter = LEFT1; counter <= RIGHT0; ++counter)
            if (stage.matrix_strides[counter])
                address += matrix / stage.matrix_strides[counter] % nest.counts[counter] *
                           nest.weight_strides[counter];
        for (int b = 0; b < count; ++b) {
            const Rows here{rows / count + (b < rows % count), address};
            if (reals.empty())
                pack_pairs(stage, weights, here, &pairs[packed], &pair_norms[norms],
                           blocks[block++]);
            else
                pack_reals(stage, weights, here, &reals[2 * packed]);
            packed += static_cast<size_t>(here.count) * stage.pairs;
            norms += stage.pairs;
            address += here.count * nest.weight_strides[J];
        }
    }
}

void PackedWeights::pack_pairs(const Stage& stage, const int32_t* weights, Rows rows,
                               int32_t* packed, int32_t* norms, RowBlock& block) {
    const tenzo_stage& nest = stage.nest;
    block = RowBlock{0, 0, 0};
    std::fill(norms, norms + stage.pairs, 0);
    for (int row = 0; row < rows.count; ++row) {
        const int address = rows.address + row * nest.weight_strides[J];
        int64_t first = 0, second = 0;
        for (int p = 0; p < stage.pairs; ++p) {
            int32_t pair[2] = {0, 0};
            for (int i = 0; i < 2 && 2 * p + i < nest.counts[K]; ++i) {
                const int term = stage.terms ? stage.terms[2 * p + i] : 2 * p + i;
                const int at = (address + term * nest.weight_strides[K]) & ADDRESS_MASK;
                pair[i] = nest.unit_weight ? 1 : weights[at];
            }
            packed[static_cast<ptrdiff_t>(p) * rows.count + row] = static_cast<int32_t>(
                (static_cast<uint32_t>(pair[0]) & 0xFFFF) | static_cast<uint32_t>(pair[1]) << 16);
            const int32_t norm = std::abs(pair[0]) + std::abs(pair[1]);
            norms[p] = std::max(norms[p], norm);
            (p < stage.pairs / 2 ? first : second) += norm;
        }
        block.whole = std::max(block.whole, first + second);
        block.first_half = std::max(block.first_half, first);
        block.second_half = std::max(block.second_half, second);
    }
}

void PackedWeights::pack_reals(const Stage& stage, const int32_t* weights, Rows rows,
                               double* packed) {
    const tenzo_stage& nest = stage.nest;
    for (int k = 0; k < nest.counts[K]; ++k) {
        const int term = stage.terms ? stage.terms[k] : k;
        for (int row = 0; row < rows.count; ++row) {
            const int address =
                rows.address + row * nest.weight_strides[J] + term * nest.weight_strides[K];
            *packed++ = nest.unit_weight ? 1 : weights[address & ADDRESS_MASK];
        }
    }
}

}  // namespace tenzo
