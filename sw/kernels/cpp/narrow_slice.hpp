// Slices of stages of 16-bit words, for several changed parameters at once: kept sums, corrected by
// weight times change. Included inside the namespace of a path, after narrow_output.hpp.
//
// Sums and corrections may wrap; who calls has made sure that the new sums fit 32 bits. Changes are
// saturated to 16 bits, and one that reaches the limit is reported: then all is worked out in full.
//
// The vectors of a block are those of the same samples for G coordinates: they begin with the same
// sums and are compared with the same kept values.

// Changes of one output position, interleaved while they are read.
struct Changed {
    const int16_t* x;
    const int* list;
    ptrdiff_t step, across;  // between words, between coordinates
    ptrdiff_t terms;

    template <int G>
    TENZO_INLINE void pair(ptrdiff_t p, Wide (&inputs)[G][2]) const {
        const int16_t* first = x + list[2 * p] * step;
        const bool both = 2 * p + 1 < terms;
        const int16_t* second = both ? x + list[2 * p + 1] * step : first;
        TENZO_UNROLL for (int g = 0; g < G; ++g) {
            const Wide a = load(first + g * across);
            const Wide b = both ? load(second + g * across) : zero();
            inputs[g][0] = interleave_low(a, b);
            inputs[g][1] = interleave_high(a, b);
        }
    }
};

