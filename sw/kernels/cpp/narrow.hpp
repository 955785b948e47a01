// Stages of 16-bit words and 16-bit weights, in 32-bit sums. Included inside the namespace of a
// path, after its vectors.
//
// Two terms of a sum lie side by side in one 32-bit element, so that one instruction multiplies
// both and adds them. Interleaving the inputs of two terms leaves the samples in another order
// within a vector; packing 32-bit sums back to 16 bits undoes it.
//
// A 32-bit sum may wrap on the way, for the final one is right if it lies within 32 bits. That is
// decided from the L1 norms of the weights and the largest input that the tile really has; where it
// fails, for each block of rows and each position, from the largest of the inputs that it sums.
// Where that fails, the sum is taken in two halves whose mean is formed without overflow; and
// where that fails too, in as many chunks as it takes, added in 64 bits.

constexpr int64_t LIMIT = INT64_C(1) << 31;

#define TENZO_UNROLL _Pragma("GCC unroll 8")

// Sample that element `element` of the low (0) or high (1) interleaved vector belongs to.
inline int sample_of(int half, int element) { return element / 4 * 8 + half * 4 + element % 4; }

// Sums of R rows in V times two vectors.
template <int R, int V>
struct Block {
    Wide of[R][V][2];
};

// Inputs of one output position, interleaved while they are read.
struct Direct {
    const int16_t* x;
    ptrdiff_t step;
    int terms;

    template <int V>
    void pair(int p, Wide (&inputs)[V][2]) const {
        const int16_t* first = x + 2 * p * step;
        TENZO_UNROLL for (int v = 0; v < V; ++v) {
            const Wide a = load(first + v * COLUMNS);
            const Wide b = 2 * p + 1 < terms ? load(first + step + v * COLUMNS) : zero();
            inputs[v][0] = interleave_low(a, b);
            inputs[v][1] = interleave_high(a, b);
        }
    }
};

// Inputs that were interleaved before, because several blocks of rows read them.
struct Interleaved {
    const int16_t* x;

    template <int V>
    void pair(int p, Wide (&inputs)[V][2]) const {
        TENZO_UNROLL for (int v = 0; v < V; ++v) TENZO_UNROLL for (int half = 0; half < 2; ++half)
            inputs[v][half] = load(x + ((p * V + v) * 2 + half) * COLUMNS);
    }
};

template <int R, int V, class Source>
inline void accumulate(Block<R, V>& sums, const Source& source, const int32_t* weights, int from,
                       int to) {
    for (int p = from; p < to; ++p) {
        Wide inputs[V][2];
        source.template pair<V>(p, inputs);
        TENZO_UNROLL for (int r = 0; r < R; ++r) {
            const Wide w = all32(weights[p * R + r]);
            TENZO_UNROLL for (int v = 0; v < V; ++v) {
                sums.of[r][v][0] = dot(sums.of[r][v][0], inputs[v][0], w);
                sums.of[r][v][1] = dot(sums.of[r][v][1], inputs[v][1], w);
                keep(sums.of[r][v][0]);
                keep(sums.of[r][v][1]);
            }
        }
    }
}

// A stage on a tile.
class Narrow {
  public:
    explicit Narrow(StageRun<int16_t>& run)
        : run_(run),
          stage_(*run.stage),
          nest_(run.stage->nest),
          blocks_((nest_.counts[J] + BLOCK_ROWS - 1) / BLOCK_ROWS),
          rows_(nest_.counts[J] / blocks_),
          longer_(nest_.counts[J] % blocks_),
          fixed_((nest_.use_bias ? run.bias_bound << nest_.bias_shift : 0) + stage_.half),
          largest_(zero()),
          smallest_(zero()) {
        const bool results = nest_.to_results;
        high_ = results ? INT16_MAX : static_cast<int16_t>(stage_.high);
        low_ = results ? INT16_MIN : static_cast<int16_t>(stage_.low);
        clamps_ = nest_.activation == RELU || high_ < INT16_MAX;
        run_.saturations = 0;
        run_.sum_bound = 0;
    }

