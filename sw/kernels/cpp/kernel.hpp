// Evaluates queries: divides them into tiles of samples, and these among threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "aligned.hpp"
#include "perturbation.hpp"
#include "pool.hpp"
#include "program.hpp"
#include "stages.hpp"

namespace tenzo {

// Multiply-accumulates below which a second thread is not worth waking.
constexpr int64_t WORTH_SHARING = 200000;

// What all word kinds have in common.
class Kernel {
  public:
    Kernel(const tenzo_engine& engine, const tenzo_program& program, const Stages& stages,
           const Path& path, int threads)
        : engine_(engine),
          program_(program),
          stages_(stages),
          path_(path),
          pool_(threads),
          master_(program.weight_count + program.bias_count) {}
    virtual ~Kernel() = default;

    void write_parameters(const int64_t* parameters) {
        std::copy(parameters, parameters + master_.size(), master_.begin());
    }

    // Arguments of tenzo_evaluate().
    struct Job {
        const int64_t* samples;
        int64_t sample_count;
        const tenzo_query* queries;
        int query_count;
        bool ordered;
        int64_t *outputs, *saturations, *weight_saturations;
    };

    virtual void evaluate(const Job& job) = 0;

    const tenzo_engine& engine() const { return engine_; }
    const tenzo_program& program() const { return program_; }
    const Stages& stages() const { return stages_; }
    const Path& path() const { return path_; }
    const std::vector<int32_t>& master() const { return master_; }
    Pool& pool() { return pool_; }

  protected:
    const tenzo_engine engine_;
    const tenzo_program program_;
    const Stages& stages_;
    const Path& path_;
    Pool pool_;
    std::vector<int32_t> master_;
};

// What one thread works with.
template <class T>
struct Worker {
    Worker(const tenzo_program& program, const Stages& stages, int tile)
        : words(static_cast<size_t>(program.word_count) * tile),
          results(static_cast<size_t>(program.output_count) * tile),
          parameters(program.weight_count + program.bias_count),
          packed(stages, stages.words),
          scratch(sizeof(T) == 2 ? 2 * stages.scratch_pairs * tile : 0),
          bounds(stages.all.size()),
          sum_bounds(stages.all.size()),
          saturations(stages.all.size()) {}

    Aligned<T> words;
    std::vector<int32_t> results;
    std::vector<int32_t> parameters;
    PackedWeights packed;
    Aligned<int16_t> scratch;
    std::vector<int64_t> bounds;      // of what each stage wrote
    std::vector<int64_t> sum_bounds;  // of its sums, if they were kept
    std::vector<int64_t> saturations;
    int query = -1;               // whose parameters are there
    int64_t bias_bound = 0;
    int64_t weight_saturations = 0;
};

inline void run_stage(const Path& path, StageRun<int16_t>& run) {
    run.stage->regular ? path.narrow(run) : run_generic(run);
}
inline void run_stage(const Path& path, StageRun<double>& run) {
    run.stage->regular ? path.real(run) : run_generic(run);
}
inline void run_stage(const Path&, StageRun<int64_t>& run) { run_generic(run); }

inline int full_tile(const Path& path, int16_t) { return path.tile; }
inline int full_tile(const Path&, double) { return REAL_TILE; }
inline int full_tile(const Path&, int64_t) { return REAL_TILE; }

template <class T>
class TypedKernel : public Kernel {
  public:
    using Kernel::Kernel;

    int tile() const { return tile_; }
    int tiles() const { return tiles_; }
    Worker<T>& worker(int thread) { return *workers_[thread]; }
    int64_t sample_bound(int tile) const { return sample_bounds_[tile]; }
    const T* samples(int tile) const {
        return samples_.data() + static_cast<size_t>(program_.input_count) * tile_ * tile;
    }

    // Samples of a tile that count.
    int active(int tile, int64_t sample_count) const {
        const int64_t first = static_cast<int64_t>(tile) * tile_;
        return static_cast<int>(std::min<int64_t>(tile_, sample_count - first));
    }

