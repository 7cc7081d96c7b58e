// Tokens that stay when others leave: whose queries ask, and which ones are chosen.
//
// Each KV head of each layer retains tokens of its own: a row of K or V holds all heads of a layer side by side, so that the
// rows before the cells (edgeinf-rows.cpp) can hold another token in each head. Where they stand: edgeinf-place.cpp.

#include "edgeinf-policy.h"
#include "edgeinf-rows.h"

#include "llama-context.h"
#include "llama-impl.h"
#include "llama-model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace {

// queries that ask, what each may see, and constants
class llm_graph_input_queries : public llm_graph_input_i {
public:
    llm_graph_input_queries(
            ggml_context * ctx, std::vector<int32_t> slots, std::vector<int32_t> pos, const std::vector<int32_t> & kv_pos,
            uint32_t n_candidates) :
        v_slots(std::move(slots)), v_pos(std::move(pos)), v_order(n_candidates) {
        v_mask.reserve(v_pos.size()*kv_pos.size());
        for (const auto p_q : v_pos) {
            for (const auto p_k : kv_pos) {
                v_mask.push_back(p_k <= p_q ? 0.0f : -INFINITY);
            }
        }
        std::iota(v_order.begin(), v_order.end(), 0.0f);

        t_slots = ggml_new_tensor_1d(ctx, GGML_TYPE_I32, v_slots.size());
        t_pos   = ggml_new_tensor_1d(ctx, GGML_TYPE_I32, v_pos.size());
        t_mask  = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, kv_pos.size(), v_pos.size());
        t_order = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, 1, n_candidates);
        t_bits  = ggml_new_tensor_1d(ctx, GGML_TYPE_F32, 2);
        for (auto * t : { t_slots, t_pos, t_mask, t_order, t_bits }) {
            ggml_set_input(t);
        }
    }

    void set_input(const llama_ubatch * /*ubatch*/) override {
        static const float bits[2] = { 0.0f, 1.0f };

        auto set = [](ggml_tensor * t, const void * data) {
            if (t->buffer) {
                ggml_backend_tensor_set(t, data, 0, ggml_nbytes(t));
            }
        };
        set(t_slots, v_slots.data());
        set(t_pos,   v_pos  .data());
        set(t_mask,  v_mask .data());
        set(t_order, v_order.data());
        set(t_bits,  bits);
    }

    ggml_tensor * t_slots; // I32 [n_query], rows of the stored queries
    ggml_tensor * t_pos;   // I32 [n_query]
    ggml_tensor * t_mask;  // F32 [n_kv, n_query]
    ggml_tensor * t_order; // F32 [1, n_candidates]: 0, 1, 2, ...
    ggml_tensor * t_bits;  // F32 [2]: 0, 1

private:
    const std::vector<int32_t> v_slots;
    const std::vector<int32_t> v_pos;
    std::vector<float>         v_mask;
    std::vector<float>         v_order;
};

}

//
// queries
//

// A token keeps its number for as long as it is cached, also when positions are turned back.
void llama_kv_cache_edgeinf::list_query_slots(
        const llama_ubatch & ubatch, std::vector<int32_t> & slots, std::vector<int32_t> & picks) const {
    const int64_t n_query  = query_slots.size();
    const int64_t n_stride = policy->n_stride();

    // where there are fewer than rows are written
    std::fill(slots.begin(), slots.end(), n_query);
    std::fill(picks.begin(), picks.end(), 0);

    size_t n = slots.size();
    for (int64_t i = int64_t(ubatch.n_tokens) - 1; i >= 0 && n > 0; --i) {
        const int64_t number = ubatch.pos[i] + n_turned;
        if (number % n_stride != 0) {
            continue;
        }
        --n;
        picks[n] = i;
        slots[n] = number/n_stride % n_query;
        query_slots[slots[n]] = number;
    }
}

void llama_kv_cache_edgeinf::keep_queries() {
    if (!policy || !policy->asks() || !kept_slots.empty()) {
        return;
    }
    for (const auto & [il, r] : retain) {
        auto & copy = kept_queries[il];
        copy.resize(ggml_nbytes(r.q));
        ggml_backend_tensor_get(r.q, copy.data(), 0, copy.size());
    }
    kept_slots = query_slots;
}

void llama_kv_cache_edgeinf::put_queries_back() {
    if (kept_slots.empty()) {
        return;
    }
    for (const auto & [il, copy] : kept_queries) {
        ggml_backend_tensor_set(retain.at(il).q, copy.data(), 0, copy.size());
    }
    query_slots = kept_slots;
    kept_slots.clear();
    kept_queries.clear();
}

