// What a compaction computes: tokens into the memory, keys to their new positions.

#include "edgeinf-rows.h"

#include "llama-context.h"
#include "llama-impl.h"
#include "llama-model.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

// float32 resolves an angle of 8192 rad to 5e-4, about what an F16 key resolves
static constexpr llama_pos POS_PRECISE = 8192;

llm_graph_input_rows::llm_graph_input_rows(
        const llama_kv_cache_edgeinf * kv, ggml_context * ctx, llama_kv_cache_edgeinf::row_list list) :
    kv(kv), rows(std::move(list)) {
    t_idxs   = ggml_new_tensor_1d(ctx, GGML_TYPE_I32, n());
    t_idxs64 = ggml_new_tensor_1d(ctx, GGML_TYPE_I64, n());
    t_pos    = ggml_new_tensor_1d(ctx, GGML_TYPE_I32, n());
    for (auto * t : { t_idxs, t_idxs64, t_pos }) {
        ggml_set_input(t);
    }
    k_rot = kv->build_input_k_rot(ctx);
    v_rot = kv->build_input_v_rot(ctx);
}

void llm_graph_input_rows::set_input(const llama_ubatch * /*ubatch*/) {
    if (t_idxs->buffer) {
        ggml_backend_tensor_set(t_idxs, rows.idxs.data(), 0, ggml_nbytes(t_idxs));
    }
    if (t_idxs64->buffer) {
        const std::vector<int64_t> idxs64(rows.idxs.begin(), rows.idxs.end());
        ggml_backend_tensor_set(t_idxs64, idxs64.data(), 0, ggml_nbytes(t_idxs64));
    }
    if (t_pos->buffer) {
        ggml_backend_tensor_set(t_pos, rows.pos.data(), 0, ggml_nbytes(t_pos));
    }
    if (k_rot && k_rot->buffer) {
        kv->set_input_k_rot(k_rot);
    }
    if (v_rot && v_rot->buffer) {
        kv->set_input_v_rot(v_rot);
    }
}

ggml_tensor * llama_kv_cache_edgeinf::build_rope(
        ggml_context * ctx, ggml_tensor * k, ggml_tensor * pos, const llama_cparams & cparams, int32_t il, bool back) const {
    auto * fn = back ? ggml_rope_ext_back : ggml_rope_ext;

    return fn(ctx, k, pos, model.get_rope_factors(cparams, il), hparams.n_rot(il), hparams.rope_type,
            cparams.n_ctx_orig_yarn, model.get_rope_freq_base(cparams, il), model.get_rope_freq_scale(cparams, il),
            cparams.yarn_ext_factor, cparams.yarn_attn_factor, cparams.yarn_beta_fast, cparams.yarn_beta_slow);
}

void llama_kv_cache_edgeinf::check_rope(
        ggml_context * ctx, ggml_tensor * k, const llama_cparams & cparams, int32_t il) const {
    const ggml_tensor * ours = build_rope(ctx, k->src[0], k->src[1], cparams, il, false);

    if (memcmp(ours->op_params, k->op_params, sizeof(k->op_params)) != 0 || ours->src[2] != k->src[2]) {
        throw std::runtime_error(format("layer %d of this model rotates keys in a way that cannot be undone here", il));
    }
}

ggml_tensor * llama_kv_cache_edgeinf::build_k_rotated(
        ggml_context * ctx, const llm_graph_input_rows * inp, int32_t il) const {
    // get_rows turns any type into F32
    ggml_tensor * k = ggml_get_rows(ctx, rows.at(il).k, inp->t_idxs);

    k = ggml_reshape_3d(ctx, k, hparams.n_embd_head_k(il), hparams.n_head_kv(il), inp->n());
    if (inp->k_rot) {
        k = llama_mul_mat_hadamard(ctx, k, inp->k_rot);
    }
    return k;
}

ggml_tensor * llama_kv_cache_edgeinf::build_k(
        ggml_context * ctx, const llm_graph_input_rows * inp, const llama_cparams & cparams, int32_t il) const {
    return build_rope(ctx, build_k_rotated(ctx, inp, il), inp->t_pos, cparams, il, true);
}

ggml_tensor * llama_kv_cache_edgeinf::build_v(ggml_context * ctx, const llm_graph_input_rows * inp, int32_t il) const {
    ggml_tensor * v = rows.at(il).v;

    if (v_trans) {
        // without flash attention V is stored as [n_cells, n_embd_v_gqa]
        v = ggml_view_2d(ctx, v, get_size(), hparams.n_embd_v_gqa(il), ggml_row_size(v->type, get_size()), 0);
        v = ggml_cont(ctx, ggml_transpose(ctx, v));
    }
    v = ggml_get_rows(ctx, v, inp->t_idxs);
    v = ggml_reshape_3d(ctx, v, hparams.n_embd_head_v(il), hparams.n_head_kv(il), inp->n());
    if (inp->v_rot) {
        v = llama_mul_mat_hadamard(ctx, v, inp->v_rot);
    }
    return v;
}

