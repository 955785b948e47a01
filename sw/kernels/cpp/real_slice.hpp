// Slices of stages of wider words, for several changed parameters at once: kept sums, corrected by
// weight times change, all exact in float64. Included inside the namespace of a path, after
// real.hpp.

class RealSlice {
  public:
    explicit RealSlice(SliceRun<double>& run)
        : run_(run),
          stage_(*run.stage),
          nest_(run.stage->nest),
          pitch_(static_cast<ptrdiff_t>(run.group) * run.tile),
          scale_(scale_of(*run.stage)) {
        run.change_bound = 0;
        run.overflowed = false;
    }

    // The slice of the changed parameters themselves: one term, its step in place of a weight.
    void first() {
        Outer outer(stage_);
        do {
            for (int g = 0; g < run_.group; ++g)
                for (int column = 0; column < run_.tile; column += REAL_COLUMNS) {
                    Reals change = all(static_cast<double>(
                        run_.steps[g] * (run_.is_bias ? INT64_C(1) << nest_.bias_shift : 1)));
                    if (!run_.is_bias)
                        change *= load_reals(run_.inputs.data +
                                             (outer.input - run_.inputs.first + run_.terms[g]) *
                                                 run_.tile +
                                             column);
                    write(outer.output, g, column, load_sums(outer.output, column) + change);
                }
        } while (outer.next(stage_));
    }

    // A slice that reads changes.
    void after() {
        Outer outer(stage_);
        do {
            for (int g = 0; g < run_.group; ++g)
                for (int column = 0; column < run_.tile; column += REAL_VECTORS * REAL_COLUMNS)
                    rows(outer, g, column);
        } while (outer.next(stage_));
    }

  private:
    void rows(const Outer& outer, int g, int column) {
        const int count = nest_.counts[J], blocks = (count + BLOCK_ROWS - 1) / BLOCK_ROWS;
        const double* weights = run_.reals;
        int row = 0;
        for (int b = 0; b < blocks; ++b) {
            const int size = count / blocks + (b < count % blocks);
            switch (size) {
                case 1: block<1>(outer, weights, row, g, column); break;
                case 2: block<2>(outer, weights, row, g, column); break;
                case 3: block<3>(outer, weights, row, g, column); break;
                default: block<4>(outer, weights, row, g, column); break;
            }
            row += size;
            weights += 2 * static_cast<ptrdiff_t>(size) * stage_.pairs;
        }
    }

    template <int R>
    void block(const Outer& outer, const double* weights, int row, int g, int column) {
        const int word = outer.output + row * nest_.output_strides[J];
        Reals sums[R][REAL_VECTORS];
        TENZO_UNROLL for (int r = 0; r < R; ++r) TENZO_UNROLL for (int v = 0; v < REAL_VECTORS; ++v)
            sums[r][v] =
                load_sums(word + r * nest_.output_strides[J], column + v * REAL_COLUMNS);
        const double* x = run_.changes.data + (outer.input - run_.changes.first) * pitch_ +
                          static_cast<ptrdiff_t>(g) * run_.tile + column;
        const ptrdiff_t step = nest_.input_strides[K] * pitch_;
        for (int k = 0; k < nest_.counts[K]; ++k, weights += R) {
            Reals changes[REAL_VECTORS];
            TENZO_UNROLL for (int v = 0; v < REAL_VECTORS; ++v)
                changes[v] = load_reals(x + stage_.terms[k] * step + v * REAL_COLUMNS);
            TENZO_UNROLL for (int r = 0; r < R; ++r) {
                const Reals w = all(weights[r]);
                TENZO_UNROLL for (int v = 0; v < REAL_VECTORS; ++v) sums[r][v] += w * changes[v];
            }
        }
        TENZO_UNROLL for (int r = 0; r < R; ++r) TENZO_UNROLL for (int v = 0; v < REAL_VECTORS; ++v)
            write(word + r * nest_.output_strides[J], g, column + v * REAL_COLUMNS, sums[r][v]);
    }

    Reals load_sums(int word, int column) const {
        const double* from =
            nest_.to_results
                ? run_.sums.results + static_cast<ptrdiff_t>(word) * run_.tile
                : run_.sums.words + static_cast<ptrdiff_t>(word - run_.sums.first) * run_.tile;
        return load_reals(from + column);
    }

    void write(int word, int g, int column, Reals sums) {
        const Reals values = activated(rounded(sums, scale_), stage_);
        if (nest_.to_results) {
            int32_t* to = run_.results + static_cast<ptrdiff_t>(g) * run_.results_size +
                          static_cast<ptrdiff_t>(word) * run_.tile + column;
            for (int i = 0; i < REAL_COLUMNS; ++i) to[i] = static_cast<int32_t>(values[i]);
            return;
        }
        const ptrdiff_t place = word - run_.kept.first;
        const Reals changes = values - load_reals(run_.kept.data + place * run_.tile + column);
        __builtin_memcpy(run_.changes.data + place * pitch_ +
                             static_cast<ptrdiff_t>(g) * run_.tile + column,
                         &changes, sizeof changes);
    }

    SliceRun<double>& run_;
    const Stage& stage_;
    const tenzo_stage& nest_;
    const ptrdiff_t pitch_;  // samples of all coordinates in a word
    const double scale_;
};
