// Where tokens lie in K and V, and what a layer attends to.

#include "edgeinf-hooks.h"
#include "edgeinf-rows.h"
#include "edgeinf-inputs.h"
#include "edgeinf-tensors.h"

#include <algorithm>
#include <iterator>

void llama_kv_cache_edgeinf::add_retained_rows(uint32_t n_cells) {
    const ggml_type type_k = this->type_k();
    const ggml_type type_v = this->type_v();

    edgeinf_tensors tensors(model, cparams, 6*(layers.size() + 1));

    // What llama_kv_cache made has a single cell: it knows all about its layers, and they get other tensors here.
    for (auto & layer : layers) {
        const auto it = rows.find(layer.il);

        const int64_t n_before = it == rows.end() ? 0 : groups[it->second.group].n_retain;

        auto * ctx = tensors.of_layer(layer.il);

        auto * k = ggml_new_tensor_2d(ctx, type_k, layer.k->ne[0], n_before + n_cells);
        auto * v = ggml_new_tensor_2d(ctx, type_v, layer.v->ne[0], n_before + n_cells);
        ggml_format_name(k, "cache_k_l%u", layer.il);
        ggml_format_name(v, "cache_v_l%u", layer.il);

        auto cells_of = [&](ggml_tensor * t) {
            return ggml_view_3d(ctx, t, t->ne[0], n_cells, 1, t->nb[1], n_cells*t->nb[1], n_before*t->nb[1]);
        };
        layer.k        = cells_of(k);
        layer.v        = cells_of(v);
        layer.k_stream = { cells_of(k) };
        layer.v_stream = { cells_of(v) };

        if (it != rows.end()) {
            it->second.k = k;
            it->second.v = v;
        }
    }
    ctxs_bufs.clear();
    tensors.allocate(ctxs_bufs);

    v_cells[0].resize(n_cells);
}

llama_kv_cache_edgeinf::row_list llama_kv_cache_edgeinf::list_rows(
        const layer_group & group, uint32_t i0, uint32_t i1) const {
    const auto & cells = v_cells[0];
    const auto   base  = pos_base();

    std::vector<int32_t> found(i1 - i0, -1);

    auto add = [&](uint32_t i, int32_t row) {
        if (i >= i0 && i < i1) {
            found[i - i0] = row;
        }
    };
    for (uint32_t c = 0; c < cells.size(); ++c) {
        if (!cells.is_empty(c)) {
            add(cells.pos_get(c) - base, group.n_retain + c);
        }
    }
    for (uint32_t j = 0; j < group.n_held; ++j) {
        add(n_front + n_held() - group.n_held + j, first_retained_row(group, group.n_held) + j);
    }
    row_list res;
    res.idxs.reserve(i1 - i0);
    res.pos .reserve(i1 - i0);
    for (uint32_t i = i0; i < i1; ++i) {
        if (found[i - i0] >= 0) {
            res.idxs.push_back(found[i - i0]);
            res.pos .push_back(base + i);
        }
    }
    return res;
}

uint32_t llama_kv_cache_edgeinf::n_held() const {
    uint32_t res = 0;
    for (const auto & group : groups) {
        res = std::max(res, group.n_held);
    }
    return res;
}

uint32_t llama_kv_cache_edgeinf::n_retain_max() const {
    uint32_t res = 0;
    for (const auto & group : groups) {
        res = std::max(res, group.n_retain);
    }
    return res;
}

std::vector<int32_t> llama_kv_cache_edgeinf::layers_with_memory(const layer_group & group) const {
    std::vector<int32_t> res;
    std::copy_if(group.layers.begin(), group.layers.end(), std::back_inserter(res), [&](int32_t il) { return mem.count(il) > 0; });
    return res;
}

int64_t llama_kv_cache_edgeinf::n_folded() const {
    int64_t res = 0;
    for (const auto & group : groups) {
        res = std::max(res, group.n_fold);
    }
    return res;
}

std::vector<bool> llama_kv_cache_edgeinf::active_groups() const {
    std::vector<bool> res;
    for (const auto & group : groups) {
        const auto with = layers_with_memory(group);
        res.push_back(!with.empty() && is_active(with[0]));
    }
    return res;
}

std::vector<uint32_t> llama_kv_cache_edgeinf::n_attended() const {
    std::vector<uint32_t> res;
    for (const auto & group : groups) {
        res.push_back(reserving ? group.n_retain : group.n_held);
    }
    return res;
}

void llama_kv_cache_edgeinf::build_attended(
        ggml_context * ctx, ggml_tensor *& k, ggml_tensor *& v, ggml_tensor *& kq_mask, int il) const {
    const auto it = rows.find(il);
    if (it == rows.end()) {
        return;
    }
    const auto & group = groups[it->second.group];

    const int64_t n = inp->n_attended[it->second.group];
    if (n == 0) {
        return;
    }
    auto extend = [&](ggml_tensor * cells, ggml_tensor * all) {
        return ggml_view_4d(ctx, all, cells->ne[0], cells->ne[1], n + cells->ne[2], 1,
                cells->nb[1], cells->nb[2], all->nb[2], first_retained_row(group, n)*all->nb[1]);
    };
    k = extend(k, it->second.k);
    v = extend(v, it->second.v);

    auto & mask = inp->masks[it->second.group];
    if (!mask.all) {
        // every query sees them
        mask.retained = ggml_new_tensor_2d(ctx, kq_mask->type, n, kq_mask->ne[1]);
        ggml_set_input(mask.retained);
        mask.all = ggml_concat(ctx, mask.retained, kq_mask, 0);
    }
    kq_mask = mask.all;
}

void edgeinf_build_attended(
        const llama_kv_cache_context * mctx, ggml_context * ctx, ggml_tensor *& k, ggml_tensor *& v, ggml_tensor *& kq_mask,
        int il) {
    if (const auto * kv = edgeinf_get_kv(mctx)) {
        kv->build_attended(ctx, k, v, kq_mask, il);
    }
}