bool llama_kv_cache_edgeinf::fold(
        llama_context * lctx, uint32_t i0, const layer_group & group, const row_list & list, bool inject_failure) {
    const auto & cparams = lctx->get_cparams();

    const auto   with  = layers_with_memory(group);
    const size_t n_old = group.n_held;

    const size_t n_max = std::max<size_t>(1, cparams.n_ubatch);

    // in pieces, so that scratch memory does not depend on how much is folded
    for (size_t i = 0; i < list.idxs.size(); i += n_max) {
        const size_t n = std::min(n_max, list.idxs.size() - i);

        ggml_backend_sched_reset(lctx->get_sched());

        auto * res = lctx->get_gf_res_reserve();
        res->reset();

        auto * ctx = res->get_ctx();
        auto * gf  = res->get_gf();

        // these have originals
        const size_t n_of_old = std::min<size_t>(n, n_old - std::min<size_t>(i, n_old));

        auto list_from = [&](size_t i_first) {
            return row_list {
                std::vector<int32_t>(list.idxs.begin() + i_first, list.idxs.begin() + i + n),
                std::vector<int32_t>(list.pos .begin() + i_first, list.pos .begin() + i + n) };
        };
        auto inp     = std::make_unique<llm_graph_input_rows>(this, ctx, list_from(i));
        auto inp_new = std::make_unique<llm_graph_input_rows>(this, ctx, list_from(i + n_of_old));

        for (const auto il : with) {
            const auto & l = mem.at(il);

            const int dst = 1 - group.i_cur;
            const int src = i == 0 ? group.i_cur : dst;

            ggml_tensor * k = build_k_candidates(ctx, inp_new.get(), cparams, il, i0 + i, n_of_old);
            ggml_tensor * v = build_v(ctx, inp.get(), il);

            k = ggml_cont(ctx, ggml_permute(ctx, k, 0, 2, 1, 3)); // [d_k, n, n_head_kv]
            k = build_feature_map(ctx, k, l.map_k);               // [n_features, n, n_head_kv]
            if (group.n_retain > 0) {
                k = build_leaves(ctx, k, il, i);
            }
            k = ggml_cont(ctx, ggml_transpose(ctx, k));           // [n, n_features, n_head_kv]
            v = ggml_cont(ctx, ggml_permute(ctx, v, 1, 2, 0, 3)); // [n, d_v, n_head_kv]

            ggml_tensor * dm = ggml_mul_mat(ctx, k, v);                                           // [n_features, d_v, n_head_kv]
            ggml_tensor * dz = ggml_reshape_3d(ctx, ggml_sum_rows(ctx, k), n_features, 1, k->ne[2]); // [n_features, 1, n_head_kv]

            ggml_build_forward_expand(gf, ggml_cpy(ctx, ggml_add(ctx, l.m[src], dm), l.m[dst]));
            ggml_build_forward_expand(gf, ggml_cpy(ctx, ggml_add(ctx, l.z[src], dz), l.z[dst]));
        }
        res->add_input(std::move(inp));
        res->add_input(std::move(inp_new));

        if (!graph_compute(lctx, res) || inject_failure) {
            return false;
        }
    }
    return true;
}

