#include "sweep.hpp"

#include "kept.hpp"

#include <atomic>

namespace tenzo {

namespace {

constexpr int64_t GROUPS_AT_ONCE = 4; // that a thread takes from the work that is left
constexpr int64_t SUM_LIMIT = INT64_C(1) << 31;

std::vector<tenzo_stage> nests_of(const std::vector<tenzo_slice>& slices) {
    std::vector<tenzo_stage> nests;
    for (const tenzo_slice& slice : slices) nests.push_back(slice.nest);
    return nests;
}

std::vector<std::vector<int>> terms_of(const std::vector<tenzo_slice>& slices) {
    std::vector<std::vector<int>> terms;
    for (const tenzo_slice& slice : slices) {
        terms.emplace_back();
        for (int k = 0; k < slice.nest.counts[K]; ++k)
            terms.back().push_back(k / slice.inner * slice.jump + k % slice.inner * slice.stride);
    }
    return terms;
}

int64_t macs_of(const tenzo_stage& nest) {
    int64_t macs = 1;
    for (int count : nest.counts) macs *= count;
    return macs;
}

void run_first(const Path& path, SliceRun<int16_t>& run) { path.narrow_first(run); }
void run_first(const Path& path, SliceRun<double>& run) { path.real_first(run); }
void run_after(const Path& path, SliceRun<int16_t>& run) { path.narrow_slice(run); }
void run_after(const Path& path, SliceRun<double>& run) { path.real_slice(run); }

// Coordinates of one row.
struct Group {
    int first, count;
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

