#include "edgeinf-policy.h"

#include "llama-impl.h"

#include <stdexcept>

// float32 holds the number of a cell exactly, and a compaction sorts them as such
static constexpr uint32_t N_RETAIN_MAX = 1u << 20;

std::unique_ptr<edgeinf_policy> edgeinf_make_policy(const llama_edgeinf_retain & params) {
    if (params.n_retain == 0) {
        return nullptr;
    }
    if (params.n_query == 0 || params.n_query > 4096 || params.n_kernel % 2 == 0 || params.n_kernel > 4095 ||
        params.n_retain > N_RETAIN_MAX) {
        throw std::runtime_error(format("cannot retain %u tokens by %u queries with a kernel of %u",
                params.n_retain, params.n_query, params.n_kernel));
    }
    switch (params.score) {
        case LLAMA_EDGEINF_SCORE_SNAPKV:
            return edgeinf_make_snapkv(params);
    }
    throw std::runtime_error("no such score");
}
