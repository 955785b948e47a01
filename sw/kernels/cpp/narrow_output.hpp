// What becomes of the sums of a stage of 16-bit words. Included inside the namespace of a path,
// after narrow_sums.hpp.

// One block of rows at one position.
struct Place {
    int row, column;
    const int32_t* weights;  // [pair][row]
    int block;
    int64_t input_bound;
};

// Activation of a rounded sum of 32 bits, saturated first if it is an argument of sine or tanh.
inline int32_t activated_result(const Stage& stage, int32_t value) {
    if (!stage.table) return stage.nest.activation == RELU && value < 0 ? 0 : value;
    const int64_t above = value > stage.high ? stage.high : value;
    return static_cast<int32_t>(stage.table(above < stage.low ? stage.low : above));
}

// Write half a vector of shifted sums as results, in the order of the samples.
inline void store_results(const Stage& stage, Wide sums, int half, int32_t* to) {
    int32_t values[COLUMNS / 2];
    store(values, sums);
    if (stage.table || stage.nest.activation == RELU)
        for (int32_t& value : values) value = activated_result(stage, value);
    for (int i = 0; i < COLUMNS / 2; i += 4)
        __builtin_memcpy(to + sample_of(half, i), values + i, 4 * sizeof *values);
}

// Rounded sums on their way to memory, with what is learnt of them.
class NarrowOutput {
  public:
    explicit NarrowOutput(StageRun<int16_t>& run)
        : run_(run),
          stage_(*run.stage),
          nest_(run.stage->nest),
          largest_(zero()),
          smallest_(zero()) {
        const bool results = nest_.to_results;
        high_ = results ? INT16_MAX : static_cast<int16_t>(stage_.high);
        low_ = results ? INT16_MIN : static_cast<int16_t>(stage_.low);
        clamps_ = nest_.activation == RELU || high_ < INT16_MAX;
        run_.saturations = 0;
        run_.sum_bound = 0;
    }

    // Write sums that fit 32 bits, already shifted.
    template <int R, int V>
    TENZO_INLINE void write(const Block<R, V>& sums, const Outer& outer, const Place& place) {
        if (nest_.to_results)
            write_results<R, V>(sums, outer, place);
        else
            write_words<R, V>(sums, outer, place);
    }

