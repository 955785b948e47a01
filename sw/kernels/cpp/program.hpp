// What every part of the kernels knows of a program: stages, memories, and the run of one stage.
#pragma once

#include <cstddef>
#include <cstdint>

#include "table.hpp"
#include "tenzo_kernels.h"

namespace tenzo {

enum Counter { LEFT1, LEFT0, RIGHT1, RIGHT0, J, K };

constexpr int ADDRESS_MASK = 0xFFFF;
constexpr int RESULT_WIDTH = 32;
constexpr int RELU = 1;

// A stage, and what can be said of it before any number is known.
struct Stage {
    tenzo_stage nest;
    Table table;             // of its activation, if that is sine or tanh
    int64_t low, high;       // saturation limits of what it writes
    int64_t half;            // half a unit: what rounding adds
    bool regular;            // no address of a lane wraps, and rows share their inputs
    int pairs;               // pairs of terms, an odd last one included
    int matrices;            // weight matrices: one, unless an outer counter moves the weight
    int matrix_strides[4];   // strides between them of left1, left0, right1, right0
    int input_steps[4], output_steps[4], bias_steps[4], matrix_steps[4];  // when one advances
    size_t packed;           // place of its weight pairs among those of the program
    size_t block;            // place of its row blocks among those of the program
    size_t norm;             // place of their pair norms
    const int* producers;    // stages that write what it reads, ended by -1
    const int* terms;        // of a slice: the terms that it sums, in units of the k strides
};

// Bounds of a block of rows: what the exactness of 32-bit sums is decided on.
struct RowBlock {
    int64_t whole, first_half, second_half;  // greatest L1 norm of a row, raw
};

// Words of a lane memory: address a lies at data + (a - first) * tile.
template <class T>
struct Words {
    T* data;
    int first;
};

// Sums before rounding, [word][sample], the start of the sum included: 32 bits that may have
// wrapped, in the order of interleaved vectors, or float64.
template <class T>
struct SumOf {
    using Type = double;
};
template <>
struct SumOf<int16_t> {
    using Type = int32_t;
};
template <class T>
struct Sums {
    typename SumOf<T>::Type* words;    // from the first word of lane memory on
    typename SumOf<T>::Type* results;  // from result 0 on
    int first;
};

// One stage on one tile of samples. T is int16_t, double or int64_t.
template <class T>
struct StageRun {
    const Stage* stage;
    Words<const T> input;
    Words<T> output;
    int32_t* results;          // [output][tile], for a stage that writes results
    int tile;                  // samples in the tile, those that only fill it up included
    int active;                // samples that count
    const int32_t* weights;    // of the whole program, perturbed
    const int32_t* biases;
    const int32_t* pairs;      // [matrix][block][pair][row]: two weights in a word (int16_t only)
    const RowBlock* blocks;    // [matrix][block] (int16_t only)
    const int32_t* pair_norms; // [matrix][block][pair]: greatest |w| + |w'| (int16_t only)
    const double* reals;       // [matrix][block][k][row] (double only)
    int64_t input_bound;       // no input is larger in magnitude (int16_t only)
    int64_t bias_bound;        // nor any bias, before its shift (int16_t only)
    void* scratch;             // for interleaved inputs (int16_t only)
    Sums<T> sums;              // where to keep sums before rounding; null if nobody wants them
    int64_t output_bound;      // out: no value written is larger in magnitude
    int64_t saturations;       // out: values that saturated, on active samples
    int64_t sum_bound;         // out, if sums are kept: none is larger in magnitude
};

// A slice of a stage for several coordinates at once: sums corrected by what changed. Changes are
// differences from the kept values, [word][coordinate][sample].
template <class T>
struct SliceRun {
    const Stage* stage;        // of the slice
    Words<const T> kept;       // what the base pass wrote
    Words<const T> inputs;     // what a stage's first coordinate multiplies: samples or kept values
    Words<T> changes;
    Sums<T> sums;              // of the base pass
    int32_t* results;          // [coordinate][output][tile]
    int tile, group, results_size;
    const int32_t* pairs;      // as in StageRun
    const double* reals;
    const int64_t* steps;      // per coordinate, for the first slice: what is added to the weight
    const ptrdiff_t* terms;    // per coordinate, for the first slice: words from k = 0 to its term
    bool is_bias;              // the first slice: no term at all
    void* scratch;
    int64_t change_bound;      // out: no change is larger in magnitude (int16_t only)
    bool overflowed;           // out: some change did not fit (int16_t only)
};

// What one instruction set offers.
struct Path {
    const char* name;
    bool (*works)();
    int columns;                          // samples in one vector of 16-bit integers
    int tile;                             // samples in a full tile of 16-bit integers
    void (*narrow)(StageRun<int16_t>&);   // 16-bit words and weights, regular stages
    void (*real)(StageRun<double>&);      // wider ones, sums below 2^51, regular stages
    void (*narrow_first)(SliceRun<int16_t>&);  // the slice that a changed parameter belongs to
    void (*narrow_slice)(SliceRun<int16_t>&);  // a slice after it
    void (*real_first)(SliceRun<double>&);
    void (*real_slice)(SliceRun<double>&);
};

constexpr int REAL_TILE = 16;             // samples in a tile of wide words
constexpr int64_t REAL_LIMIT = INT64_C(1) << 51;
constexpr int BLOCK_ROWS = 4;             // most rows that are summed at a time

extern const Path AVX512_VNNI, AVX512, AVX2, SSE2, NEON, PORTABLE;

// Any stage, in 64-bit integers, one term after the other.
template <class T>
void run_generic(StageRun<T>& run);

// The four outer counters of a nest, with the addresses that go with them.
struct Outer {
    int index[4];
    int input, output, bias, matrix;  // addresses of j = k = 0

    explicit Outer(const Stage& stage)
        : index{0, 0, 0, 0},
          input(stage.nest.input_base),
          output(stage.nest.output_base),
          bias(stage.nest.bias_base),
          matrix(0) {}

    // Go on to the next; false after the last one.
    bool next(const Stage& stage) {
        for (int counter = RIGHT0; counter >= LEFT1; --counter) {
            if (++index[counter] < stage.nest.counts[counter]) {
                input += stage.input_steps[counter];
                output += stage.output_steps[counter];
                bias += stage.bias_steps[counter];
                matrix += stage.matrix_steps[counter];
                return true;
            }
            index[counter] = 0;
        }
        return false;
    }
};

}  // namespace tenzo