void llama_kv_cache_edgeinf::build_query_store(
        ggml_context * ctx, ggml_cgraph * gf, ggml_tensor * q, ggml_tensor * slots, ggml_tensor * picks, int32_t il) const {
    const int64_t n = slots->ne[0];

    if (picks) {
        q = ggml_is_contiguous(q) ? q : ggml_cont(ctx, q);
        q = ggml_get_rows(ctx, ggml_reshape_2d(ctx, q, q->ne[0]*q->ne[1], q->ne[2]), picks);
    } else {
        q = ggml_view_3d(ctx, q, q->ne[0], q->ne[1], n, q->nb[1], q->nb[2], (q->ne[2] - n)*q->nb[2]);
        q = ggml_reshape_2d(ctx, ggml_cont(ctx, q), q->ne[0]*q->ne[1], n);
    }

    ggml_build_forward_expand(gf, ggml_set_rows(ctx, retain.at(il).q, q, slots));
}

bool llama_kv_cache_edgeinf::list_asking(std::vector<int32_t> & pos, std::vector<int32_t> & slots) const {
    // the newest tokens whose queries are there; those of tokens that were taken back may have overwritten some
    const int64_t n_first = std::max(n_first_query, pos_base() + n_turned);

    const int64_t n_stride = policy->n_stride();

    for (int64_t number = (pos_next() + n_turned - 1)/n_stride*n_stride; number >= n_first; number -= n_stride) {
        const size_t slot = number/n_stride % query_slots.size();
        if (slots.size() == policy->n_query() || query_slots[slot] != number) {
            break;
        }
        pos  .push_back(number - n_turned);
        slots.push_back(slot);
    }
    if (slots.empty() && n_stride > 1) {
        // fewer tokens came than one asks of: the newest query that is there asks from where the text has come to
        int64_t last = -1;
        for (const auto number : query_slots) {
            last = number < pos_next() + n_turned ? std::max(last, number) : last;
        }
        if (last >= 0) {
            pos  .push_back(pos_next() - 1);
            slots.push_back(last/n_stride % query_slots.size());
        }
    }
    if (slots.empty()) {
        return false;
    }
    std::reverse(pos  .begin(), pos  .end());
    std::reverse(slots.begin(), slots.end());
    return true;
}

//
// compaction
//

ggml_tensor * llama_kv_cache_edgeinf::build_k_candidates(
        ggml_context * ctx, const llm_graph_input_rows * inp, const llama_cparams & cparams, int32_t il, uint32_t i0, int64_t n_old) const {
    ggml_tensor * k = inp->n() > 0 ? build_k(ctx, inp, cparams, il) : nullptr;
    if (n_old > 0) {
        ggml_tensor * old = build_k_front(ctx, il, i0, n_old);
        k = k ? ggml_concat(ctx, old, k, 2) : old;
    }
    return k;
}

