#include "edgeinf-policy.h"

#include "llama-hparams.h"
#include "llama-impl.h"

#include <algorithm>
#include <stdexcept>

// float32 holds the number of a cell exactly, and a compaction sorts them as such
static constexpr uint32_t N_RETAIN_MAX = 1u << 20;

std::unique_ptr<edgeinf_policy> edgeinf_make_policy(llama_edgeinf_retain params, const llama_hparams & hparams) {
    if (params.n_retain == 0) {
        return nullptr;
    }
    std::vector<uint32_t> n_retain(hparams.n_layer(), 0);
    for (uint32_t il = 0; il < n_retain.size(); ++il) {
        if (hparams.has_kv(il) && hparams.n_head_kv(il) > 0) {
            n_retain[il] = params.n_retain_layer ? params.n_retain_layer[il] : params.n_retain;
        }
    }
    const uint32_t n_max = n_retain.empty() ? 0 : *std::max_element(n_retain.begin(), n_retain.end());

    params.n_retain_layer = nullptr; // belongs to the caller
    const bool asks = params.score != LLAMA_EDGEINF_SCORE_LEARNED;

    if ((params.n_query > 0) != asks || params.n_query > 4096 || params.n_stride == 0 || params.n_stride > 4096 ||
        params.n_kernel % 2 == 0 || params.n_kernel > 4095 || n_max == 0 || n_max > N_RETAIN_MAX) {
        throw std::runtime_error(format("cannot retain %u tokens by %u queries, one of %u, with a kernel of %u",
                n_max, params.n_query, params.n_stride, params.n_kernel));
    }
    switch (params.score) {
        case LLAMA_EDGEINF_SCORE_SNAPKV:
            return edgeinf_make_snapkv(params, std::move(n_retain));
        case LLAMA_EDGEINF_SCORE_LEARNED:
            return edgeinf_make_learned(params, std::move(n_retain));
    }
    throw std::runtime_error("no such score");
}
