// Stages of wider words in float64: sums stay below 2^51, so every one of them is exact. Included
// inside the namespace of a path.
//
// Half a unit is added as 0.5 before scaling: floor((sum + half) / 2^shift) is the nearest integer
// to (sum + 0.5) / 2^shift, which is never half-way between two.

typedef double Reals __attribute__((vector_size(REAL_BYTES)));
typedef int64_t Marks __attribute__((vector_size(REAL_BYTES)));

constexpr int REAL_COLUMNS = REAL_BYTES / 8;
constexpr int REAL_VECTORS = 2;
constexpr double TO_INTEGER = 6755399441055744.0;  // 1.5 * 2^52: adding it drops the fraction

inline Reals load_reals(const double* from) {
    Reals v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}
inline Reals all(double value) { return value - Reals{}; }

// Round a sum to an integer, given 2^-shift.
inline Reals rounded(Reals sum, double scale) {
    const Reals value = sum * scale;
    return scale < 1 ? (value + TO_INTEGER) - TO_INTEGER : value;
}

// Saturate an integer and apply the activation.
inline Reals activated(Reals value, const Stage& stage) {
    const Reals high = all(static_cast<double>(stage.high));
    const Reals low = all(static_cast<double>(stage.low));
    value = value > high ? high : value;
    value = value < low ? low : value;
    if (stage.table)
        for (int i = 0; i < REAL_COLUMNS; ++i)
            value[i] = static_cast<double>(stage.table(static_cast<int64_t>(value[i])));
    return stage.nest.activation == RELU ? (value < 0.0 ? Reals{} : value) : value;
}

inline double scale_of(const Stage& stage) {
    double scale = 1;
    for (int i = 0; i < stage.nest.shift; ++i) scale /= 2;
    return scale;
}

class Real {
  public:
    explicit Real(StageRun<double>& run)
        : run_(run), stage_(*run.stage), nest_(run.stage->nest), scale_(scale_of(*run.stage)) {
        for (Marks& marks : saturated_) marks = Marks{};
    }

    void compute() {
        Outer outer(stage_);
        do {
            for (int column = 0; column < run_.tile; column += REAL_VECTORS * REAL_COLUMNS)
                rows(outer, column);
        } while (outer.next(stage_));
        run_.saturations = 0;
        int64_t counts[REAL_TILE];
        __builtin_memcpy(counts, saturated_, sizeof counts);
        for (int sample = 0; sample < run_.active; ++sample) run_.saturations += counts[sample];
        run_.output_bound = stage_.nest.to_results ? LIMIT : -stage_.low;
    }

  private:
    // All rows of one position, block by block; blocks differ by at most one row.
    void rows(const Outer& outer, int column) {
        const int count = nest_.counts[J], blocks = (count + BLOCK_ROWS - 1) / BLOCK_ROWS;
        const double* weights = run_.reals + 2 * static_cast<ptrdiff_t>(outer.matrix) * count *
                                                 stage_.pairs;
        int row = 0;
        for (int b = 0; b < blocks; ++b) {
            const int size = count / blocks + (b < count % blocks);
            switch (size) {
                case 1: block<1>(outer, row, column, weights); break;
                case 2: block<2>(outer, row, column, weights); break;
                case 3: block<3>(outer, row, column, weights); break;
                default: block<4>(outer, row, column, weights); break;
            }
            row += size;
            weights += 2 * static_cast<ptrdiff_t>(size) * stage_.pairs;
        }
    }

    template <int R>
    void block(const Outer& outer, int row, int column, const double* weights) {
        Reals sums[R][REAL_VECTORS];
        TENZO_UNROLL for (int r = 0; r < R; ++r) {
            const Reals start = all(this->start(outer, row + r));
            TENZO_UNROLL for (int v = 0; v < REAL_VECTORS; ++v) sums[r][v] = start;
        }
        const double* x = run_.input.data +
                          static_cast<ptrdiff_t>(outer.input - run_.input.first) * run_.tile +
                          column;
        const ptrdiff_t step = static_cast<ptrdiff_t>(nest_.input_strides[K]) * run_.tile;
        for (int k = 0; k < nest_.counts[K]; ++k, x += step, weights += R) {
            Reals inputs[REAL_VECTORS];
            TENZO_UNROLL for (int v = 0; v < REAL_VECTORS; ++v)
                inputs[v] = load_reals(x + v * REAL_COLUMNS);
            TENZO_UNROLL for (int r = 0; r < R; ++r) {
                const Reals w = all(weights[r]);
                TENZO_UNROLL for (int v = 0; v < REAL_VECTORS; ++v) sums[r][v] += w * inputs[v];
            }
        }
        TENZO_UNROLL for (int r = 0; r < R; ++r)
            TENZO_UNROLL for (int v = 0; v < REAL_VECTORS; ++v) {
                const int first = column + v * REAL_COLUMNS;
                if (run_.sums.words) keep_sums(outer, row + r, first, sums[r][v]);
                write(outer, row + r, first, sums[r][v]);
            }
    }

    void keep_sums(const Outer& outer, int row, int column, Reals sums) const {
        const int word = outer.output + row * nest_.output_strides[J];
        double* to = nest_.to_results
                         ? run_.sums.results + static_cast<ptrdiff_t>(word) * run_.tile
                         : run_.sums.words +
                               static_cast<ptrdiff_t>(word - run_.sums.first) * run_.tile;
        __builtin_memcpy(to + column, &sums, sizeof sums);
    }

    double start(const Outer& outer, int row) const {
        const double half = nest_.shift ? 0.5 : 0.0;
        if (!nest_.use_bias) return half;
        const int address = outer.bias + row * nest_.bias_strides[J];
        return static_cast<double>(static_cast<int64_t>(run_.biases[address]) *
                                   (INT64_C(1) << nest_.bias_shift)) +
               half;
    }

    void write(const Outer& outer, int row, int column, Reals sums) {
        const Reals value = rounded(sums, scale_);
        saturated_[column / REAL_COLUMNS] -= (value > static_cast<double>(stage_.high)) |
                                             (value < static_cast<double>(stage_.low));
        const Reals values = activated(value, stage_);
        const int address = outer.output + row * nest_.output_strides[J];
        if (nest_.to_results) {
            int32_t* to = run_.results + static_cast<ptrdiff_t>(address) * run_.tile + column;
            for (int i = 0; i < REAL_COLUMNS; ++i) to[i] = static_cast<int32_t>(values[i]);
            return;
        }
        double* to = run_.output.data +
                     static_cast<ptrdiff_t>(address - run_.output.first) * run_.tile + column;
        __builtin_memcpy(to, &values, sizeof values);
    }

    StageRun<double>& run_;
    const Stage& stage_;
    const tenzo_stage& nest_;
    double scale_;
    Marks saturated_[REAL_TILE / REAL_COLUMNS];
};
