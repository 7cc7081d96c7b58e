// Where tokens that stay when others leave go to, and where they stand.
//
// Like the front they have un-rotated originals, from which they are turned to their positions at each compaction. While a text is read
// they are as far before the window as they stood in it, but no farther than the trained context reaches: nearer, they would be looked
// at more than by full attention. When something is asked they stand right before the window, so that they are looked at as much as what
// was read last.

#include "edgeinf-error.h"
#include "edgeinf-rows.h"

#include "llama-context.h"
#include "llama-impl.h"
#include "llama-model.h"

#include <algorithm>

std::vector<int64_t> llama_kv_cache_edgeinf::list_numbers(int32_t il, int64_t h, const row_list & list, int64_t n_old) const {
    std::vector<int64_t> res;
    res.reserve(list.pos.size());
    if (n_old > 0) {
        const auto first = numbers.at(il).begin() + h*n_old;
        res.assign(first, first + n_old);
    }
    for (size_t i = n_old; i < list.pos.size(); ++i) {
        res.push_back(list.pos[i] + n_turned);
    }
    return res;
}

void llama_kv_cache_edgeinf::list_chosen(const std::vector<choice> & choices) {
    chosen.clear();
    for (size_t i = 0; i < groups.size(); ++i) {
        const uint32_t n_keep = choices[i].n_keep;
        if (n_keep == 0) {
            continue;
        }
        for (const auto il : groups[i].layers) {
            ggml_tensor * t = retain.at(il).idx;

            std::vector<int32_t> idx(ggml_nelements(t));
            if (choices[i].is_open()) {
                ggml_backend_tensor_get(t, idx.data(), 0, ggml_nbytes(t));
            }
            auto & res = chosen[il];
            for (int64_t h = 0; h < t->ne[1]; ++h) {
                const auto all = list_numbers(il, h, choices[i].rows, groups[i].n_held);
                for (uint32_t j = 0; j < n_keep; ++j) {
                    res.push_back(all[choices[i].is_open() ? idx[h*t->ne[0] + j] : j]);
                }
            }
        }
    }
}

std::vector<int32_t> llama_kv_cache_edgeinf::retained_pos(
        const std::vector<int64_t> & numbers, int64_t n_head_kv, uint32_t j0, uint32_t j1, llama_pos end) const {
    const int64_t n = numbers.size()/n_head_kv;

    // the last quarter of the trained context is for the window and what is read behind it; the size of the cache must not matter
    const int64_t far = std::max<int64_t>(3*int64_t(hparams.n_ctx_train)/4, n_retain_max());

    std::vector<int32_t> res;
    for (uint32_t j = j0; j < j1; ++j) {
        for (int64_t h = 0; h < n_head_kv; ++h) {
            res.push_back(near ? end - n + j : std::max<int64_t>(numbers[h*n + j] - n_turned, end - far));
        }
    }
    return res;
}

ggml_tensor * llama_kv_cache_edgeinf::build_rope_by_head(
        ggml_context * ctx, llm_graph_result * res, ggml_tensor * k, std::vector<int32_t> pos, const llama_cparams & cparams,
        int32_t il, bool back) const {
    const int64_t n = pos.size();

    auto inp = std::make_unique<llm_graph_input_values<int32_t>>(ctx, GGML_TYPE_I32, std::move(pos), n, 1, 1);
    k = build_rope(ctx, ggml_reshape_3d(ctx, k, k->ne[0], 1, n), inp->t, cparams, il, back);
    res->add_input(std::move(inp));

    return k;
}

bool llama_kv_cache_edgeinf::turn_retained(
        llama_context * lctx, const std::map<int32_t, std::vector<int64_t>> & numbers, llama_pos end) {
    ggml_backend_sched_reset(lctx->get_sched());

    auto * res = lctx->get_gf_res_reserve();
    res->reset();

    auto * ctx = res->get_ctx();

    for (const auto & group : groups) {
        const auto first = numbers.find(group.layers.front());
        if (first == numbers.end()) {
            continue;
        }
        const uint32_t n = first->second.size()/hparams.n_head_kv(first->first);

        row_list list;
        for (uint32_t j = 0; j < n; ++j) {
            list.idxs.push_back(first_retained_row(group, n) + j);
            list.pos .push_back(0); // each head has its own
        }
        auto inp = std::make_unique<llm_graph_input_rows>(this, ctx, std::move(list));

        for (const auto il : group.layers) {
            auto pos = retained_pos(numbers.at(il), hparams.n_head_kv(il), 0, n, end);
            build_k_put(ctx, res, inp.get(), build_rope_by_head(
                        ctx, res, build_k_front(ctx, il, n_front, n), std::move(pos), lctx->get_cparams(), il, false), il);
        }
        res->add_input(std::move(inp));
    }
    return graph_compute(lctx, res);
}