    template <int V>
    void compute() {
        const bool tight = all_fit();
        const ptrdiff_t step = static_cast<ptrdiff_t>(nest_.input_strides[K]) * run_.tile;
        const Interleaved interleaved{static_cast<const int16_t*>(run_.scratch)};
        Outer outer(stage_);
        do {
            const int16_t* x =
                run_.input.data + static_cast<ptrdiff_t>(outer.input - run_.input.first) * run_.tile;
            for (int column = 0; column < run_.tile; column += V * COLUMNS) {
                const Direct inputs{x + column, step, nest_.counts[K]};
                if (tight && blocks_ == 1) {
                    rows<V, true>(outer, inputs, 0, column);
                } else if (tight) {
                    interleave<V, false>(inputs);
                    rows<V, true>(outer, interleaved, 0, column);
                } else {
                    const int64_t input_bound = interleave<V, true>(inputs);
                    rows<V, false>(outer, interleaved, input_bound, column);
                }
            }
        } while (outer.next(stage_));
        run_.output_bound = bound();
    }

    // Largest magnitude of two vectors, one of what is above zero and one of what is below.
    static int64_t magnitude(Wide largest, Wide smallest) {
        int16_t above[COLUMNS], below[COLUMNS];
        store(above, largest);
        store(below, smallest);
        int most = 0;
        for (int i = 0; i < COLUMNS; ++i) {
            most = above[i] > most ? above[i] : most;
            most = -below[i] > most ? -below[i] : most;
        }
        return most;
    }

  private:
    // Whether every sum fits 32 bits, whatever the position.
    bool all_fit() const {
        int64_t norm = 0;
        for (int b = 0; b < stage_.matrices * blocks_; ++b)
            if (run_.blocks[b].whole > norm) norm = run_.blocks[b].whole;
        return norm * run_.input_bound + fixed_ < LIMIT;
    }

    // Interleave the inputs of one position into scratch memory; return the largest magnitude of
    // them if it is wanted.
    template <int V, bool Bound>
    int64_t interleave(const Direct& inputs) {
        int16_t* to = static_cast<int16_t*>(run_.scratch);
        Wide largest = zero(), smallest = zero();
        for (int p = 0; p < stage_.pairs; ++p) {
            Wide pair[V][2];
            inputs.pair<V>(p, pair);
            TENZO_UNROLL for (int v = 0; v < V; ++v)
                TENZO_UNROLL for (int half = 0; half < 2; ++half, to += COLUMNS) {
                    store(to, pair[v][half]);
                    if (Bound) {
                        largest = max16(largest, pair[v][half]);
                        smallest = min16(smallest, pair[v][half]);
                    }
                }
        }
        return Bound ? magnitude(largest, smallest) : 0;
    }

    // One block of rows at one position.
    struct Place {
        int row, column;
        const int32_t* weights;  // [pair][row]
        int block;
        int64_t input_bound;
    };

    // All rows of one position, block by block; blocks differ by at most one row.
    template <int V, bool Tight, class Source>
    void rows(const Outer& outer, const Source& source, int64_t input_bound, int column) {
        const ptrdiff_t row = static_cast<ptrdiff_t>(outer.matrix) * nest_.counts[J];
        Place place{0, column, run_.pairs + row * stage_.pairs, outer.matrix * blocks_,
                    input_bound};
        for (int b = 0; b < blocks_; ++b) {
            const int size = rows_ + (b < longer_);
            switch (size) {
                case 1: block<1, V, Tight>(outer, source, place); break;
                case 2: block<2, V, Tight>(outer, source, place); break;
                case 3: block<3, V, Tight>(outer, source, place); break;
                default: block<4, V, Tight>(outer, source, place); break;
            }
            place.row += size;
            place.weights += static_cast<ptrdiff_t>(size) * stage_.pairs;
            ++place.block;
        }
    }

    template <int R, int V, bool Tight, class Source>
    void block(const Outer& outer, const Source& source, const Place& place) {
        if (!Tight) {
            const RowBlock& norms = run_.blocks[place.block];
            const int64_t x = place.input_bound;
            if (norms.whole * x + fixed_ >= LIMIT) {
                const bool fit = nest_.shift && norms.first_half * x + fixed_ < LIMIT &&
                                 norms.second_half * x < LIMIT;
                return fit ? halves<R, V>(outer, source, place)
                           : chunks<R, V>(outer, source, place);
            }
        }
        Block<R, V> sums;
        begin<R, V>(sums, outer, place);
        accumulate<R, V>(sums, source, place.weights, 0, stage_.pairs);
        if (run_.sums.words) keep_sums<R, V>(sums, sums, 0, outer, place);
        finish<R, V>(sums, outer, place, nest_.shift);
    }

