// What the memory mixes into attention.

#include "edgeinf-hooks.h"
#include "edgeinf-inputs.h"

#include "llama-impl.h"
#include "llama-model.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

// of the normaliser, as in Infini-attention (arXiv 2404.07143)
static constexpr float EPS_DEN = 1e-6f;
// of the logarithm in the gate
static constexpr float EPS_LOG = 1e-6f;

//
// graph inputs
//

llm_graph_input_edgeinf::llm_graph_input_edgeinf(const llama_kv_cache_edgeinf * kv) :
    folded(kv->groups.size()), n_attended(kv->n_attended()), masks(n_attended.size()), kv(kv), active(kv->active_groups()) {}

void llm_graph_input_edgeinf::set_input(const llama_ubatch * ubatch) {
    for (size_t i = 0; i < folded.size(); ++i) {
        const float n     = (float) std::max<int64_t>(1, kv->groups[i].n_fold);
        const float inv_n = 1.0f/n;
        const float ln_n  = logf(n);

        // a tensor that no layer uses has no buffer
        if (folded[i].inv_n && folded[i].inv_n->buffer) {
            ggml_backend_tensor_set(folded[i].inv_n, &inv_n, 0, sizeof(inv_n));
        }
        if (folded[i].ln_n && folded[i].ln_n->buffer) {
            ggml_backend_tensor_set(folded[i].ln_n, &ln_n, 0, sizeof(ln_n));
        }
    }
    if (t_slots && t_slots->buffer) {
        std::vector<int32_t> slots(t_slots->ne[0]);
        std::vector<int32_t> picks(t_slots->ne[0]);
        kv->list_query_slots(*ubatch, slots, picks);
        ggml_backend_tensor_set(t_slots, slots.data(), 0, ggml_nbytes(t_slots));
        if (t_picks) {
            ggml_backend_tensor_set(t_picks, picks.data(), 0, ggml_nbytes(t_picks));
        }
    }
    for (const auto & mask : masks) {
        if (mask.retained && mask.retained->buffer) {
            ggml_backend_tensor_memset(mask.retained, 0, 0, ggml_nbytes(mask.retained));
        }
    }
}

bool llm_graph_input_edgeinf::can_reuse(const llm_graph_params & params) {
    return kv->active_groups() == active && kv->n_attended() == n_attended &&
        (!t_slots || t_slots->ne[0] == n_stored(params.ubatch.n_tokens));
}

int64_t llm_graph_input_edgeinf::n_stored(int64_t n_tokens) const {
    const int64_t n_stride = kv->policy->n_stride();

    return std::min<int64_t>((n_tokens + n_stride - 1)/n_stride, kv->policy->n_query());
}

//
// feature maps
//

ggml_tensor * llama_kv_cache_edgeinf::build_feature_map(ggml_context * ctx, ggml_tensor * x, ggml_tensor * map) const {
    if (this->map == LLAMA_EDGEINF_MAP_ELU) {
        // xIELU with alpha_p = 0, alpha_n = beta = 1 is ELU. On the CPU backend ELU runs on one thread, xIELU on all;
        // softplus(-200) is 0 in float32
        x = ggml_xielu(ctx, x, -200.0f, -200.0f, 1.0f, 0.0f);
        return ggml_scale_bias(ctx, x, 1.0f, 1.0f);
    }
    x = ggml_mul_mat(ctx, map, x);
    return ggml_concat(ctx, ggml_soft_max(ctx, x), ggml_soft_max_ext(ctx, x, nullptr, -1.0f, 0.0f), 0);
}

//
// read-out
//

std::unique_ptr<llm_graph_input_i> llama_kv_cache_edgeinf::build_inp(ggml_context * ctx) const {
    auto inp = std::make_unique<llm_graph_input_edgeinf>(this);
    const auto active = active_groups();
    for (size_t i = 0; i < groups.size(); ++i) {
        if (!active[i]) {
            continue;
        }
        auto & folded = inp->folded[i];
        folded.inv_n = ggml_new_tensor_1d(ctx, GGML_TYPE_F32, 1);
        folded.ln_n  = ggml_new_tensor_1d(ctx, GGML_TYPE_F32, 1);
        ggml_set_input(folded.inv_n);
        ggml_set_input(folded.ln_n);
        ggml_format_name(folded.inv_n, "edgeinf_inv_n-%zu", i);
        ggml_format_name(folded.ln_n,  "edgeinf_ln_n-%zu", i);
    }
    this->inp = inp.get();
    return inp;
}

// the ROPE node that x comes from; nullptr if something other than a scale was done to x after RoPE, or RoPE never was
static ggml_tensor * find_rope(ggml_tensor * x) {
    while (x->op == GGML_OP_SCALE || x->op == GGML_OP_RESHAPE || x->op == GGML_OP_VIEW) {
        x = x->src[0];
    }
    return x->op == GGML_OP_ROPE ? x : nullptr;
}

