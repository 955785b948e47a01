// Perturbed parameters of a query: sat(w + sign * epsilon * u), u from the shift register.
#pragma once

#include <cstdint>

#include "tenzo_kernels.h"

namespace tenzo {

// Write the parameters of a query; return how many of them saturated.
// Hardware twin: tenzo.hw.perturbation; definition: tenzo.sw.perturbation.
int64_t perturb(const tenzo_engine& engine, const tenzo_query& query, const int32_t* master,
                int32_t count, int32_t* parameters);

}  // namespace tenzo