bool llama_kv_cache_edgeinf::move(
        llama_context * lctx, uint32_t i0, uint32_t i1, const std::vector<choice> & choices, bool inject_failure) {
    const auto & cparams = lctx->get_cparams();

    auto new_graph = [&]() {
        ggml_backend_sched_reset(lctx->get_sched());
        auto * res = lctx->get_gf_res_reserve();
        res->reset();
        return res;
    };

    // un-rotated originals of the keys that join the front
    if (n_front < i0) {
        auto * res = new_graph();
        auto * ctx = res->get_ctx();

        for (const auto & group : groups) {
            auto inp = std::make_unique<llm_graph_input_rows>(this, ctx, list_rows(group, n_front, i0));

            for (const auto il : group.layers) {
                ggml_tensor * front = k_front.at(il);
                ggml_tensor * k     = build_k(ctx, inp.get(), cparams, il);
                ggml_tensor * dst   = ggml_view_2d(ctx, front, front->ne[0], inp->n(), front->nb[1], n_front*front->nb[1]);

                ggml_build_forward_expand(res->get_gf(), ggml_cpy(ctx, ggml_reshape_2d(ctx, k, front->ne[0], inp->n()), dst));
            }
            res->add_input(std::move(inp));
        }
        if (!graph_compute(lctx, res)) {
            return false;
        }
        n_front = i0;
    }
    uint32_t n_kept = 0;
    for (const auto & c : choices) {
        n_kept = std::max(n_kept, c.n_keep);
    }
    if (n_kept > 0 && !move_retained(lctx, i0, choices)) {
        return false;
    }
    const uint32_t n_held_old = n_held();

    // where something is retained the front stays the same
    n_front = std::min(n_front, i0);

    // from here on positions change
    const llama_pos n_max = get_size() + n_retain_max();
    if (pos_next() + n_max > std::max(POS_PRECISE, 4*n_max)) {
        const llama_pos back = pos_base();

        n_turned    += back;
        pos_gap_end -= back;
        llama_kv_cache::seq_add(0, -1, -1, -back);
        if (get_has_shift() && !llama_kv_cache::update(lctx, true, {})) {
            return false;
        }
    }

    const llama_pos base  = pos_base();
    const llama_pos end   = base + i1;
    const llama_pos delta = end - n_kept - i0 - base;

    if (i0 > 0) {
        auto * res = new_graph();
        auto * ctx = res->get_ctx();

        for (const auto & group : groups) {
            auto list = list_rows(group, 0, i0);
            for (auto & p : list.pos) {
                p += delta;
            }
            auto inp = std::make_unique<llm_graph_input_rows>(this, ctx, std::move(list));

            for (const auto il : group.layers) {
                build_k_put(ctx, res, inp.get(), build_rope(ctx, build_k_front(ctx, il, 0, i0), inp->t_pos, cparams, il, false), il);
            }
            res->add_input(std::move(inp));
        }
        if (!graph_compute(lctx, res)) {
            return false;
        }
    }
    if ((n_kept > 0 && !turn_retained(lctx, chosen, end)) || (i0 + n_kept > 0 && inject_failure)) {
        return false;
    }

    llama_kv_cache::seq_rm(0, base + i0 + n_held_old, end);
    if (i0 > 0) {
        llama_kv_cache::seq_add(0, base, base + i0, delta);
        v_cells[0].reset_shift(); // the keys are there already
    }
    for (size_t i = 0; i < groups.size(); ++i) {
        groups[i].n_held = choices[i].n_keep;
    }
    numbers     = std::move(chosen);
    pos_gap_end = end;
    return true;
}

ggml_tensor * llama_kv_cache_edgeinf::build_k_front(ggml_context * ctx, int32_t il, int64_t i, int64_t n) const {
    const int64_t d_k = hparams.n_embd_head_k(il);

    ggml_tensor * front = k_front.at(il);

    return ggml_view_3d(ctx, front, d_k, hparams.n_head_kv(il), n, ggml_row_size(front->type, d_k), front->nb[1], i*front->nb[1]);
}

void llama_kv_cache_edgeinf::build_k_put(
        ggml_context * ctx, llm_graph_result * res, const llm_graph_input_rows * inp, ggml_tensor * k, int32_t il) const {
    if (inp->k_rot) {
        k = llama_mul_mat_hadamard(ctx, k, inp->k_rot);
    }
    k = ggml_reshape_2d(ctx, k, hparams.n_embd_k_gqa(il), inp->n());

    ggml_build_forward_expand(res->get_gf(), ggml_set_rows(ctx, rows.at(il).k, k, inp->t_idxs64));
}

bool llama_kv_cache_edgeinf::get_key(llama_context * lctx, int32_t il, uint32_t i, bool rotated, float * k) const {
    const auto it = rows.find(il);
    if (it == rows.end() || i >= n_cached()) {
        return false;
    }
    auto list = list_rows(groups[it->second.group], i, i + 1);
    if (list.idxs.empty()) {
        return false;
    }
    ggml_backend_sched_reset(lctx->get_sched());

    auto * res = lctx->get_gf_res_reserve();
    res->reset();

    auto * ctx = res->get_ctx();

    auto inp = std::make_unique<llm_graph_input_rows>(this, ctx, std::move(list));

    const auto &  group = groups[it->second.group];
    const int64_t j     = inp->row(0) - first_retained_row(group, group.n_held);

    ggml_tensor * t = nullptr;
    if (!rotated && inp->row(0) < int64_t(group.n_retain)) {
        t = build_rope_by_head(ctx, res, build_k_rotated(ctx, inp.get(), il),
                retained_pos(numbers.at(il), hparams.n_head_kv(il), j, j + 1, pos_gap_end), lctx->get_cparams(), il, true);
    } else {
        t = rotated ? build_k_rotated(ctx, inp.get(), il) : build_k(ctx, inp.get(), lctx->get_cparams(), il);
    }
    ggml_set_output(t);
    ggml_build_forward_expand(res->get_gf(), t);
    res->add_input(std::move(inp));

    if (!graph_compute(lctx, res)) {
        return false;
    }
    ggml_backend_tensor_get(t, k, 0, ggml_nbytes(t));
    return true;
}