ggml_tensor * llama_kv_cache_edgeinf::build_readout(
        ggml_context * ctx, ggml_cgraph * gf, ggml_tensor * q, ggml_tensor * k, ggml_tensor * cur, int il) const {
    const ggml_tensor * rope_q = find_rope(q);

    if (k->op != GGML_OP_ROPE || !rope_q) {
        throw std::runtime_error(format("layer %d of this model does not end its keys and queries with RoPE", il));
    }
    if (reserving) {
        check_rope(ctx, k, cparams, il);
    }
    // RoPE is not done in place, so its input is still there
    q = rope_q->src[0];
    while (q->op == GGML_OP_SCALE) {
        q = q->src[0];
    }
    if (retain.count(il) && policy->asks()) {
        if (!inp->t_slots) {
            inp->t_slots = ggml_new_tensor_1d(ctx, GGML_TYPE_I32, inp->n_stored(q->ne[2]));
            ggml_set_input(inp->t_slots);
            ggml_set_name(inp->t_slots, "edgeinf_slots");
            if (policy->n_stride() > 1) {
                inp->t_picks = ggml_new_tensor_1d(ctx, GGML_TYPE_I32, inp->t_slots->ne[0]);
                ggml_set_input(inp->t_picks);
                ggml_set_name(inp->t_picks, "edgeinf_picks");
            }
        }
        build_query_store(ctx, gf, q, inp->t_slots, inp->t_picks, il);
    }
    if (!is_active(il)) {
        return cur;
    }
    const auto & l      = mem.at(il);
    const int    i_cur  = group_of(il).i_cur;
    const auto & folded = inp->folded[rows.at(il).group];

    const int64_t n_head   = q->ne[1];
    const int64_t n_tokens = q->ne[2];
    const int64_t d_v      = l.m[i_cur]->ne[1];

    q = ggml_cont(ctx, ggml_permute(ctx, q, 0, 2, 1, 3)); // [d_k, n_tokens, n_head]
    ggml_format_name(q, "edgeinf_q-%d", il);

    ggml_tensor * phi = build_feature_map(ctx, q, l.map_q); // [n_features, n_tokens, n_head]

    ggml_tensor * num = ggml_mul_mat(ctx, l.m[i_cur], phi); // [d_v, n_tokens, n_head]
    ggml_tensor * den = ggml_mul_mat(ctx, l.z[i_cur], phi); // [1,   n_tokens, n_head]
    ggml_format_name(num, "edgeinf_num-%d", il);
    ggml_format_name(den, "edgeinf_den-%d", il);

    ggml_tensor * match = ggml_log(ctx, ggml_scale_bias(ctx, ggml_mul(ctx, den, folded.inv_n), 1.0f, EPS_LOG));
    ggml_tensor * bias  = ggml_add(ctx, ggml_mul(ctx, l.b, folded.ln_n), l.c); // [1, 1, n_head]
    ggml_tensor * g     = ggml_add(ctx, ggml_mul_mat(ctx, l.w, q), ggml_mul(ctx, match, l.a));

    g = ggml_sigmoid(ctx, ggml_add(ctx, g, bias)); // [1, n_tokens, n_head]
    ggml_format_name(g, "edgeinf_gate-%d", il);

    ggml_tensor * g_mem = ggml_div(ctx, g, ggml_scale_bias(ctx, den, 1.0f, EPS_DEN));
    ggml_tensor * g_loc = ggml_scale_bias(ctx, g, -1.0f, 1.0f);

    ggml_tensor * a_mem = ggml_permute(ctx, ggml_mul(ctx, num, g_mem), 0, 2, 1, 3);
    ggml_tensor * a_loc = ggml_reshape_3d(ctx, cur, d_v, n_head, n_tokens);

    a_loc = ggml_mul(ctx, a_loc, ggml_permute(ctx, g_loc, 0, 2, 1, 3));

    ggml_tensor * out = ggml_add(ctx, a_loc, a_mem); // [d_v, n_head, n_tokens]
    ggml_format_name(out, "edgeinf_out-%d", il);

    out = ggml_reshape_2d(ctx, out, d_v*n_head, n_tokens);

    ggml_build_forward_expand(gf, out);

    return out;
}

//
// hooks
//

const llama_kv_cache_edgeinf * edgeinf_get_kv(const llama_kv_cache_context * mctx) {
    return mctx ? dynamic_cast<const llama_kv_cache_edgeinf *>(mctx->get_kv()) : nullptr;
}

std::unique_ptr<llm_graph_input_i> edgeinf_build_inp(const llama_kv_cache_context * mctx, ggml_context * ctx) {
    const auto * kv = edgeinf_get_kv(mctx);

    return kv ? kv->build_inp(ctx) : nullptr;
}

ggml_tensor * edgeinf_build_readout(
        const llama_kv_cache_context * mctx, ggml_context * ctx, ggml_cgraph * gf, ggml_tensor * q, ggml_tensor * k,
        ggml_tensor * cur, int il) {
    const auto * kv = edgeinf_get_kv(mctx);

    return kv ? kv->build_readout(ctx, gf, q, k, cur, il) : cur;
}