    // Divide samples into tiles.
    void load(const int64_t* samples, int64_t sample_count) {
        choose_tile(sample_count);
        tiles_ = static_cast<int>((sample_count + tile_ - 1) / tile_);
        load_tiles(samples, sample_count);
    }

    void evaluate(const Job& job) override {
        load(job.samples, job.sample_count);
        const int64_t units = job.ordered ? tiles_ : static_cast<int64_t>(tiles_) * job.query_count;
        const int threads = shared(job) ? pool_.threads() : 1;
        // A few chunks a thread: so they end together, and rarely work out the same parameters.
        const int64_t chunk = std::max<int64_t>(1, units / (threads * 8));
        std::atomic<int64_t> next{0};
        const auto work = [&](int thread) {
            Worker<T>& worker = *workers_[thread];
            worker.query = -1;
            for (int64_t unit; (unit = next.fetch_add(chunk)) < units;)
                for (int64_t end = std::min(units, unit + chunk); unit < end; ++unit)
                    run_unit(worker, job, unit);
        };
        threads == 1 ? work(0) : pool_.run(work);
        for (const auto& worker : workers_)
            for (size_t stage = 0; stage < worker->saturations.size(); ++stage) {
                job.saturations[stage] += worker->saturations[stage];
                worker->saturations[stage] = 0;
            }
    }

  private:
    // Tiles are full, unless there are so few samples that smaller ones do.
    void choose_tile(int64_t sample_count) {
        int tile = full_tile(path_, T{});
        if (sizeof(T) == 2)
            while (tile > path_.columns && sample_count <= tile / 2) tile /= 2;
        if (tile == tile_) return;
        workers_.clear();
        tile_ = tile;
        for (int thread = 0; thread < pool_.threads(); ++thread)
            workers_.push_back(std::make_unique<Worker<T>>(program_, stages_, tile_));
    }

    bool shared(const Job& job) const {
        int64_t products = 0;
        for (const Stage& stage : stages_.all) {
            int64_t macs = 1;
            for (int count : stage.nest.counts) macs *= count;
            products += macs;
        }
        return products * tiles_ * tile_ * job.query_count > WORTH_SHARING;
    }

    // Turn samples into tiles, [tile][input][sample]; the last sample fills up the last tile.
    void load_tiles(const int64_t* samples, int64_t sample_count) {
        const size_t inputs = program_.input_count, size = inputs * tile_;
        if (samples_size_ < size * tiles_) {
            samples_ = Aligned<T>(size * tiles_);
            samples_size_ = size * tiles_;
        }
        sample_bounds_.assign(tiles_, 0);
        std::atomic<int> next{0};
        const auto work = [&](int) {
            for (int tile; (tile = next++) < tiles_;)
                load_tile(samples, sample_count, tile, inputs);
        };
        sample_count * static_cast<int64_t>(inputs) > WORTH_SHARING ? pool_.run(work) : work(0);
    }

    void load_tile(const int64_t* samples, int64_t sample_count, int tile, size_t inputs) {
        T* to = samples_.data() + inputs * tile_ * tile;
        int64_t bound = 0;
        for (int lane = 0; lane < tile_; ++lane) {
            const int64_t sample =
                std::min(static_cast<int64_t>(tile) * tile_ + lane, sample_count - 1);
            const int64_t* from = samples + sample * static_cast<int64_t>(inputs);
            for (size_t i = 0; i < inputs; ++i) {
                to[i * tile_ + lane] = static_cast<T>(from[i]);
                bound = std::max(bound, from[i] < 0 ? -from[i] : from[i]);
            }
        }
        sample_bounds_[tile] = bound;
    }

