#include "sweep.hpp"

#include "kept.hpp"
#include "slices.hpp"

#include <atomic>

namespace tenzo {

namespace {

constexpr int64_t GROUPS_AT_ONCE = 4; // that a thread takes from the work that is left
constexpr int64_t SUM_LIMIT = INT64_C(1) << 31;

void run_first(const Path& path, SliceRun<int16_t>& run) { path.narrow_first(run); }
void run_first(const Path& path, SliceRun<double>& run) { path.real_first(run); }
void run_after(const Path& path, SliceRun<int16_t>& run) { path.narrow_slice(run); }
void run_after(const Path& path, SliceRun<double>& run) { path.real_slice(run); }

// Coordinates of one row.
struct Group {
    int first, count;
};

// Who works on what: a thread, and where the base pass of a tile is kept.
struct Place {
    int thread, slot, tile;
};

template <class T>
class TypedSweep : public Sweep {
  public:
    TypedSweep(TypedKernel<T>& kernel, std::vector<tenzo_slice> slices, std::vector<tenzo_row> rows,
               std::vector<int32_t> chain)
        : kernel_(kernel),
          slices_(std::move(slices)),
          rows_(std::move(rows)),
          chain_(std::move(chain)),
          terms_(terms_of(slices_)),
          nests_(kernel.engine(), kernel.program(), nests_of(slices_).data(), terms_),
          packed_(nests_, kernel.stages().words),
          norms_(slices_.size()) {}

    bool runs() const {
        for (const Stage& stage : nests_.all)
            if (!stage.regular || stage.matrices != 1) return false;
        return true;
    }

    void load(const int64_t* samples, int64_t sample_count) override {
        kernel_.load(samples, sample_count);
        sample_count_ = sample_count;
        pack();
        const size_t threads = kernel_.pool().threads();
        if (tile_ != kernel_.tile()) bases_.clear(), changes_.clear();
        tile_ = kernel_.tile();
        while (bases_.size() < threads)
            bases_.push_back(std::make_unique<Base<T>>(kernel_.program(), tile_));
        while (changes_.size() < threads)
            changes_.push_back(std::make_unique<Changes<T>>(
                kernel_.program(), nests_.scratch_pairs, tile_));
        for (const auto& base : bases_) base->tile = -1;
        if (!one_base_each()) return;
        std::atomic<int> next{0};
        kernel_.pool().run([&](int) {
            for (int tile; (tile = next++) < kernel_.tiles();) run_base(tile, tile);
        });
    }

    int64_t sample_count() const override { return sample_count_; }

    void evaluate(const Job& job, Receiver& receiver) override {
        const std::vector<Group> groups = divide(job);
        const int threads = kernel_.pool().threads();
        for (const auto& changes : changes_) changes->macs = 0;
        const int64_t units = static_cast<int64_t>(groups.size()) * kernel_.tiles();
        // Every thread begins with a share of its own, so that few tiles are worked out twice.
        std::vector<std::atomic<int64_t>> next(threads);
        for (int thread = 0; thread < threads; ++thread) next[thread] = units * thread / threads;
        kernel_.pool().run([&](int thread) {
            for (int share = 0; share < threads; ++share) {
                const int from = (thread + share) % threads;
                const int64_t end = units * (from + 1) / threads;
                for (int64_t unit; (unit = next[from].fetch_add(GROUPS_AT_ONCE)) < end;)
                    for (int64_t i = unit; i < std::min(end, unit + GROUPS_AT_ONCE); ++i)
                        run_unit(thread, job, receiver, groups[i % groups.size()],
                                 static_cast<int>(i / groups.size()));
            }
        });
        job.macs[0] = job.macs[1] = 0;
        for (const Stage& stage : kernel_.stages().all) job.macs[0] += macs_of(stage.nest);
        for (const auto& changes : changes_) job.macs[1] += changes->macs;
        job.macs[1] /= sample_count_;
    }

  private:
    // Lay out the weights of all slices.
    void pack() {
        for (size_t slice = 0; slice < slices_.size(); ++slice) {
            const Stage& stage = nests_.all[slice];
            packed_.pack(stage, kernel_.master().data());
            if (packed_.blocks.empty()) continue;
            int64_t norm = 0;
            const int blocks = (stage.nest.counts[J] + BLOCK_ROWS - 1) / BLOCK_ROWS;
            for (int b = 0; b < blocks; ++b)
                norm = std::max(norm, packed_.blocks[stage.block + b].whole);
            norms_[slice] = norm;
        }
    }