    void evaluate(const Job& job) override {
        kernel_.load(job.samples, job.sample_count);
        pack();
        const std::vector<Group> groups = divide(job);
        const int threads = kernel_.pool().threads();
        if (tile_ != kernel_.tile()) kept_.clear();
        tile_ = kernel_.tile();
        while (static_cast<int>(kept_.size()) < threads)
            kept_.push_back(std::make_unique<Kept<T>>(kernel_.program(), tile_));
        const int64_t units = static_cast<int64_t>(groups.size()) * kernel_.tiles();
        // Every thread begins with a share of its own, so that few tiles are worked out twice.
        std::vector<std::atomic<int64_t>> next(threads);
        for (int thread = 0; thread < threads; ++thread) next[thread] = units * thread / threads;
        kernel_.pool().run([&](int thread) {
            Kept<T>& kept = *kept_[thread];
            kept.tile = -1;
            kept.macs[0] = kept.macs[1] = 0;
            for (int share = 0; share < threads; ++share) {
                const int from = (thread + share) % threads;
                const int64_t end = units * (from + 1) / threads;
                for (int64_t unit; (unit = next[from].fetch_add(GROUPS_AT_ONCE)) < end;)
                    for (int64_t i = unit; i < std::min(end, unit + GROUPS_AT_ONCE); ++i)
                        run_unit(thread, job, groups[i % groups.size()],
                                 static_cast<int>(i / groups.size()));
            }
        });
        job.macs[0] = job.macs[1] = 0;
        for (const Stage& stage : kernel_.stages().all) job.macs[0] += macs_of(stage.nest);
        for (const auto& kept : kept_) job.macs[1] += kept->macs[1];
        job.macs[1] /= job.sample_count;
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

    Sums<T> sums(Kept<T>& kept) const {
        return {kept.sums.data(), kept.result_sums.data(), kernel_.program().first_word};
    }

    // Evaluate the network on a tile with the master parameters, and keep everything.
    void run_base(int thread, int tile, int active) {
        Worker<T>& worker = kernel_.worker(thread);
        tenzo_query query{};
        query.stop = static_cast<int32_t>(kernel_.stages().all.size());
        worker.query = -1;
        kernel_.prepare(worker, query, 0);
        for (int stage = 0; stage < query.stop; ++stage)
            kernel_.run_one(worker, stage, tile, active, sums(*kept_[thread]));
        std::fill(worker.saturations.begin(), worker.saturations.end(), 0);
        kept_[thread]->tile = tile;
    }

    void run_unit(int thread, const Job& job, const Group& group, int tile) {
        Kept<T>& kept = *kept_[thread];
        const int active = kernel_.active(tile, job.sample_count);
        if (kept.tile != tile) run_base(thread, tile, active);
        const std::vector<int32_t>& base = kernel_.worker(thread).results;
        for (int g = 0; g < group.count; ++g)
            std::copy(base.begin(), base.end(), kept.results.begin() + base.size() * g);
        if (!run_group(thread, job, group, tile))
            for (int g = 0; g < group.count; ++g)
                __atomic_store_n(&job.failed[group.first + g], 1, __ATOMIC_RELAXED);
        kept.macs[1] += macs(job.coordinates[group.first].row) * group.count * active;
        const int outputs = kernel_.program().output_count;
        for (int g = 0; g < group.count; ++g) {
            const int32_t* from = kept.results.data() + base.size() * g;
            int64_t* to = job.outputs + ((group.first + g) * job.sample_count +
                                         static_cast<int64_t>(tile) * tile_) * outputs;
            for (int sample = 0; sample < active; ++sample)
                for (int output = 0; output < outputs; ++output)
                    *to++ = from[static_cast<size_t>(output) * tile_ + sample];
        }
    }

    // Multiply-accumulates of one coordinate, per sample.
    int64_t macs(int index) const {
        const tenzo_row& row = rows_[index];
        int64_t total = row.is_bias ? 0 : macs_of(nests_.all[row.own].nest);
        for (int i = 0; i < row.count; ++i) total += macs_of(nests_.all[chain_[row.first + i]].nest);
        return total;
    }

    // Work out what changes; false if some number may not fit.
    bool run_group(int thread, const Job& job, const Group& group, int tile) {
        Worker<T>& worker = kernel_.worker(thread);
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
        set_memories(run, thread, tile, row.own);
        const Stage& first = nests_.all[row.own];
        const int64_t times = row.is_bias ? INT64_C(1) << first.nest.bias_shift
                                          : input_bound(worker, slices_[row.own].stage, tile);
        if (!fits(worker, row.own, largest * times)) return false;
        for (int i = 0; i < row.count; ++i)
            if (!slices_[chain_[row.first + i]].is_exact)
                clear(thread, slices_[chain_[row.first + i]].stage - 1, group.count);
        run_first(kernel_.path(), run);
        for (int i = 0; i < row.count && !run.overflowed; ++i) {
            const int slice = chain_[row.first + i];
            if (!fits(worker, slice, norms_[slice] * run.change_bound)) return false;
            set_memories(run, thread, tile, slice);
            run_after(kernel_.path(), run);
        }
        return !run.overflowed;
    }

    // Set the changes of all outputs of a stage to zero.
    void clear(int thread, int stage, int group) {
        const tenzo_stage& nest = kernel_.stages().all[stage].nest;
        const size_t pitch = static_cast<size_t>(group) * tile_;
        T* first = kept_[thread]->changes.data() +
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

    void set_memories(SliceRun<T>& run, int thread, int tile, int slice) const {
        Kept<T>& kept = *kept_[thread];
        Worker<T>& worker = kernel_.worker(thread);
        const Stage& stage = nests_.all[slice];
        const int first = kernel_.program().first_word;
        run.stage = &stage;
        run.kept = {worker.words.data(), first};
        run.inputs = stage.nest.sample_input ? Words<const T>{kernel_.samples(tile), 0} : run.kept;
        run.changes = {kept.changes.data(), first};
        run.sums = sums(kept);
        run.results = kept.results.data();
        run.results_size = kernel_.program().output_count * tile_;
        run.tile = tile_;
        run.pairs = packed_.pairs.data() + stage.packed;
        run.reals = packed_.reals.data() + 2 * stage.packed;
        run.scratch = worker.scratch.data();
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
    std::vector<std::unique_ptr<Kept<T>>> kept_;
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