    void run_unit(Worker<T>& worker, const Job& job, int64_t unit) {
        if (!job.ordered) {
            const int query = static_cast<int>(unit / tiles_);
            const int tile = static_cast<int>(unit % tiles_);
            std::fill(worker.bounds.begin(), worker.bounds.end(), 0);
            run_query(worker, job, query, tile);
            return;
        }
        std::fill(worker.bounds.begin(), worker.bounds.end(), 0);
        for (int query = 0; query < job.query_count; ++query)
            run_query(worker, job, query, static_cast<int>(unit));
    }

    void run_query(Worker<T>& worker, const Job& job, int index, int tile) {
        const tenzo_query& query = job.queries[index];
        prepare(worker, query, index);
        if (tile == 0) job.weight_saturations[index] = worker.weight_saturations;
        const int64_t first = static_cast<int64_t>(tile) * tile_;
        const int active = this->active(tile, job.sample_count);
        bool results = false;
        for (int stage = query.entry; stage < query.stop; ++stage) {
            run_one(worker, stage, tile, active);
            results = results || stages_.all[stage].nest.to_results;
        }
        if (!results) return;
        const int outputs = program_.output_count;
        int64_t* to = job.outputs + (index * job.sample_count + first) * outputs;
        for (int sample = 0; sample < active; ++sample)
            for (int output = 0; output < outputs; ++output)
                *to++ = worker.results[static_cast<size_t>(output) * tile_ + sample];
    }

  public:
    // Make the parameters of a query, unless they are there.
    void prepare(Worker<T>& worker, const tenzo_query& query, int index) {
        if (worker.query == index) return;
        const int32_t count = static_cast<int32_t>(master_.size());
        int32_t* parameters = worker.parameters.data();
        worker.weight_saturations = perturb(engine_, query, master_.data(), count, parameters);
        worker.query = index;
        if (stages_.words == WordKind::INTEGER) return;
        worker.bias_bound = 0;
        for (int32_t i = program_.weight_count; i < count; ++i)
            worker.bias_bound = std::max<int64_t>(worker.bias_bound, std::abs(parameters[i]));
        for (int stage = query.entry; stage < query.stop; ++stage)
            if (stages_.all[stage].regular) worker.packed.pack(stages_.all[stage], parameters);
    }

    // Run a stage, and keep its sums if that is asked for.
    void run_one(Worker<T>& worker, int index, int tile, int active, Sums<T> sums = {}) {
        const Stage& stage = stages_.all[index];
        const int32_t* parameters = worker.parameters.data();
        const Words<T> words{worker.words.data(), program_.first_word};
        StageRun<T> run{};
        run.stage = &stage;
        run.input = stage.nest.sample_input ? Words<const T>{samples(tile), 0}
                                            : Words<const T>{words.data, words.first};
        run.output = words;
        run.results = worker.results.data();
        run.tile = tile_;
        run.active = active;
        run.weights = parameters;
        run.biases = parameters + program_.weight_count;
        run.pairs = worker.packed.pairs.data() + stage.packed;
        run.blocks = worker.packed.blocks.data() + stage.block;
        run.pair_norms = worker.packed.pair_norms.data() + stage.norm;
        run.reals = worker.packed.reals.data() + 2 * stage.packed;
        run.bias_bound = worker.bias_bound;
        run.scratch = worker.scratch.data();
        run.sums = sums;
        run.input_bound = stage.nest.sample_input ? sample_bounds_[tile] : 0;
        for (const int* from = stage.producers; *from >= 0; ++from)
            run.input_bound = std::max(run.input_bound, worker.bounds[*from]);
        run_stage(path_, run);
        worker.bounds[index] = run.output_bound;
        worker.sum_bounds[index] = run.sum_bound;
        worker.saturations[index] += run.saturations;
    }

  private:
    int tile_ = 0, tiles_ = 0;
    Aligned<T> samples_;
    size_t samples_size_ = 0;
    std::vector<int64_t> sample_bounds_;
    std::vector<std::unique_ptr<Worker<T>>> workers_;
};

}  // namespace tenzo