    static std::vector<Group> divide(const Job& job) {
        std::vector<Group> groups;
        for (int i = 0; i < job.coordinate_count; ++i) {
            job.failed[i] = 0;
            if (!groups.empty() && groups.back().count < GROUP &&
                job.coordinates[groups.back().first].row == job.coordinates[i].row)
                ++groups.back().count;
            else
                groups.push_back({i, 1});
        }
        return groups;
    }

    // Whether every tile keeps its base pass throughout; otherwise every thread keeps its last one.
    bool one_base_each() const { return kernel_.tiles() <= kernel_.pool().threads(); }

    Sums<T> sums(int slot) const {
        Base<T>& base = *bases_[slot];
        return {base.sums.data(), base.result_sums.data(), kernel_.program().first_word};
    }

    // Evaluate the network on a tile with the master parameters, and keep everything.
    void run_base(int slot, int tile) {
        Worker<T>& worker = kernel_.worker(slot);
        tenzo_query query{};
        query.stop = static_cast<int32_t>(kernel_.stages().all.size());
        worker.query = -1;
        kernel_.prepare(worker, query, 0);
        for (int stage = 0; stage < query.stop; ++stage)
            kernel_.run_one(worker, stage, tile, kernel_.active(tile, sample_count_), sums(slot));
        std::fill(worker.saturations.begin(), worker.saturations.end(), 0);
        bases_[slot]->tile = tile;
    }

    void run_unit(int thread, const Job& job, Receiver& receiver, const Group& group, int tile) {
        const int slot = one_base_each() ? tile : thread;
        if (bases_[slot]->tile != tile) run_base(slot, tile);
        Changes<T>& changes = *changes_[thread];
        const std::vector<int32_t>& base = kernel_.worker(slot).results;
        for (int g = 0; g < group.count; ++g)
            std::copy(base.begin(), base.end(), changes.results.begin() + base.size() * g);
        if (!run_group({thread, slot, tile}, job, group))
            for (int g = 0; g < group.count; ++g)
                __atomic_store_n(&job.failed[group.first + g], 1, __ATOMIC_RELAXED);
        const int active = kernel_.active(tile, sample_count_);
        changes.macs += macs(job.coordinates[group.first].row) * group.count * active;
        receiver.take(thread, {changes.results.data(), group.first, group.count,
                               kernel_.program().output_count, tile_,
                               static_cast<int64_t>(tile) * tile_, active});
    }

    // Multiply-accumulates of one coordinate, per sample.
    int64_t macs(int index) const {
        const tenzo_row& row = rows_[index];
        int64_t total = row.is_bias ? 0 : macs_of(nests_.all[row.own].nest);
        for (int i = 0; i < row.count; ++i)
            total += macs_of(nests_.all[chain_[row.first + i]].nest);
        return total;
    }

    // Work out what changes; false if some number may not fit.
    bool run_group(const Place& place, const Job& job, const Group& group) {
        Worker<T>& worker = kernel_.worker(place.slot);
        const tenzo_row& row = rows_[job.coordinates[group.first].row];
        int64_t steps[GROUP], largest = 0;
        ptrdiff_t terms[GROUP];
        for (int g = 0; g < group.count; ++g) {
            const tenzo_coordinate& coordinate = job.coordinates[group.first + g];
            steps[g] = step(coordinate);
            terms[g] = static_cast<ptrdiff_t>(coordinate.k) * row.term_stride;
            largest = std::max(largest, std::abs(steps[g]));
        }
        SliceRun<T> run{};
        run.steps = steps;
        run.terms = terms;
        run.is_bias = row.is_bias != 0;
        run.group = group.count;
        set_memories(run, place, row.own);
        const Stage& first = nests_.all[row.own];
        const int64_t times = row.is_bias ? INT64_C(1) << first.nest.bias_shift
                                          : input_bound(worker, slices_[row.own].stage, place.tile);
        if (!fits(worker, row.own, largest * times)) return false;
        for (int i = 0; i < row.count; ++i)
            if (!slices_[chain_[row.first + i]].is_exact)
                clear(place.thread, slices_[chain_[row.first + i]].stage - 1, group.count);
        run_first(kernel_.path(), run);
        for (int i = 0; i < row.count && !run.overflowed; ++i) {
            const int slice = chain_[row.first + i];
            if (!fits(worker, slice, norms_[slice] * run.change_bound)) return false;
            set_memories(run, place, slice);
            run_after(kernel_.path(), run);
        }
        return !run.overflowed;
    }

