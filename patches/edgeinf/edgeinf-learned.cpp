// What a fitted score finds worth keeping stays. It sees what a token is and how long ago it came, and nothing of the rest of the text, so
// that one which is worth more than all that come later stays to the end of the text.

#include "edgeinf-policy.h"

#include "ggml.h"

namespace {

class edgeinf_learned : public edgeinf_policy {
public:
    using edgeinf_policy::edgeinf_policy;

    // s = max over n_kernel neighbours of weight . silu(map x + bias)
    ggml_tensor * build_scores(
            ggml_context * ctx, const edgeinf_evidence & e, uint32_t i0, uint32_t i1) const override {
        ggml_tensor * s = ggml_mul_mat(ctx, e.map, e.x); // [n_hidden, i1 - i0, n_head_kv]

        s = ggml_silu(ctx, ggml_add(ctx, s, e.bias));
        s = ggml_mul_mat(ctx, e.weight, s);                // [1, i1 - i0, n_head_kv]
        s = ggml_reshape_2d(ctx, s, i1 - i0, s->ne[2]);

        return params.n_kernel == 1 ? s : ggml_pool_1d(ctx, s, GGML_OP_POOL_MAX, params.n_kernel, 1, params.n_kernel/2);
    }
};

}

std::unique_ptr<edgeinf_policy> edgeinf_make_learned(const llama_edgeinf_retain & params, std::vector<uint32_t> n_retain) {
    return std::make_unique<edgeinf_learned>(params, std::move(n_retain));
}
