// The body of one instruction-set path. Before it: the target, PATH (its namespace), PATH_OBJECT,
// PATH_NAME, PATH_WORKS, TILE_VECTORS, REAL_BYTES, VECTORS (a header) and program.hpp. Everything
// lies in a namespace of its own, so that no function of a wider path can stand in for another's.

namespace tenzo {
namespace PATH {
namespace {

#include VECTORS

#include "narrow_sums.hpp"

#include "narrow_output.hpp"

#include "narrow.hpp"

#include "narrow_slice.hpp"

#include "real.hpp"

#include "real_slice.hpp"

bool works() { return PATH_WORKS; }

template <bool Keep>
void narrow(StageRun<int16_t>& run) {
    Narrow<Keep> kernel(run);
    if (run.tile % (TILE_VECTORS * COLUMNS) == 0)
        kernel.template compute<TILE_VECTORS>();
    else
        kernel.template compute<1>();
}

void narrow(StageRun<int16_t>& run) { run.sums.words ? narrow<true>(run) : narrow<false>(run); }

void real(StageRun<double>& run) { Real(run).compute(); }

void narrow_first(SliceRun<int16_t>& run) { NarrowSlice(run).first(); }

void narrow_slice(SliceRun<int16_t>& run) { NarrowSlice(run).after<TILE_VECTORS>(); }

void real_first(SliceRun<double>& run) { RealSlice(run).first(); }

void real_slice(SliceRun<double>& run) { RealSlice(run).after(); }

}  // namespace
}  // namespace PATH

const Path PATH_OBJECT = {
    PATH_NAME,          PATH::works,        PATH::COLUMNS,    64,
    PATH::narrow,       PATH::real,         PATH::narrow_first, PATH::narrow_slice,
    PATH::real_first,   PATH::real_slice,
};

}  // namespace tenzo
