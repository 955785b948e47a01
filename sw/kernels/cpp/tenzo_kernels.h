// The C interface of the host kernels: evaluates queries on a block of samples, exactly.
//
// Python loads it with ctypes; tenzo.sw.kernels.library mirrors the structures, and both sides
// compare tenzo_interface_size() when the library is opened.
#ifndef TENZO_KERNELS_H
#define TENZO_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define TENZO_PUBLIC __declspec(dllexport)
#else
#define TENZO_PUBLIC __attribute__((visibility("default")))
#endif

// What the arithmetic depends on.
typedef struct {
    int32_t activation_width, weight_width;
    int32_t lfsr_width;
    uint32_t lfsr_taps;
    int32_t table_segments, table_fraction_bits;
    const int32_t *table_words;  // [function][segment][2]: base and slope; kept by who calls
} tenzo_engine;

// One stage: the loop nest of tenzo.sw.program.Stage. Strides are signed, addresses count modulo
// 2^16.
// Counters are left1, left0, right1, right0, j, k; outputs and biases do not move with k.
typedef struct {
    int32_t counts[6];
    int32_t input_base, input_strides[6];
    int32_t weight_base, weight_strides[6];
    int32_t output_base, output_strides[5];
    int32_t bias_base, bias_strides[5];
    int32_t shift, bias_shift, activation;
    int32_t use_bias, unit_weight, to_results, sample_input;
} tenzo_stage;

// Sizes of a program. Lane memory holds words first_word .. first_word + word_count - 1.
typedef struct {
    int32_t stage_count, weight_count, bias_count, input_count, output_count;
    int32_t first_word, word_count;
} tenzo_program;

// One evaluation, all defaults filled in: tenzo.sw.device.Query.
typedef struct {
    int32_t sign, epsilon_raw, distribution, bits;
    uint32_t seed;
    int32_t first, last, entry, stop;
} tenzo_query;

// A slice of a stage: the outputs that change with a parameter, and the inputs that do. `nest` is
// the stage's but for counts, bases and strides; k counts only the terms whose inputs change. Term
// k of the slice is term (k / inner) * jump + (k % inner) * stride of its bases. A slice that is
// not exact reads inputs that do not change as well.
typedef struct {
    int32_t stage;
    tenzo_stage nest;
    int32_t inner, stride, jump, is_exact;
} tenzo_slice;

// Parameters with the same effect: those of one row, or one bias. `own` is the slice of the stage
// that the parameter belongs to, with one term, that of k = 0; `term_stride` is how many words of
// input lie between terms. The slices that follow are chain[first] .. chain[first + count - 1].
typedef struct {
    int32_t own, term_stride, first, count, is_bias;
} tenzo_row;

// One changed parameter: term k of a row; the parameter's address, and the signed step added to it.
typedef struct {
    int32_t row, k, address, step;
} tenzo_coordinate;

// The constants of tenzo.sw.numerics, by the names that they have there.
typedef struct {
    double rounder, exp_low, steps_per_unit, step_high, step_low;
    double sqrt_half, ln2_high, ln2_low, log_series[9];
    const uint64_t *exp_table;  // kept by who calls
} tenzo_numerics;

typedef struct tenzo_kernel tenzo_kernel;
typedef struct tenzo_sweep tenzo_sweep;
typedef struct tenzo_losses tenzo_losses;

// Sum of the sizes of the eight structures above.
TENZO_PUBLIC int32_t tenzo_interface_size(void);

// Name of instruction-set path `index`, widest first, or a null pointer after the last one.
TENZO_PUBLIC const char *tenzo_path_name(int32_t index);

// Whether this processor can run path `index`.
TENZO_PUBLIC int32_t tenzo_path_works(int32_t index);

// A program on `threads` threads; a null pointer if memory ran out.
TENZO_PUBLIC tenzo_kernel *tenzo_open(const tenzo_engine *engine, const tenzo_program *program,
                                      const tenzo_stage *stages, int32_t path, int32_t threads);

TENZO_PUBLIC void tenzo_close(tenzo_kernel *kernel);

// Master parameters: weights, then biases, raw.
TENZO_PUBLIC void tenzo_write_parameters(tenzo_kernel *kernel, const int64_t *parameters);

// Run all queries on all samples. Returns 0, or 1 if memory ran out.
//
// samples             raw, [sample][input]
// ordered             whether the queries must run in order on the same lanes
// outputs             raw results, [query][sample][output]; not written by a query without results
// saturations         per stage, added to: values that saturated
// weight_saturations  per query, set: parameters that saturated
TENZO_PUBLIC int32_t tenzo_evaluate(tenzo_kernel *kernel, const int64_t *samples,
                                    int64_t sample_count, const tenzo_query *queries,
                                    int32_t query_count, int32_t ordered, int64_t *outputs,
                                    int64_t *saturations, int64_t *weight_saturations);

// Rows of a program whose stages all write to words of their own. The kernel must outlive it. A
// null pointer if memory ran out, or if a slice is not one that the kernels run.
TENZO_PUBLIC tenzo_sweep *tenzo_sweep_open(tenzo_kernel *kernel, const tenzo_slice *slices,
                                           int32_t slice_count, const tenzo_row *rows,
                                           int32_t row_count, const int32_t *chain,
                                           int32_t chain_count);

TENZO_PUBLIC void tenzo_sweep_close(tenzo_sweep *sweep);

// Take samples, [sample][input], and the master parameters that the kernel has now. Returns 0, or 1
// if memory ran out.
TENZO_PUBLIC int32_t tenzo_sweep_load(tenzo_sweep *sweep, const int64_t *samples,
                                      int64_t sample_count);

// Evaluate the network on the loaded samples with one parameter changed, for every coordinate.
// Returns 0, or 1 if memory ran out.
//
// outputs  raw results, [coordinate][output][sample]
// failed   per coordinate, set: whether a bound was exceeded, so that its outputs are not valid
// macs     set: multiply-accumulates per sample of the base pass, and of all slices
TENZO_PUBLIC int32_t tenzo_sweep_evaluate(tenzo_sweep *sweep, const tenzo_coordinate *coordinates,
                                          int32_t coordinate_count, int64_t *outputs,
                                          uint8_t *failed, int64_t macs[2]);

// The same, but for the cross-entropies of the results in place of these; arguments as those of
// tenzo_cross_entropy() and of the function above.
//
// values  set: [coordinate][sample]
TENZO_PUBLIC int32_t tenzo_sweep_cross_entropy(tenzo_sweep *sweep, const tenzo_losses *losses,
                                               const tenzo_coordinate *coordinates,
                                               int32_t coordinate_count, double scale,
                                               const int64_t *labels, double *values,
                                               uint8_t *failed, int64_t macs[2]);

// Losses on `threads` threads; a null pointer if memory ran out.
TENZO_PUBLIC tenzo_losses *tenzo_losses_open(const tenzo_numerics *numbers, int32_t threads);

TENZO_PUBLIC void tenzo_losses_close(tenzo_losses *losses);

// Cross-entropy of the softmax of every sample. Returns 0, or 1 if memory ran out.
//
// outputs  raw, [query][sample][output], `counts` of them, `strides` integers from one to the next
// scale    value of one unit of an output
// labels   per sample, from 0 to outputs - 1
// values   set: [query][sample]
TENZO_PUBLIC int32_t tenzo_cross_entropy(tenzo_losses *losses, const int64_t *outputs,
                                         const int64_t counts[3], const int64_t strides[3],
                                         double scale, const int64_t *labels, double *values);

#ifdef __cplusplus
}
#endif
#endif