    // Keep sums that may have wrapped; `reduced` are the exact ones, shifted right by `shift`.
    template <int R, int V>
    __attribute__((noinline)) void keep_sums(const Block<R, V> sums, const Block<R, V> reduced,
                                             int shift, const Outer& outer, const Place& place) {
        for (int r = 0; r < R; ++r) {
            int32_t* to = kept_sums(outer, place.row + r) + place.column;
            for (int v = 0; v < V; ++v)
                for (int half = 0; half < 2; ++half, to += COLUMNS / 2) {
                    int32_t values[COLUMNS / 2];
                    store(to, sums.of[r][v][half]);
                    store(values, reduced.of[r][v][half]);
                    for (int value : values) {
                        const int64_t size = value < 0 ? -static_cast<int64_t>(value) : value;
                        note_sum((size << shift) + shift);
                    }
                }
        }
    }

    void note_sum(int64_t size) {
        if (size > run_.sum_bound) run_.sum_bound = size;
    }

    int32_t* kept_sums(const Outer& outer, int row) const {
        const int word = outer.output + row * nest_.output_strides[J];
        return nest_.to_results ? run_.sums.results + static_cast<ptrdiff_t>(word) * run_.tile
                                : run_.sums.words +
                                      static_cast<ptrdiff_t>(word - run_.sums.first) * run_.tile;
    }

    int64_t start(const Outer& outer, int row) const {
        if (!nest_.use_bias) return stage_.half;
        const int64_t bias = run_.biases[outer.bias + row * nest_.bias_strides[J]];
        return stage_.half + bias * (INT64_C(1) << nest_.bias_shift);
    }

    template <int R, int V>
    void begin(Block<R, V>& sums, const Outer& outer, const Place& place) const {
        TENZO_UNROLL for (int r = 0; r < R; ++r) {
            const Wide value = all32(static_cast<int32_t>(start(outer, place.row + r)));
            TENZO_UNROLL for (int v = 0; v < V; ++v) sums.of[r][v][0] = sums.of[r][v][1] = value;
        }
    }

    // Sum both halves and go on with their rounded-down mean: (a + b) >> 1 without overflow.
    template <int R, int V, class Source>
    __attribute__((noinline)) void halves(const Outer& outer, const Source& source,
                                          const Place& place) {
        const int middle = stage_.pairs / 2;
        Block<R, V> sums, whole;
        alignas(64) int16_t first[R * V * 2 * COLUMNS];
        begin<R, V>(sums, outer, place);
        accumulate<R, V>(sums, source, place.weights, 0, middle);
        int16_t* to = first;
        TENZO_UNROLL for (int r = 0; r < R; ++r) TENZO_UNROLL for (int v = 0; v < V; ++v)
            TENZO_UNROLL for (int half = 0; half < 2; ++half, to += COLUMNS) {
                store(to, sums.of[r][v][half]);
                sums.of[r][v][half] = zero();
            }
        asm volatile("" : : "r"(first) : "memory");  // the registers are for the second half
        accumulate<R, V>(sums, source, place.weights, middle, stage_.pairs);
        const int16_t* from = first;
        TENZO_UNROLL for (int r = 0; r < R; ++r) TENZO_UNROLL for (int v = 0; v < V; ++v)
            TENZO_UNROLL for (int half = 0; half < 2; ++half, from += COLUMNS) {
                const Wide a = load(from), b = sums.of[r][v][half];
                sums.of[r][v][half] = add32(and_(a, b), shift_right(xor_(a, b), 1));
                whole.of[r][v][half] = add32(a, b);
            }
        if (run_.sums.words) keep_sums<R, V>(whole, sums, 1, outer, place);
        finish<R, V>(sums, outer, place, nest_.shift - 1);
    }

