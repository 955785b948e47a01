// Slices of stages of 16-bit words, for several changed parameters at once: kept sums, corrected by
// weight times change. Included inside the namespace of a path, after narrow.hpp.
//
// Sums and corrections may wrap; who calls has made sure that the new sums fit 32 bits. Changes are
// saturated to 16 bits, and one that reaches the limit is reported: then all is worked out in full.

// Changes of one output position, interleaved while they are read.
struct Changed {
    const int16_t* x;
    const int* list;
    ptrdiff_t step;
    ptrdiff_t terms;

    template <int V>
    TENZO_INLINE void pair(ptrdiff_t p, Wide (&inputs)[V][2]) const {
        const int16_t* first = x + list[2 * p] * step;
        const bool both = 2 * p + 1 < terms;
        const int16_t* second = both ? x + list[2 * p + 1] * step : nullptr;
        TENZO_UNROLL for (int v = 0; v < V; ++v) {
            const Wide a = load(first + v * COLUMNS);
            const Wide b = both ? load(second + v * COLUMNS) : zero();
            inputs[v][0] = interleave_low(a, b);
            inputs[v][1] = interleave_high(a, b);
        }
    }
};

class NarrowSlice {
  public:
    explicit NarrowSlice(SliceRun<int16_t>& run)
        : run_(run),
          stage_(*run.stage),
          nest_(run.stage->nest),
          pitch_(static_cast<ptrdiff_t>(run.group) * run.tile),
          blocks_((nest_.counts[J] + BLOCK_ROWS - 1) / BLOCK_ROWS),
          rows_(nest_.counts[J] / blocks_),
          longer_(nest_.counts[J] % blocks_),
          largest_(zero()),
          smallest_(zero()) {
        const bool relu = nest_.activation == RELU;
        high_ = nest_.to_results ? INT16_MAX : static_cast<int16_t>(stage_.high);
        clamps_ = relu || high_ < INT16_MAX;
        low_ = relu ? 0 : nest_.to_results ? INT16_MIN : static_cast<int16_t>(stage_.low);
    }

    // The slice of the changed parameters themselves: one term, its step in place of a weight.
    template <int V>
    void first() {
        Outer outer(stage_);
        do {
            for (int g = 0; g < run_.group; ++g)
                for (int column = 0; column < run_.tile; column += V * COLUMNS)
                    step<V>(outer, g, column);
        } while (outer.next(stage_));
        report();
    }

    // A slice that reads changes.
    template <int V>
    void after() {
        const ptrdiff_t step = nest_.input_strides[K] * pitch_;
        const Interleaved interleaved{static_cast<const int16_t*>(run_.scratch)};
        Outer outer(stage_);
        do {
            const int16_t* x = run_.changes.data + (outer.input - run_.changes.first) * pitch_;
            for (int g = 0; g < run_.group; ++g, x += run_.tile)
                for (int column = 0; column < run_.tile; column += V * COLUMNS) {
                    const Changed inputs{x + column, stage_.terms, step, nest_.counts[K]};
                    if (blocks_ <= 2) {
                        rows<V>(outer, inputs, g, column);
                    } else {
                        interleave<V>(inputs);
                        rows<V>(outer, interleaved, g, column);
                    }
                }
        } while (outer.next(stage_));
        report();
    }

  private:
    void report() {
        run_.change_bound = magnitude(largest_, smallest_);
        run_.overflowed = run_.change_bound >= INT16_MAX;
    }

    template <int V>
    void step(const Outer& outer, int g, int column) {
        Block<1, V> sums;
        load_sums<1, V>(sums, outer, 0, column);
        if (run_.is_bias) {
            const int64_t step = run_.steps[g] * (INT64_C(1) << nest_.bias_shift);
            const Wide change = all32(static_cast<int32_t>(static_cast<uint32_t>(step)));
            TENZO_UNROLL for (int v = 0; v < V; ++v) TENZO_UNROLL for (int half = 0; half < 2; ++half)
                sums.of[0][v][half] = add32(sums.of[0][v][half], change);
        } else {
            const int16_t* x =
                run_.inputs.data +
                (outer.input - run_.inputs.first + run_.terms[g]) * run_.tile + column;
            const int32_t weight = static_cast<int32_t>(run_.steps[g] & 0xFFFF);
            accumulate<1, V>(sums, Direct{x, 0, 1}, &weight, 0, 1);
        }
        finish<1, V>(sums, outer, 0, g, column);
    }

    template <int V>
    void interleave(const Changed& inputs) {
        int16_t* to = static_cast<int16_t*>(run_.scratch);
        for (int p = 0; p < stage_.pairs; ++p) {
            Wide pair[V][2];
            inputs.pair<V>(p, pair);
            TENZO_UNROLL for (int v = 0; v < V; ++v) TENZO_UNROLL for (int half = 0; half < 2;
                                                                       ++half, to += COLUMNS)
                store(to, pair[v][half]);
        }
    }

    template <int V, class Source>
    void rows(const Outer& outer, const Source& source, int g, int column) {
        const int32_t* weights = run_.pairs;
        int row = 0;
        for (int b = 0; b < blocks_; ++b) {
            const int size = rows_ + (b < longer_);
            switch (size) {
                case 1: block<1, V>(outer, source, weights, row, g, column); break;
                case 2: block<2, V>(outer, source, weights, row, g, column); break;
                case 3: block<3, V>(outer, source, weights, row, g, column); break;
                default: block<4, V>(outer, source, weights, row, g, column); break;
            }
            row += size;
            weights += static_cast<ptrdiff_t>(size) * stage_.pairs;
        }
    }

