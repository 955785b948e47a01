// The C interface.
#include <new>

#include "kernel.hpp"
#include "losses.hpp"
#include "sweep.hpp"

namespace tenzo {

namespace {

#if defined(__x86_64__)
const Path* const PATHS[] = {&AVX512_VNNI, &AVX512, &AVX2, &SSE2, &PORTABLE};
#elif defined(__aarch64__)
const Path* const PATHS[] = {&NEON, &PORTABLE};
#else
const Path* const PATHS[] = {&PORTABLE};
#endif
constexpr int PATH_COUNT = sizeof PATHS / sizeof *PATHS;

}  // namespace

}  // namespace tenzo

struct tenzo_kernel {
    tenzo_kernel(const tenzo_engine& engine, const tenzo_program& program,
                 const tenzo_stage* descriptors, const tenzo::Path& path, int threads)
        : stages(engine, program, descriptors, program.stage_count) {
        using namespace tenzo;
        switch (stages.words) {
            case WordKind::NARROW:
                kernel = std::make_unique<TypedKernel<int16_t>>(engine, program, stages, path,
                                                                threads);
                break;
            case WordKind::REAL:
                kernel = std::make_unique<TypedKernel<double>>(engine, program, stages, path,
                                                               threads);
                break;
            case WordKind::INTEGER:
                kernel = std::make_unique<TypedKernel<int64_t>>(engine, program, stages, path,
                                                                threads);
                break;
        }
    }

    tenzo::Stages stages;
    std::unique_ptr<tenzo::Kernel> kernel;
};

struct tenzo_sweep {
    // Run it; 0, or 1 if memory ran out. `make` makes the receiver of the results.
    template <class Make>
    int32_t evaluate(const tenzo::Sweep::Job& job, Make make) {
        try {
            auto receiver = make();
            sweep->evaluate(job, receiver);
            return 0;
        } catch (const std::bad_alloc&) {
            return 1;
        }
    }

    tenzo::Kernel* kernel;
    std::unique_ptr<tenzo::Sweep> sweep;
};

struct tenzo_losses {
    tenzo::Losses losses;
};

int32_t tenzo_interface_size(void) {
    return static_cast<int32_t>(sizeof(tenzo_engine) + sizeof(tenzo_stage) +
                                sizeof(tenzo_program) + sizeof(tenzo_query) +
                                sizeof(tenzo_slice) + sizeof(tenzo_row) +
                                sizeof(tenzo_coordinate) + sizeof(tenzo_numerics));
}

const char* tenzo_path_name(int32_t index) {
    return index >= 0 && index < tenzo::PATH_COUNT ? tenzo::PATHS[index]->name : nullptr;
}

int32_t tenzo_path_works(int32_t index) {
    return index >= 0 && index < tenzo::PATH_COUNT && tenzo::PATHS[index]->works();
}

tenzo_kernel* tenzo_open(const tenzo_engine* engine, const tenzo_program* program,
                         const tenzo_stage* stages, int32_t path, int32_t threads) {
    try {
        return new tenzo_kernel(*engine, *program, stages, *tenzo::PATHS[path], threads);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void tenzo_close(tenzo_kernel* kernel) { delete kernel; }

void tenzo_write_parameters(tenzo_kernel* kernel, const int64_t* parameters) {
    kernel->kernel->write_parameters(parameters);
}

int32_t tenzo_evaluate(tenzo_kernel* kernel, const int64_t* samples, int64_t sample_count,
                       const tenzo_query* queries, int32_t query_count, int32_t ordered,
                       int64_t* outputs, int64_t* saturations, int64_t* weight_saturations) {
    try {
        kernel->kernel->evaluate({samples, sample_count, queries, query_count, ordered != 0,
                                  outputs, saturations, weight_saturations});
        return 0;
    } catch (const std::bad_alloc&) {
        return 1;
    }
}

tenzo_sweep* tenzo_sweep_open(tenzo_kernel* kernel, const tenzo_slice* slices,
                              int32_t slice_count, const tenzo_row* rows, int32_t row_count,
                              const int32_t* chain, int32_t chain_count) {
    try {
        auto sweep = std::make_unique<tenzo_sweep>();
        sweep->kernel = kernel->kernel.get();
        sweep->sweep = tenzo::open_sweep(
            *kernel->kernel, {slices, slices + slice_count}, {rows, rows + row_count},
            {chain, chain + chain_count});
        return sweep->sweep ? sweep.release() : nullptr;
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void tenzo_sweep_close(tenzo_sweep* sweep) { delete sweep; }

int32_t tenzo_sweep_load(tenzo_sweep* sweep, const int64_t* samples, int64_t sample_count) {
    try {
        sweep->sweep->load(samples, sample_count);
        return 0;
    } catch (const std::bad_alloc&) {
        return 1;
    }
}

int32_t tenzo_sweep_evaluate(tenzo_sweep* sweep, const tenzo_coordinate* coordinates,
                             int32_t coordinate_count, int64_t* outputs, uint8_t* failed,
                             int64_t macs[2]) {
    return sweep->evaluate({coordinates, coordinate_count, failed, macs}, [&] {
        return tenzo::OutputReceiver(outputs, sweep->sweep->sample_count());
    });
}

int32_t tenzo_sweep_cross_entropy(tenzo_sweep* sweep, const tenzo_losses* losses,
                                  const tenzo_coordinate* coordinates, int32_t coordinate_count,
                                  double scale, const int64_t* labels, double* values,
                                  uint8_t* failed, int64_t macs[2]) {
    return sweep->evaluate({coordinates, coordinate_count, failed, macs}, [&] {
        return tenzo::LossReceiver(losses->losses, {scale, labels, values},
                                   sweep->sweep->sample_count(),
                                   sweep->kernel->program().output_count,
                                   sweep->kernel->pool().threads());
    });
}

tenzo_losses* tenzo_losses_open(const tenzo_numerics* numbers, int32_t threads) {
    return new (std::nothrow) tenzo_losses{{*numbers, threads}};
}

void tenzo_losses_close(tenzo_losses* losses) { delete losses; }

int32_t tenzo_cross_entropy(tenzo_losses* losses, const int64_t* outputs, const int64_t counts[3],
                            const int64_t strides[3], double scale, const int64_t* labels,
                            double* values) {
    try {
        losses->losses.cross_entropy({outputs,
                                      {counts[0], counts[1], counts[2]},
                                      {strides[0], strides[1], strides[2]},
                                      scale,
                                      labels,
                                      values});
        return 0;
    } catch (const std::bad_alloc&) {
        return 1;
    }
}