    template <int R, int V>
    void finish(Block<R, V>& sums, const Outer& outer, const Place& place, int shift) {
        TENZO_UNROLL for (int r = 0; r < R; ++r) TENZO_UNROLL for (int v = 0; v < V; ++v) {
            sums.of[r][v][0] = shift_right(sums.of[r][v][0], shift);
            sums.of[r][v][1] = shift_right(sums.of[r][v][1], shift);
        }
        if (nest_.to_results)
            write_results<R, V>(sums, outer, place);
        else
            write_words<R, V>(sums, outer, place);
    }

    int16_t* output(const Outer& outer, int row) const {
        const int word = outer.output + row * nest_.output_strides[J] - run_.output.first;
        return run_.output.data + static_cast<ptrdiff_t>(word) * run_.tile;
    }

    // Saturate, apply the activation and store; look closer where a limit was reached.
    template <int R, int V>
    void write_words(const Block<R, V>& sums, const Outer& outer, const Place& place) {
        const Wide high = all16(high_), almost_high = all16(static_cast<int16_t>(high_ - 1));
        const Wide almost_low = all16(static_cast<int16_t>(low_ + 1));
        const Wide low = all16(nest_.activation == RELU ? 0 : low_);
        Wide largest = largest_, smallest = smallest_;
        int16_t* to = output(outer, place.row) + place.column;
        const ptrdiff_t step = static_cast<ptrdiff_t>(nest_.output_strides[J]) * run_.tile;
        TENZO_UNROLL for (int r = 0; r < R; ++r, to += step)
            TENZO_UNROLL for (int v = 0; v < V; ++v) {
                const Wide packed = pack(sums.of[r][v][0], sums.of[r][v][1]);
                largest = max16(largest, packed);
                smallest = min16(smallest, packed);
                store(to + v * COLUMNS, clamps_ ? min16(max16(packed, low), high) : packed);
            }
        if (__builtin_expect(any_greater16(largest, almost_high) ||
                                 any_greater16(almost_low, smallest), 0)) {
            const Block<R, V> copy = sums;
            count<R, V>(copy, place.column);
            largest = min16(largest, almost_high);
            smallest = max16(smallest, almost_low);
            reached_ = true;
        }
        largest_ = largest;
        smallest_ = smallest;
    }

    // Count the shifted sums of active samples beyond the limits.
    template <int R, int V>
    __attribute__((noinline)) void count(const Block<R, V>& sums, int column) {
        for (int r = 0; r < R; ++r)
            for (int v = 0; v < V; ++v)
                for (int half = 0; half < 2; ++half)
                    run_.saturations += outside(sums.of[r][v][half], column + v * COLUMNS, half);
    }

    int outside(Wide sums, int first, int half) const {
        if (first + COLUMNS <= run_.active) return count_outside32(sums, low_, high_);
        int32_t values[COLUMNS / 2];
        store(values, sums);
        int beyond = 0;
        for (int i = 0; i < COLUMNS / 2; ++i)
            beyond += (values[i] > high_ || values[i] < low_) &&
                      first + sample_of(half, i) < run_.active;
        return beyond;
    }

    int32_t* result(const Outer& outer, int row) const {
        const int word = outer.output + row * nest_.output_strides[J];
        return run_.results + static_cast<ptrdiff_t>(word) * run_.tile;
    }

    // 32-bit results: a sum that fits 32 bits never saturates.
    template <int R, int V>
    __attribute__((noinline)) void write_results(const Block<R, V> sums, const Outer& outer,
                                                 const Place& place) {
        for (int r = 0; r < R; ++r) {
            int32_t* to = result(outer, place.row + r) + place.column;
            for (int v = 0; v < V; ++v)
                for (int half = 0; half < 2; ++half) {
                    int32_t values[COLUMNS / 2];
                    store(values, sums.of[r][v][half]);
                    for (int i = 0; i < COLUMNS / 2; ++i)
                        to[v * COLUMNS + sample_of(half, i)] =
                            nest_.activation == RELU && values[i] < 0 ? 0 : values[i];
                }
        }
    }

