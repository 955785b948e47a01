// Stages of 16-bit words. Included inside the namespace of a path, after narrow_output.hpp.

// A stage on a tile, which keeps its sums or does not.
template <bool Keep>
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
          output_(run) {}

    template <int V>
    void compute() {
        const bool tight = all_fit();
        const ptrdiff_t step = static_cast<ptrdiff_t>(nest_.input_strides[K]) * run_.tile;
        const Interleaved interleaved{static_cast<const int16_t*>(run_.scratch)};
        Outer outer(stage_);
        do {
            const ptrdiff_t word = outer.input - run_.input.first;
            const int16_t* x = run_.input.data + word * run_.tile;
            for (int column = 0; column < run_.tile; column += V * COLUMNS) {
                const Direct inputs{x + column, step, nest_.counts[K]};
                if (tight && blocks_ <= 2) {
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
        run_.output_bound = output_.bound();
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
    int64_t interleave(const Direct inputs) {
        int16_t* to = static_cast<int16_t*>(run_.scratch);
        Wide largest = zero(), smallest = zero();
        const ptrdiff_t pairs = stage_.pairs;
        for (ptrdiff_t p = 0; p < pairs; ++p) {
            Wide pair[V][2];
            inputs.template pair<V>(p, pair);
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

    // All rows of one position, block by block; blocks differ by at most one row.
    template <int V, bool Tight, class Source>
    void rows(const Outer& outer, const Source source, int64_t input_bound, int column) {
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
        if (Keep) output_.template keep_sums<R, V>(sums, outer, place);
        finish<R, V>(sums, outer, place, nest_.shift);
        if (Keep) output_.note_sums(outer, place, R, V * COLUMNS, 0);
    }

    int64_t start(const Outer& outer, int row) const {
        if (!nest_.use_bias) return stage_.half;
        const int64_t bias = run_.biases[outer.bias + row * nest_.bias_strides[J]];
        return stage_.half + bias * (INT64_C(1) << nest_.bias_shift);
    }

    template <int R, int V>
    TENZO_INLINE void begin(Block<R, V>& sums, const Outer& outer, const Place& place) const {
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
        if (Keep) {
            output_.template keep_sums<R, V>(sums, outer, place);
            output_.note_sums(outer, place, R, V * COLUMNS, 1);
            output_.template keep_sums<R, V>(whole, outer, place);
        }
        finish<R, V>(sums, outer, place, nest_.shift - 1);
    }

    template <int R, int V>
    TENZO_INLINE void finish(Block<R, V>& sums, const Outer& outer, const Place& place, int shift) {
        TENZO_UNROLL for (int r = 0; r < R; ++r) TENZO_UNROLL for (int v = 0; v < V; ++v) {
            sums.of[r][v][0] = shift_right(sums.of[r][v][0], shift);
            sums.of[r][v][1] = shift_right(sums.of[r][v][1], shift);
        }
        output_.template write<R, V>(sums, outer, place);
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
            output_.write_totals(outer, place.row + r, place.column, totals[r], SAMPLES);
            if (Keep) output_.keep_totals(outer, place.row + r, place.column, totals[r], SAMPLES);
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

    StageRun<int16_t>& run_;
    const Stage& stage_;
    const tenzo_stage& nest_;
    const int blocks_, rows_, longer_;  // blocks of rows_ rows, the first longer_ of one more
    const int64_t fixed_;               // no start of a sum is larger in magnitude
    NarrowOutput output_;
};