// What becomes of shifted sums: packed alone, clamped as well, or all else.
enum class Finish { PACK, CLAMP, OTHER };

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
          smallest_(zero()),
          high_(all16(static_cast<int16_t>(nest_.to_results ? INT16_MAX : stage_.high))),
          low_(all16(static_cast<int16_t>(nest_.to_results ? INT16_MIN : stage_.low))) {
        const bool relu = nest_.activation == RELU;
        if (relu) low_ = zero();
        finish_ = nest_.to_results || stage_.table        ? Finish::OTHER
                  : relu || stage_.high < INT16_MAX ? Finish::CLAMP
                                                    : Finish::PACK;
    }

    // The slice of the changed parameters themselves: one term, its step in place of a weight.
    void first() {
        switch (finish_) {
            case Finish::PACK: first<Finish::PACK>(); break;
            case Finish::CLAMP: first<Finish::CLAMP>(); break;
            case Finish::OTHER: first<Finish::OTHER>(); break;
        }
        report();
    }

    // A slice that reads changes.
    template <int G>
    void after() {
        switch (finish_) {
            case Finish::PACK: after<G, Finish::PACK>(); break;
            case Finish::CLAMP: after<G, Finish::CLAMP>(); break;
            case Finish::OTHER: after<G, Finish::OTHER>(); break;
        }
        report();
    }

  private:
    void report() {
        run_.change_bound = magnitude(largest_, smallest_);
        run_.overflowed = run_.change_bound >= INT16_MAX;
    }

    template <Finish F>
    void first() {
        Outer outer(stage_);
        do {
            for (int column = 0; column < run_.tile; column += COLUMNS) {
                const int32_t* from = kept_sums(outer.output) + column;
                const Wide low = load(from), high = load(from + COLUMNS / 2);
                for (int g = 0; g < run_.group; ++g) {
                    Block<1, 1> sums;
                    sums.of[0][0][0] = low;
                    sums.of[0][0][1] = high;
                    run_.is_bias ? shift_start(sums, run_.steps[g])
                                 : add_term(sums, outer, g, column);
                    finish<1, 1, F>(sums, outer, 0, g, column);
                }
            }
        } while (outer.next(stage_));
    }

    TENZO_INLINE void shift_start(Block<1, 1>& sums, int64_t step) const {
        const int64_t change = step * (INT64_C(1) << nest_.bias_shift);
        const Wide changes = all32(static_cast<int32_t>(static_cast<uint32_t>(change)));
        sums.of[0][0][0] = add32(sums.of[0][0][0], changes);
        sums.of[0][0][1] = add32(sums.of[0][0][1], changes);
    }

    TENZO_INLINE void add_term(Block<1, 1>& sums, const Outer& outer, int g, int column) const {
        const ptrdiff_t word = outer.input - run_.inputs.first + run_.terms[g];
        const int32_t weight = static_cast<int32_t>(run_.steps[g] & 0xFFFF);
        accumulate<1, 1>(sums, Direct{run_.inputs.data + word * run_.tile + column, 0, 1}, &weight,
                         0, 1);
    }

    template <int G, Finish F>
    void after() {
        Outer outer(stage_);
        do {
            for (int column = 0; column < run_.tile; column += COLUMNS) {
                if (blocks_ <= 2) {
                    rows<G, F, Changed>(outer, column);
                } else {
                    interleave<G>(outer, column);
                    rows<G, F, Interleaved>(outer, column);
                }
            }
        } while (outer.next(stage_));
    }

    // What a block reads: changes of the coordinates from g on.
    TENZO_INLINE void find(Changed& source, const Outer& outer, int g, int column) const {
        const int16_t* x = run_.changes.data + (outer.input - run_.changes.first) * pitch_ +
                           static_cast<ptrdiff_t>(g) * run_.tile + column;
        source = {x, stage_.terms, nest_.input_strides[K] * pitch_, run_.tile, nest_.counts[K]};
    }
    TENZO_INLINE void find(Interleaved& source, const Outer&, int g, int) const {
        source.x = scratch(g);
    }

    int16_t* scratch(int g) const {
        return static_cast<int16_t*>(run_.scratch) +
               static_cast<ptrdiff_t>(g) * stage_.pairs * 2 * COLUMNS;
    }

    template <int G>
    void interleave(const Outer& outer, int column) {
        int g = 0;
        for (; g + G <= run_.group; g += G) interleave_some<G>(outer, g, column);
        for (; g < run_.group; ++g) interleave_some<1>(outer, g, column);
    }

    template <int G>
    TENZO_INLINE void interleave_some(const Outer& outer, int g, int column) {
        Changed inputs;
        find(inputs, outer, g, column);
        int16_t* to = scratch(g);
        for (int p = 0; p < stage_.pairs; ++p) {
            Wide pair[G][2];
            inputs.pair<G>(p, pair);
            TENZO_UNROLL for (int i = 0; i < G; ++i)
                TENZO_UNROLL for (int half = 0; half < 2; ++half, to += COLUMNS)
                    store(to, pair[i][half]);
        }
    }

    // Blocks of rows outside, coordinates inside: the sums of a block stay in the nearest cache.
    template <int G, Finish F, class Source>
    void rows(const Outer& outer, int column) {
        const int32_t* weights = run_.pairs;
        int row = 0;
        for (int b = 0; b < blocks_; ++b) {
            const int size = rows_ + (b < longer_);
            switch (size) {
                case 1: blocks<1, G, F, Source>(outer, weights, row, column); break;
                case 2: blocks<2, G, F, Source>(outer, weights, row, column); break;
                case 3: blocks<3, G, F, Source>(outer, weights, row, column); break;
                default: blocks<4, G, F, Source>(outer, weights, row, column); break;
            }
            row += size;
            weights += static_cast<ptrdiff_t>(size) * stage_.pairs;
        }
    }

    template <int R, int G, Finish F, class Source>
    void blocks(const Outer& outer, const int32_t* weights, int row, int column) {
        int g = 0;
        for (; g + G <= run_.group; g += G)
            block<R, G, F, Source>(outer, weights, row, g, column);
        if (G > 1)
            for (; g < run_.group; ++g) block<R, 1, F, Source>(outer, weights, row, g, column);
    }

    template <int R, int G, Finish F, class Source>
    TENZO_INLINE void block(const Outer& outer, const int32_t* weights, int row, int g,
                            int column) {
        Source source;
        find(source, outer, g, column);
        Block<R, G> sums;
        const int32_t* from =
            kept_sums(outer.output + row * nest_.output_strides[J]) + column;
        const ptrdiff_t step = static_cast<ptrdiff_t>(nest_.output_strides[J]) * run_.tile;
        TENZO_UNROLL for (int r = 0; r < R; ++r, from += step)
            TENZO_UNROLL for (int half = 0; half < 2; ++half) {
                const Wide sum = load(from + half * (COLUMNS / 2));
                TENZO_UNROLL for (int i = 0; i < G; ++i) sums.of[r][i][half] = sum;
            }
        accumulate<R, G>(sums, source, weights, 0, stage_.pairs);
        finish<R, G, F>(sums, outer, row, g, column);
    }

    const int32_t* kept_sums(int word) const {
        return nest_.to_results
                   ? run_.sums.results + static_cast<ptrdiff_t>(word) * run_.tile
                   : run_.sums.words + static_cast<ptrdiff_t>(word - run_.sums.first) * run_.tile;
    }

    template <int R, int G, Finish F>
    TENZO_INLINE void finish(Block<R, G>& sums, const Outer& outer, int row, int g, int column) {
        TENZO_UNROLL for (int r = 0; r < R; ++r) TENZO_UNROLL for (int i = 0; i < G; ++i)
            TENZO_UNROLL for (int half = 0; half < 2; ++half)
                sums.of[r][i][half] = shift_right(sums.of[r][i][half], nest_.shift);
        const int word = outer.output + row * nest_.output_strides[J];
        if (F == Finish::OTHER)
            nest_.to_results ? write_results<R, G>(sums, word, g, column)
                             : tabulate<R, G>(sums, word, g, column);
        else
            write_changes<R, G, F == Finish::CLAMP>(sums, word, g, column);
    }

    // Saturate shifted sums and store by how much they differ from the kept values.
    template <int R, int G, bool Clamp>
    TENZO_INLINE void write_changes(const Block<R, G>& sums, int word, int g, int column) {
        const ptrdiff_t place = word - run_.kept.first, tile = run_.tile;
        const ptrdiff_t old_step = nest_.output_strides[J] * tile;
        const ptrdiff_t step = nest_.output_strides[J] * pitch_;
        const int16_t* old = run_.kept.data + place * tile + column;
        int16_t* to = run_.changes.data + place * pitch_ + g * tile + column;
        const Wide high = high_, low = low_;
        Wide largest = largest_, smallest = smallest_;
        TENZO_UNROLL for (int r = 0; r < R; ++r, old += old_step, to += step) {
            const Wide before = load(old);
            TENZO_UNROLL for (int i = 0; i < G; ++i) {
                const Wide packed = pack(sums.of[r][i][0], sums.of[r][i][1]);
                const Wide now = Clamp ? min16(max16(packed, low), high) : packed;
                const Wide change = subtract_saturated16(now, before);
                largest = max16(largest, change);
                smallest = min16(smallest, change);
                store(to + i * tile, change);
            }
        }
        largest_ = largest;
        smallest_ = smallest;
    }

    // The same for sums that are arguments of a table: what it holds takes their place.
    template <int R, int G>
    __attribute__((noinline)) void tabulate(const Block<R, G> sums, int word, int g, int column) {
        Block<R, G> values;
        for (int r = 0; r < R; ++r)
            for (int i = 0; i < G; ++i)
                for (int half = 0; half < 2; ++half) {
                    int32_t words[COLUMNS / 2];
                    store(words, sums.of[r][i][half]);
                    for (int32_t& value : words) value = activated_result(stage_, value);
                    values.of[r][i][half] = load(words);
                }
        write_changes<R, G, false>(values, word, g, column);
    }

    template <int R, int G>
    __attribute__((noinline)) void write_results(const Block<R, G> sums, int word, int g,
                                                 int column) {
        for (int r = 0; r < R; ++r, word += nest_.output_strides[J])
            for (int i = 0; i < G; ++i) {
                int32_t* to = run_.results + static_cast<ptrdiff_t>(g + i) * run_.results_size +
                              static_cast<ptrdiff_t>(word) * run_.tile + column;
                store_results(stage_, sums.of[r][i][0], 0, to);
                store_results(stage_, sums.of[r][i][1], 1, to);
            }
    }

    SliceRun<int16_t>& run_;
    const Stage& stage_;
    const tenzo_stage& nest_;
    const ptrdiff_t pitch_;             // samples of all coordinates in a word
    const int blocks_, rows_, longer_;  // as in Narrow
    Wide largest_, smallest_;           // changes
    Wide high_, low_;                   // limits of what is written
    Finish finish_;
};
