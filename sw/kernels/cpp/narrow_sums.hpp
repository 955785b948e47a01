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
#define TENZO_INLINE __attribute__((always_inline)) inline  // sums live in registers

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
    ptrdiff_t terms;

    template <int V>
    TENZO_INLINE void pair(ptrdiff_t p, Wide (&inputs)[V][2]) const {
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
    TENZO_INLINE void pair(ptrdiff_t p, Wide (&inputs)[V][2]) const {
        TENZO_UNROLL for (int v = 0; v < V; ++v) TENZO_UNROLL for (int half = 0; half < 2; ++half)
            inputs[v][half] = load(x + ((p * V + v) * 2 + half) * COLUMNS);
    }
};

template <int R, int V, class Source>
TENZO_INLINE void accumulate(Block<R, V>& sums, const Source source, const int32_t* weights,
                             ptrdiff_t from, ptrdiff_t to) {
    for (ptrdiff_t p = from; p < to; ++p) {
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

// Largest magnitude of two vectors, one of what is above zero and one of what is below.
inline int64_t magnitude(Wide largest, Wide smallest) {
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