    // Sums of any size: chunks of pairs that fit 32 bits each, added in 64.
    template <int R, int V, class Source>
    __attribute__((noinline)) void chunks(const Outer& outer, const Source& source,
                                          const Place& place) {
        constexpr int SAMPLES = V * COLUMNS;
        int64_t totals[R][SAMPLES];
        for (int r = 0; r < R; ++r)
            for (int64_t& total : totals[r]) total = start(outer, place.row + r);
        const int32_t* norms =
            run_.pair_norms + static_cast<ptrdiff_t>(place.block) * stage_.pairs;
        for (int p = 0; p < stage_.pairs;) {
            // From -1 on, so that even two products of 2^30 fit: one pair always does.
            int64_t norm = norms[p];
            int end = p + 1;
            while (end < stage_.pairs && (norm + norms[end]) * place.input_bound < LIMIT - 1)
                norm += norms[end++];
            Block<R, V> sums;
            TENZO_UNROLL for (int r = 0; r < R; ++r) TENZO_UNROLL for (int v = 0; v < V; ++v)
                sums.of[r][v][0] = sums.of[r][v][1] = all32(-1);
            accumulate<R, V>(sums, source, place.weights, p, end);
            TENZO_UNROLL for (int r = 0; r < R; ++r) TENZO_UNROLL for (int v = 0; v < V; ++v)
                TENZO_UNROLL for (int half = 0; half < 2; ++half)
                    add(&totals[r][v * COLUMNS], sums.of[r][v][half], half);
            p = end;
        }
        for (int r = 0; r < R; ++r) {
            write_totals(outer, place.row + r, place.column, totals[r], SAMPLES);
            if (run_.sums.words) keep_totals(outer, place.row + r, place.column, totals[r], SAMPLES);
        }
    }

    void keep_totals(const Outer& outer, int row, int column, const int64_t* totals, int samples) {
        int32_t* to = kept_sums(outer, row) + column;
        for (int first = 0; first < samples; first += COLUMNS)
            for (int half = 0; half < 2; ++half)
                for (int i = 0; i < COLUMNS / 2; ++i) {
                    const int64_t total = totals[first + sample_of(half, i)];
                    *to++ = static_cast<int32_t>(static_cast<uint32_t>(total));
                    note_sum(total < 0 ? -total : total);
                }
    }

    // Add a vector of chunks, each one too small, to totals in the order of the samples.
    static void add(int64_t* totals, Wide sums, int half) {
        int32_t values[COLUMNS / 2];
        store(values, sums);
        for (int lane = 0; lane < COLUMNS / 8; ++lane)
            for (int i = 0; i < 4; ++i)
                totals[lane * 8 + half * 4 + i] += INT64_C(1) + values[lane * 4 + i];
    }

    void write_totals(const Outer& outer, int row, int column, const int64_t* totals,
                      int samples) {
        int32_t* results = nest_.to_results ? result(outer, row) + column : nullptr;
        int16_t* words = nest_.to_results ? nullptr : output(outer, row) + column;
        for (int sample = 0; sample < samples; ++sample) {
            int64_t value = totals[sample] >> nest_.shift;
            const bool above = value > stage_.high, below = value < stage_.low;
            run_.saturations += (above || below) && column + sample < run_.active;
            value = above ? stage_.high : below ? stage_.low : value;
            if (nest_.activation == RELU && value < 0) value = 0;
            const int64_t size = value < 0 ? -value : value;
            if (size > chunked_bound_) chunked_bound_ = size;
            if (results)
                results[sample] = static_cast<int32_t>(value);
            else
                words[sample] = static_cast<int16_t>(value);
        }
    }

    // Largest magnitude written.
    int64_t bound() const {
        if (nest_.to_results) return LIMIT;
        const bool relu = nest_.activation == RELU;
        int64_t most = magnitude(largest_, relu ? zero() : smallest_);
        if (reached_) most = relu ? stage_.high : -stage_.low;
        return most > chunked_bound_ ? most : chunked_bound_;
    }

    StageRun<int16_t>& run_;
    const Stage& stage_;
    const tenzo_stage& nest_;
    const int blocks_, rows_, longer_;  // blocks of rows_ rows, the first longer_ of one more
    const int64_t fixed_;               // no start of a sum is larger in magnitude
    Wide largest_, smallest_;           // before saturation to less than 16 bits
    bool reached_ = false;              // some value was at a limit, or beyond
    int16_t high_, low_;
    bool clamps_;                       // packing alone does not saturate, or there is a ReLU
    int64_t chunked_bound_ = 0;         // largest magnitude that chunks() wrote
};