llama_edgeinf_status llama_kv_cache_edgeinf::near_request(bool on) {
    if (poisoned) {
        edgeinf_set_error("the context is poisoned by a failed compaction");
        return LLAMA_EDGEINF_POISONED;
    }
    req = { false, 0, 0, LLAMA_EDGEINF_OK };
    if (on != near) {
        near = on;
        req.pending = req.turns = n_held() > 0;
    }
    return LLAMA_EDGEINF_OK;
}

bool llama_kv_cache_edgeinf::move_retained(llama_context * lctx, uint32_t i0, const std::vector<choice> & choices) {
    const auto & cparams = lctx->get_cparams();

    ggml_backend_sched_reset(lctx->get_sched());

    auto * res = lctx->get_gf_res_reserve();
    res->reset();

    auto * ctx = res->get_ctx();
    auto * gf  = res->get_gf();

    for (size_t i = 0; i < groups.size(); ++i) {
        const auto   & group  = groups[i];
        const auto   & list   = choices[i].rows;
        const uint32_t n_keep = choices[i].n_keep;
        const int64_t  n_old  = group.n_held; // these have originals
        const int64_t  n_all  = list.idxs.size();
        if (n_keep == 0) {
            continue;
        }
        row_list dst;
        for (uint32_t j = 0; j < n_keep; ++j) {
            dst.idxs.push_back(first_retained_row(group, n_keep) + j);
            dst.pos .push_back(0);
        }
        auto inp_all = std::make_unique<llm_graph_input_rows>(this, ctx, list);
        auto inp_new = std::make_unique<llm_graph_input_rows>(this, ctx, row_list {
                { list.idxs.begin() + n_old, list.idxs.end() }, { list.pos.begin() + n_old, list.pos.end() } });
        auto inp_dst = std::make_unique<llm_graph_input_rows>(this, ctx, std::move(dst));

        for (const auto il : group.layers) {
            const auto & r = retain.at(il);

            const int64_t d_k       = hparams.n_embd_head_k(il);
            const int64_t d_v       = hparams.n_embd_head_v(il);
            const int64_t n_head_kv = hparams.n_head_kv(il);

            ggml_tensor * front = k_front.at(il);
            ggml_tensor * idx   = ggml_view_2d(ctx, r.idx, n_keep, n_head_kv, r.idx->nb[1], 0);

            // x [d, n_head_kv, n_all] -> [d*n_head_kv, n_keep]
            auto gather = [&](ggml_tensor * x, int64_t d) {
                if (!choices[i].is_open()) {
                    return ggml_reshape_2d(ctx, x, d*n_head_kv, n_all);
                }
                x = ggml_get_rows(ctx, ggml_permute(ctx, x, 0, 2, 1, 3), idx); // [d, n_keep, n_head_kv]
                x = ggml_cont(ctx, ggml_permute(ctx, x, 0, 2, 1, 3));
                return ggml_reshape_2d(ctx, x, d*n_head_kv, n_keep);
            };

            ggml_tensor * k = build_k_candidates(ctx, inp_new.get(), cparams, il, i0, n_old);
            ggml_build_forward_expand(gf, ggml_cpy(ctx, gather(k, d_k),
                    ggml_view_2d(ctx, front, front->ne[0], n_keep, front->nb[1], i0*front->nb[1])));

            // as it is stored: a value of a quantized cache stays what it is
            ggml_tensor * v = ggml_get_rows(ctx, rows.at(il).v, inp_all->t_idxs);
            v = gather(ggml_reshape_3d(ctx, v, d_v, n_head_kv, n_all), d_v);

            ggml_build_forward_expand(gf, ggml_set_rows(ctx, rows.at(il).v, v, inp_dst->t_idxs64));
        }
        res->add_input(std::move(inp_all));
        res->add_input(std::move(inp_new));
        res->add_input(std::move(inp_dst));
    }
    return graph_compute(lctx, res);
}