    // Write sums of any size, not yet shifted, in the order of the samples.
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
            if (stage_.table) value = stage_.table(value);
            const int64_t size = value < 0 ? -value : value;
            if (size > chunked_bound_) chunked_bound_ = size;
            if (results)
                results[sample] = static_cast<int32_t>(value);
            else
                words[sample] = static_cast<int16_t>(value);
        }
    }

    // Keep sums, which may have wrapped.
    template <int R, int V>
    TENZO_INLINE void keep_sums(const Block<R, V>& sums, const Outer& outer, const Place& place) {
        TENZO_UNROLL for (int r = 0; r < R; ++r) {
            int32_t* to = kept_sums(outer, place.row + r) + place.column;
            TENZO_UNROLL for (int v = 0; v < V; ++v)
                TENZO_UNROLL for (int half = 0; half < 2; ++half, to += COLUMNS / 2)
                    store(to, sums.of[r][v][half]);
        }
    }

    // Note the magnitudes of sums that were kept, shifted right by `shift`.
    void note_sums(const Outer& outer, const Place& place, int rows, int samples, int shift) {
        int32_t most = 0, least = 0;
        for (int row = 0; row < rows; ++row) {
            const int32_t* from = kept_sums(outer, place.row + row) + place.column;
            for (int i = 0; i < samples; ++i) most = from[i] > most ? from[i] : most;
            for (int i = 0; i < samples; ++i) least = from[i] < least ? from[i] : least;
        }
        note_sum((static_cast<int64_t>(most) << shift) + shift);
        note_sum((-static_cast<int64_t>(least) << shift) + shift);
    }

    // The same for sums in the order of the samples.
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

    // Largest magnitude written.
    int64_t bound() const {
        if (nest_.to_results) return LIMIT;
        if (stage_.table) return stage_.table.peak;
        const bool relu = nest_.activation == RELU;
        int64_t most = magnitude(largest_, relu ? zero() : smallest_);
        if (reached_) most = relu ? stage_.high : -stage_.low;
        return most > chunked_bound_ ? most : chunked_bound_;
    }

  private:
    void note_sum(int64_t size) {
        if (size > run_.sum_bound) run_.sum_bound = size;
    }

    int32_t* kept_sums(const Outer& outer, int row) const {
        const int word = outer.output + row * nest_.output_strides[J];
        return nest_.to_results ? run_.sums.results + static_cast<ptrdiff_t>(word) * run_.tile
                                : run_.sums.words +
                                      static_cast<ptrdiff_t>(word - run_.sums.first) * run_.tile;
    }

    int16_t* output(const Outer& outer, int row) const {
        const int word = outer.output + row * nest_.output_strides[J] - run_.output.first;
        return run_.output.data + static_cast<ptrdiff_t>(word) * run_.tile;
    }

    // Pack sums, clamp them if that is needed, and store them; note the extremes.
    template <int R, int V, bool Clamp>
    TENZO_INLINE static void store_words(const Block<R, V>& sums, int16_t* to, ptrdiff_t step,
                                         Wide low, Wide high, Wide& largest, Wide& smallest) {
        TENZO_UNROLL for (int r = 0; r < R; ++r, to += step)
            TENZO_UNROLL for (int v = 0; v < V; ++v) {
                const Wide packed = pack(sums.of[r][v][0], sums.of[r][v][1]);
                largest = max16(largest, packed);
                smallest = min16(smallest, packed);
                store(to + v * COLUMNS, Clamp ? min16(max16(packed, low), high) : packed);
            }
    }

    // Saturate, apply the activation and store; look closer where a limit was reached.
    template <int R, int V>
    TENZO_INLINE void write_words(const Block<R, V>& sums, const Outer& outer, const Place& place) {
        const Wide high = all16(high_), almost_high = all16(static_cast<int16_t>(high_ - 1));
        const Wide almost_low = all16(static_cast<int16_t>(low_ + 1));
        const Wide low = all16(nest_.activation == RELU ? 0 : low_);
        Wide largest = largest_, smallest = smallest_;
        int16_t* to = output(outer, place.row) + place.column;
        const ptrdiff_t step = static_cast<ptrdiff_t>(nest_.output_strides[J]) * run_.tile;
        if (clamps_)
            store_words<R, V, true>(sums, to, step, low, high, largest, smallest);
        else
            store_words<R, V, false>(sums, to, step, low, high, largest, smallest);
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
        if (__builtin_expect(static_cast<bool>(stage_.table), 0))
            tabulate(output(outer, place.row) + place.column, R, step, V * COLUMNS);
    }

    // Replace saturated words by their sine or tanh.
    __attribute__((noinline)) void tabulate(int16_t* words, int rows, ptrdiff_t step,
                                            int samples) const {
        const Table table = stage_.table;
        for (int r = 0; r < rows; ++r, words += step)
            for (int i = 0; i < samples; ++i) words[i] = static_cast<int16_t>(table(words[i]));
    }

    // Count the shifted sums of active samples beyond the limits.
    template <int R, int V>
    __attribute__((noinline)) void count(const Block<R, V>& sums, int column) {
        for (int r = 0; r < R; ++r)
            for (int v = 0; v < V; ++v)
                for (int half = 0; half < 2; ++half) {
                    const int first = column + v * COLUMNS;
                    if (first + COLUMNS <= run_.active)
                        run_.saturations += count_outside32(sums.of[r][v][half], low_, high_);
                    else
                        count_one_by_one(sums.of[r][v][half], first, half);
                }
    }

    void count_one_by_one(Wide sums, int first, int half) {
        int32_t values[COLUMNS / 2];
        store(values, sums);
        for (int i = 0; i < COLUMNS / 2; ++i)
            run_.saturations += (values[i] > stage_.high || values[i] < stage_.low) &&
                                first + sample_of(half, i) < run_.active;
    }

    int32_t* result(const Outer& outer, int row) const {
        const int word = outer.output + row * nest_.output_strides[J];
        return run_.results + static_cast<ptrdiff_t>(word) * run_.tile;
    }

    // 32-bit results: a sum that fits 32 bits never saturates, unless it is to be an argument.
    template <int R, int V>
    __attribute__((noinline)) void write_results(const Block<R, V> sums, const Outer& outer,
                                                 const Place& place) {
        for (int r = 0; r < R; ++r) {
            int32_t* to = result(outer, place.row + r) + place.column;
            for (int v = 0; v < V; ++v)
                for (int half = 0; half < 2; ++half) {
                    const Wide values = sums.of[r][v][half];
                    store_results(stage_, values, half, to + v * COLUMNS);
                    if (stage_.table) count_one_by_one(values, place.column + v * COLUMNS, half);
                }
        }
    }

    StageRun<int16_t>& run_;
    const Stage& stage_;
    const tenzo_stage& nest_;
    Wide largest_, smallest_;    // before saturation to less than 16 bits
    bool reached_ = false;       // some value was at a limit, or beyond
    int16_t high_, low_;
    bool clamps_;                // packing alone does not saturate, or there is a ReLU
    int64_t chunked_bound_ = 0;  // largest magnitude that write_totals() wrote
};
