// SnapKV (arXiv 2404.14469): what the last queries of a text attend to stays.

#include "edgeinf-policy.h"

#include "ggml.h"

namespace {

class edgeinf_snapkv : public edgeinf_policy {
public:
    using edgeinf_policy::edgeinf_policy;

    // s = max over n_kernel neighbours of mean over queries and heads of a group of softmax(scale q k)
    ggml_tensor * build_scores(
            ggml_context * ctx, const edgeinf_evidence & att, uint32_t i0, uint32_t i1) const override {
        const int64_t n_kv      = att.k->ne[1];
        const int64_t n_head_kv = att.k->ne[2];
        const int64_t n_rows    = att.q->ne[1]*att.q->ne[2]/n_head_kv;

        ggml_tensor * p = ggml_mul_mat(ctx, att.k, att.q); // [n_kv, n_query, n_head]

        p = ggml_soft_max_ext(ctx, p, att.mask, att.scale, 0.0f);
        p = ggml_reshape_3d(ctx, p, n_kv, n_rows, n_head_kv); // heads of a group are neighbours
        p = ggml_view_3d(ctx, p, i1 - i0, n_rows, n_head_kv, p->nb[1], p->nb[2], i0*p->nb[0]);
        p = ggml_cont(ctx, ggml_transpose(ctx, p));
        p = ggml_mean(ctx, p); // [1, i1 - i0, n_head_kv]
        p = ggml_reshape_2d(ctx, p, i1 - i0, n_head_kv);

        return ggml_pool_1d(ctx, p, GGML_OP_POOL_MAX, params.n_kernel, 1, params.n_kernel/2);
    }
};

}

std::unique_ptr<edgeinf_policy> edgeinf_make_snapkv(const llama_edgeinf_retain & params, std::vector<uint32_t> n_retain) {
    return std::make_unique<edgeinf_snapkv>(params, std::move(n_retain));
}