    // Set the changes of all outputs of a stage to zero.
    void clear(int thread, int stage, int group) {
        const tenzo_stage& nest = kernel_.stages().all[stage].nest;
        const size_t pitch = static_cast<size_t>(group) * tile_;
        T* first = changes_[thread]->words.data() +
                   (nest.output_base - kernel_.program().first_word) * pitch;
        std::fill(first, first + macs_of(nest) / nest.counts[K] * pitch, T{});
    }

    // What a step adds to a weight, which saturates.
    int64_t step(const tenzo_coordinate& coordinate) const {
        const int64_t high = (INT64_C(1) << (kernel_.engine().weight_width - 1)) - 1;
        const int64_t weight = kernel_.master()[coordinate.address];
        return std::min(std::max(weight + coordinate.step, -high - 1), high) - weight;
    }

    int64_t input_bound(const Worker<T>& worker, int index, int tile) const {
        const Stage& stage = kernel_.stages().all[index];
        int64_t bound = stage.nest.sample_input ? kernel_.sample_bound(tile) : 0;
        for (const int* from = stage.producers; *from >= 0; ++from)
            bound = std::max(bound, worker.bounds[*from]);
        return bound;
    }

    // Whether the new sums of a slice fit 32 bits; float64 has room for all of them.
    bool fits(const Worker<T>& worker, int slice, int64_t change) const {
        return sizeof(T) != 2 || worker.sum_bounds[slices_[slice].stage] + change < SUM_LIMIT;
    }

    void set_memories(SliceRun<T>& run, const Place& place, int slice) const {
        Changes<T>& changes = *changes_[place.thread];
        Worker<T>& worker = kernel_.worker(place.slot);
        const Stage& stage = nests_.all[slice];
        const int first = kernel_.program().first_word;
        run.stage = &stage;
        run.kept = {worker.words.data(), first};
        run.inputs = run.kept;
        if (stage.nest.sample_input) run.inputs = {kernel_.samples(place.tile), 0};
        run.changes = {changes.words.data(), first};
        run.sums = sums(place.slot);
        run.results = changes.results.data();
        run.results_size = kernel_.program().output_count * tile_;
        run.tile = tile_;
        run.pairs = packed_.pairs.data() + stage.packed;
        run.reals = packed_.reals.data() + 2 * stage.packed;
        run.scratch = changes.scratch.data();
    }

    TypedKernel<T>& kernel_;
    const std::vector<tenzo_slice> slices_;
    const std::vector<tenzo_row> rows_;
    const std::vector<int32_t> chain_;
    const std::vector<std::vector<int>> terms_;
    const Stages nests_;
    PackedWeights packed_;
    std::vector<int64_t> norms_;  // greatest L1 norm of a row of each slice (int16_t only)
    int tile_ = 0;
    int64_t sample_count_ = 0;
    std::vector<std::unique_ptr<Base<T>>> bases_;
    std::vector<std::unique_ptr<Changes<T>>> changes_;
};

template <class T>
std::unique_ptr<Sweep> open_typed(Kernel& kernel, std::vector<tenzo_slice> slices,
                                  std::vector<tenzo_row> rows, std::vector<int32_t> chain) {
    auto sweep = std::make_unique<TypedSweep<T>>(static_cast<TypedKernel<T>&>(kernel),
                                                 std::move(slices), std::move(rows),
                                                 std::move(chain));
    return sweep->runs() ? std::move(sweep) : nullptr;
}

}  // namespace

std::unique_ptr<Sweep> open_sweep(Kernel& kernel, std::vector<tenzo_slice> slices,
                                  std::vector<tenzo_row> rows, std::vector<int32_t> chain) {
    switch (kernel.stages().words) {
        case WordKind::NARROW:
            return open_typed<int16_t>(kernel, std::move(slices), std::move(rows),
                                       std::move(chain));
        case WordKind::REAL:
            return open_typed<double>(kernel, std::move(slices), std::move(rows),
                                      std::move(chain));
        default: return nullptr;
    }
}

}  // namespace tenzo