    template <int R, int V, class Source>
    void block(const Outer& outer, const Source& source, const int32_t* weights, int row, int g,
               int column) {
        Block<R, V> sums;
        load_sums<R, V>(sums, outer, row, column);
        accumulate<R, V>(sums, source, weights, 0, stage_.pairs);
        finish<R, V>(sums, outer, row, g, column);
    }

    template <int R, int V>
    void load_sums(Block<R, V>& sums, const Outer& outer, int row, int column) const {
        const int word = outer.output + row * nest_.output_strides[J];
        const int32_t* from = nest_.to_results ? run_.sums.results
                                               : run_.sums.words - static_cast<ptrdiff_t>(
                                                     run_.sums.first) * run_.tile;
        from += static_cast<ptrdiff_t>(word) * run_.tile + column;
        const ptrdiff_t step = static_cast<ptrdiff_t>(nest_.output_strides[J]) * run_.tile;
        TENZO_UNROLL for (int r = 0; r < R; ++r, from += step)
            TENZO_UNROLL for (int v = 0; v < V; ++v) TENZO_UNROLL for (int half = 0; half < 2; ++half)
                sums.of[r][v][half] = load(from + v * COLUMNS + half * (COLUMNS / 2));
    }

    template <int R, int V>
    void finish(Block<R, V>& sums, const Outer& outer, int row, int g, int column) {
        TENZO_UNROLL for (int r = 0; r < R; ++r) TENZO_UNROLL for (int v = 0; v < V; ++v)
            TENZO_UNROLL for (int half = 0; half < 2; ++half)
                sums.of[r][v][half] = shift_right(sums.of[r][v][half], nest_.shift);
        const int word = outer.output + row * nest_.output_strides[J];
        if (nest_.to_results) return write_results<R, V>(sums, word, g, column);
        if (__builtin_expect(static_cast<bool>(stage_.table), 0))
            tabulate<R, V>(sums, word, g, column);
        else if (clamps_)
            write_changes<R, V, true>(sums, word, g, column);
        else
            write_changes<R, V, false>(sums, word, g, column);
    }

    // Saturate shifted sums and store by how much they differ from the kept values.
    template <int R, int V, bool Clamp>
    TENZO_INLINE void write_changes(const Block<R, V>& sums, int word, int g, int column) {
        const ptrdiff_t stride = nest_.output_strides[J];
        const ptrdiff_t place = word - run_.kept.first;
        const int16_t* old = run_.kept.data + place * run_.tile + column;
        int16_t* to = run_.changes.data + place * pitch_ + static_cast<ptrdiff_t>(g) * run_.tile +
                      column;
        const Wide high = all16(high_), low = all16(low_);
        Wide largest = largest_, smallest = smallest_;
        TENZO_UNROLL for (int r = 0; r < R; ++r, old += stride * run_.tile, to += stride * pitch_)
            TENZO_UNROLL for (int v = 0; v < V; ++v) {
                const Wide packed = pack(sums.of[r][v][0], sums.of[r][v][1]);
                const Wide now = Clamp ? min16(max16(packed, low), high) : packed;
                const Wide change = subtract_saturated16(now, load(old + v * COLUMNS));
                largest = max16(largest, change);
                smallest = min16(smallest, change);
                store(to + v * COLUMNS, change);
            }
        largest_ = largest;
        smallest_ = smallest;
    }

    // The same for sums that are arguments of a table: what it holds takes their place.
    template <int R, int V>
    __attribute__((noinline)) void tabulate(const Block<R, V> sums, int word, int g, int column) {
        Block<R, V> values;
        for (int r = 0; r < R; ++r)
            for (int v = 0; v < V; ++v)
                for (int half = 0; half < 2; ++half) {
                    int32_t words[COLUMNS / 2];
                    store(words, sums.of[r][v][half]);
                    for (int32_t& value : words) value = activated_result(stage_, value);
                    values.of[r][v][half] = load(words);
                }
        write_changes<R, V, false>(values, word, g, column);
    }

    template <int R, int V>
    __attribute__((noinline)) void write_results(const Block<R, V> sums, int word, int g,
                                                 int column) {
        for (int r = 0; r < R; ++r, word += nest_.output_strides[J]) {
            int32_t* to = run_.results + static_cast<ptrdiff_t>(g) * run_.results_size +
                          static_cast<ptrdiff_t>(word) * run_.tile + column;
            for (int v = 0; v < V; ++v)
                for (int half = 0; half < 2; ++half) {
                    int32_t values[COLUMNS / 2];
                    store(values, sums.of[r][v][half]);
                    for (int i = 0; i < COLUMNS / 2; ++i)
                        to[v * COLUMNS + sample_of(half, i)] =
                            activated_result(stage_, values[i]);
                }
        }
    }

    SliceRun<int16_t>& run_;
    const Stage& stage_;
    const tenzo_stage& nest_;
    const ptrdiff_t pitch_;             // samples of all coordinates in a word
    const int blocks_, rows_, longer_;  // as in Narrow
    Wide largest_, smallest_;           // changes
    int16_t high_, low_;
    bool clamps_;                       // packing alone does not saturate, or there is a ReLU
};