bool llama_kv_cache_edgeinf::select(llama_context * lctx, uint32_t i0, const std::vector<choice> & choices) {
    const auto & cparams = lctx->get_cparams();

    if (std::none_of(choices.begin(), choices.end(), [](const choice & c) { return c.is_open(); })) {
        return true;
    }

    // whose queries, and where they stand
    std::vector<int32_t> pos;
    std::vector<int32_t> slots;
    if (policy->asks() && !list_asking(pos, slots)) {
        return false;
    }
    const int64_t n_query = slots.size();

    ggml_backend_sched_reset(lctx->get_sched());

    auto * res = lctx->get_gf_res_reserve();
    res->reset();

    auto * ctx = res->get_ctx();
    auto * gf  = res->get_gf();

    for (size_t i = 0; i < groups.size(); ++i) {
        if (!choices[i].is_open()) {
            continue;
        }
        const uint32_t n_keep = choices[i].n_keep;
        const uint32_t i1     = i0 + choices[i].rows.idxs.size(); // as these layers see the cache

        const int64_t n_old = groups[i].n_held; // these have originals

        const auto & list = choices[i].rows;

        auto all   = list_rows(groups[i], 0, n_cached());
        auto inp_q = std::make_unique<llm_graph_input_queries>(ctx, slots, pos, all.pos, i1 - i0);
        auto inp_k = std::make_unique<llm_graph_input_rows>(this, ctx, std::move(all));

        auto inp_all = std::make_unique<llm_graph_input_rows>(this, ctx, list);
        auto inp_new = std::make_unique<llm_graph_input_rows>(this, ctx, row_list {
                { list.idxs.begin() + n_old, list.idxs.end() }, { list.pos.begin() + n_old, list.pos.end() } });

        for (const auto il : groups[i].layers) {
            const auto & r = retain.at(il);

            const int64_t d_k       = hparams.n_embd_head_k(il);
            const int64_t n_head    = hparams.n_head(il);
            const int64_t n_head_kv = hparams.n_head_kv(il);

            edgeinf_evidence e;
            if (policy->asks()) {
                ggml_tensor * q = ggml_get_rows(ctx, r.q, inp_q->t_slots);
                q = ggml_reshape_3d(ctx, q, d_k, n_head, n_query);
                q = build_rope(ctx, q, inp_q->t_pos, cparams, il, false);

                e.q     = ggml_cont(ctx, ggml_permute(ctx, q, 0, 2, 1, 3));
                e.k     = ggml_permute(ctx, build_k_rotated(ctx, inp_k.get(), il), 0, 2, 1, 3);
                e.mask  = inp_q->t_mask;
                e.scale = hparams.f_attention_scale == 0.0f ? 1.0f/sqrtf(float(d_k)) : hparams.f_attention_scale;
            } else {
                ggml_tensor * k = build_k_candidates(ctx, inp_new.get(), cparams, il, i0, n_old);
                ggml_tensor * v = build_v(ctx, inp_all.get(), il);

                // the newest token of the cache has age 1
                std::vector<float> ages;
                for (int64_t h = 0; h < n_head_kv; ++h) {
                    for (const auto number : list_numbers(il, h, list, n_old)) {
                        ages.push_back(std::log(float(std::min<int64_t>(pos_next() + n_turned - number, r.age_max))));
                    }
                }
                auto inp_age = std::make_unique<llm_graph_input_values<float>>(
                        ctx, GGML_TYPE_F32, std::move(ages), 1, i1 - i0, n_head_kv);

                k = ggml_cont(ctx, ggml_permute(ctx, ggml_concat(ctx, k, v, 0), 0, 2, 1, 3));

                e.x      = ggml_concat(ctx, k, inp_age->t, 0);
                e.map    = r.map;
                e.bias   = r.bias;
                e.weight = r.weight;

                res->add_input(std::move(inp_age));
            }

            ggml_tensor * idx = ggml_top_k(ctx, policy->build_scores(ctx, e, i0, i1), n_keep); // I32 [n_keep, n_head_kv]

            // they stay in the order of the text
            ggml_tensor * order = ggml_get_rows(ctx, inp_q->t_order, ggml_reshape_1d(ctx, idx, n_keep*n_head_kv));
            order = ggml_argsort(ctx, ggml_reshape_2d(ctx, order, n_keep, n_head_kv), GGML_SORT_ORDER_ASC);
            idx   = ggml_get_rows(ctx, ggml_reshape_3d(ctx, idx, 1, n_keep, n_head_kv), order);
            idx   = ggml_reshape_2d(ctx, idx, n_keep, n_head_kv);

            ggml_build_forward_expand(gf, ggml_cpy(ctx, idx, ggml_view_2d(ctx, r.idx, n_keep, n_head_kv, r.idx->nb[1], 0)));

            if (mem.count(il)) {
                ggml_tensor * zero = ggml_view_1d(ctx, inp_q->t_bits, 1, 0);
                ggml_tensor * one  = ggml_view_1d(ctx, inp_q->t_bits, 1, sizeof(float));

                ggml_tensor * w = ggml_repeat_4d(ctx, one, 1, i1 - i0, n_head_kv, 1);
                w = ggml_set_rows(ctx, w, ggml_repeat_4d(ctx, zero, 1, n_keep, n_head_kv, 1), idx);

                ggml_build_forward_expand(gf, ggml_cpy(ctx, w,
                        ggml_view_3d(ctx, r.leaves, 1, i1 - i0, n_head_kv, r.leaves->nb[1], r.leaves->nb[2], 0)));
            }
        }
        res->add_input(std::move(inp_q));
        res->add_input(std::move(inp_k));
        res->add_input(std::move(inp_all));
        res->add_input(std::move(inp_new));
    }
    return graph_compute(lctx, res);
}

ggml_tensor * llama_kv_cache_edgeinf::build_leaves(ggml_context * ctx, ggml_tensor * phi, int32_t il, size_t i) const {
    const auto * w = retain.at(il).leaves;

    return ggml_mul(ctx, phi,
            ggml_view_3d(ctx, const_cast<ggml_tensor *>(w), 1, phi->ne[1], phi->ne[2], w->nb[1], w->nb[2], i*w->nb[1]));
}
