#include "edgeinf-kv.h"

#include "edgeinf-error.h"
#include "edgeinf-tensors.h"

#include "llama-context.h"
#include "llama-impl.h"
#include "llama-model.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <stdexcept>

static uint64_t hash_add(uint64_t h, const void * data, size_t size) {
    for (size_t i = 0; i < size; ++i) {
        h = (h ^ ((const uint8_t *) data)[i])*0x100000001b3ull; // FNV-1a
    }
    return h;
}

// carries out the pending request from within llama_context::memory_update
class llama_kv_cache_edgeinf_update : public llama_memory_context_i {
public:
    llama_kv_cache_edgeinf_update(llama_kv_cache_edgeinf * kv, llama_context * lctx) : kv(kv), lctx(lctx) {}

    bool next() override { return false; }

    bool apply() override {
        kv->compact_apply(lctx);
        return kv->compact_status() == LLAMA_EDGEINF_OK;
    }

    const llama_ubatch & get_ubatch() const override { throw std::logic_error("a compaction has no ubatch"); }

    llama_memory_status get_status() const override { return LLAMA_MEMORY_STATUS_SUCCESS; }

private:
    llama_kv_cache_edgeinf * kv;
    llama_context * lctx;
};

// as llama_model::create_memory does it: layers of a draft head take no part in ordinary decoding
static llama_memory_i::layer_filter_cb layer_filter(const llama_model & model) {
    if (model.hparams.n_layer_nextn == 0) {
        return nullptr;
    }
    const int32_t n_layer = model.hparams.n_layer();
    return [n_layer](int32_t il) { return il < n_layer; };
}

llama_kv_cache_edgeinf::llama_kv_cache_edgeinf(
        const llama_model & model,
      const llama_cparams & cparams,
                ggml_type   type_k,
                ggml_type   type_v,
 const llama_edgeinf_gate * gate,
     llama_edgeinf_params   params) :
    llama_kv_cache(model, model.hparams, type_k, type_v, !cparams.flash_attn, cparams.offload_kqv, cparams.kv_unified,
            // with retained tokens it gets its tensors below
            params.retain.n_retain > 0 ? 1 : params.n_cells, cparams.n_seq_max, 1, model.hparams.n_swa, model.hparams.swa_type,
            nullptr, layer_filter(model), nullptr, nullptr),
    params(params), cparams(cparams) {

    // llama.cpp's K-shift reads a Hadamard matrix for each quantized K
    if (ggml_is_quantized(type_k) && n_rot_k == 0) {
        throw std::runtime_error("a quantized K cache needs equal head sizes and LLAMA_ATTN_ROT_DISABLE unset");
    }

    policy = edgeinf_make_policy(params.retain, hparams);
    query_slots.resize(policy ? policy->n_query() : 0, -1);

    for (const auto & layer : layers) {
        if (hparams.n_head_kv(layer.il) == 0) {
            continue; // a layer without attention
        }
        const uint32_t n_retain = policy ? policy->n_retain(layer.il) : 0;

        size_t i = 0;
        while (i < groups.size() && groups[i].n_retain != n_retain) {
            ++i;
        }
        if (i == groups.size()) {
            groups.push_back({ n_retain, 0, {}, 0, 0 });
        }
        groups[i].layers.push_back(layer.il);
        rows[layer.il] = { i, layer.k, layer.v };
    }
    if (policy) {
        add_retained_rows(params.n_cells - params.retain.n_retain);
    }

    edgeinf_tensors tensors(model, cparams, 24*(layers.size() + 1));

    std::vector<std::pair<ggml_tensor *, const std::vector<float> *>> data;

    auto add = [&](ggml_context * ctx, const std::vector<float> & v, int64_t ne0, int64_t ne1, int64_t ne2) {
        auto * t = ggml_new_tensor_3d(ctx, GGML_TYPE_F32, ne0, ne1, ne2);
        data.emplace_back(t, &v);
        gate_hash = hash_add(gate_hash, v.data(), v.size()*sizeof(float));
        return t;
    };

    for (const auto & [il, layer] : rows) {
        const uint32_t n_retain = groups[layer.group].n_retain;

        auto * ctx = tensors.of_layer(il);

        if (params.n_front_max + n_retain > 0) {
            k_front[il] = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, hparams.n_embd_k_gqa(il), params.n_front_max + n_retain);
            ggml_format_name(k_front[il], "edgeinf_k_front_l%d", il);
        }
        if (n_retain > 0) {
            const int64_t n_head_kv = hparams.n_head_kv(il);
            const bool    folds     = gate && gate->layers.count(il) > 0;

            layer_retain r = {};
            if (policy->asks()) {
                r.q = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, hparams.n_embd_head_k(il)*hparams.n_head(il),
                        policy->n_query() + (policy->n_stride() > 1)); // the last row takes what is not kept
            } else {
                const auto & src = gate->scores.at(il);

                const int64_t n_in     = hparams.n_embd_head_k(il) + hparams.n_embd_head_v(il) + 1;
                const int64_t n_hidden = src.bias.size()/n_head_kv;

                r.map    = add(ctx, src.map,    n_in,     n_hidden, n_head_kv);
                r.bias   = add(ctx, src.bias,   n_hidden, 1,        n_head_kv);
                r.weight = add(ctx, src.weight, n_hidden, 1,        n_head_kv);

                r.age_max = src.age_max;
                gate_hash = hash_add(gate_hash, &src.age_max, sizeof(src.age_max));
            }
            r.idx = ggml_new_tensor_2d(ctx, GGML_TYPE_I32, n_retain, n_head_kv);
            if (folds) {
                r.leaves = ggml_new_tensor_3d(ctx, GGML_TYPE_F32, 1, n_retain + get_size(), n_head_kv);
            }
            retain[il] = r;
        }

        if (!gate || gate->layers.count(il) == 0) {
            continue;
        }

        map        = gate->map;
        n_features = gate->n_features;

        const auto & src = gate->layers.at(il);

        const int64_t n_head    = hparams.n_head(il);
        const int64_t n_head_kv = hparams.n_head_kv(il);
        const int64_t d_k       = hparams.n_embd_head_k(il);
        const int64_t d_v       = hparams.n_embd_head_v(il);

        layer_mem l = {};
        for (int i = 0; i < 2; ++i) {
            l.m[i] = ggml_new_tensor_3d(ctx, GGML_TYPE_F32, n_features, d_v, n_head_kv);
            l.z[i] = ggml_new_tensor_3d(ctx, GGML_TYPE_F32, n_features, 1,   n_head_kv);
            ggml_format_name(l.m[i], "edgeinf_m%d_l%d", i, il);
            ggml_format_name(l.z[i], "edgeinf_z%d_l%d", i, il);
        }

        l.w = add(ctx, src.w, d_k, 1, n_head);
        l.a = add(ctx, src.a, 1,   1, n_head);
        l.b = add(ctx, src.b, 1,   1, n_head);
        l.c = add(ctx, src.c, 1,   1, n_head);
        if (map == LLAMA_EDGEINF_MAP_HEDGEHOG) {
            l.map_q = add(ctx, src.map_q, d_k, n_features/2, n_head);
            l.map_k = add(ctx, src.map_k, d_k, n_features/2, n_head_kv);
        }
        mem[il] = l;
    }

    tensors.allocate(bufs);
    for (const auto & [t, v] : data) {
        ggml_backend_tensor_set(t, v->data(), 0, ggml_nbytes(t));
    }

    // a piece of the embeddings tells one model of a shape from another
    std::vector<uint8_t> piece(std::min<size_t>(ggml_nbytes(model.tok_embd), 1 << 16));
    ggml_backend_tensor_get(model.tok_embd, piece.data(), 0, piece.size());
    model_hash = hash_add(0xcbf29ce484222325ull, piece.data(), piece.size());
}

//
// llama_memory_i
//

llama_memory_context_ptr llama_kv_cache_edgeinf::init_batch(llama_batch_allocr & balloc, uint32_t n_ubatch, bool embd_all) {
    reserving = false;
    if (poisoned) {
        return std::make_unique<llama_kv_cache_context>(LLAMA_MEMORY_STATUS_FAILED_PREPARE);
    }
    return llama_kv_cache::init_batch(balloc, n_ubatch, embd_all);
}

llama_memory_context_ptr llama_kv_cache_edgeinf::init_full() {
    reserving = true;
    return llama_kv_cache::init_full();
}

llama_memory_context_ptr llama_kv_cache_edgeinf::init_update(llama_context * lctx, bool optimize) {
    if (req.pending) {
        return std::make_unique<llama_kv_cache_edgeinf_update>(this, lctx);
    }
    return llama_kv_cache::init_update(lctx, optimize);
}

void llama_kv_cache_edgeinf::clear(bool data) {
    llama_kv_cache::clear(data);
    reset_memory();
}

void llama_kv_cache_edgeinf::reset_memory() {
    for (const auto & [il, l] : mem) {
        for (int i = 0; i < 2; ++i) {
            ggml_backend_tensor_memset(l.m[i], 0, 0, ggml_nbytes(l.m[i]));
            ggml_backend_tensor_memset(l.z[i], 0, 0, ggml_nbytes(l.z[i]));
        }
    }
    n_front  = 0;
    n_turned = 0;
    poisoned = false;

    for (auto & group : groups) {
        group.n_held = 0;
        group.n_fold = 0;
    }
    pos_gap_end   = 0;
    n_first_query = 0;
    numbers.clear();
    std::fill(query_slots.begin(), query_slots.end(), -1);
    kept_slots.clear();
    kept_queries.clear();
}

bool llama_kv_cache_edgeinf::seq_rm(llama_seq_id seq_id, llama_pos p0, llama_pos p1) {
    p0 = std::max(p0, 0);
    p1 = p1 < 0 ? std::numeric_limits<llama_pos>::max() : p1;

    if (n_held() > 0) {
        if (p0 <= pos_base() && p1 >= pos_next()) {
            clear(false);
            return true;
        }
        // what is retained has no cells that could be taken out one by one
        if (p0 < pos_gap_end && p1 > pos_base()) {
            return false;
        }
    }
    const llama_pos i0 = std::max(0, p0 - std::max(0, pos_base()));

    const bool res = llama_kv_cache::seq_rm(seq_id, p0, p1);

    n_front = std::min<uint32_t>(n_front, i0);
    // tokens that come in the place of those that were taken out may be asked
    n_first_query = std::min<int64_t>(n_first_query, pos_next() + n_turned);
    if (n_cached() == 0) {
        reset_memory();
    }
    return res;
}

std::map<ggml_backend_buffer_type_t, size_t> llama_kv_cache_edgeinf::memory_breakdown() const {
    auto res = llama_kv_cache::memory_breakdown();
    for (const auto & [_, buf] : bufs) {
        res[ggml_backend_buffer_get_type(buf.get())] += ggml_backend_buffer_get_size(buf.get());
    }
    return res;
}

//
// getters
//

uint32_t llama_kv_cache_edgeinf::n_cached() const {
    return v_cells[0].get_used() + n_held();
}

uint32_t llama_kv_cache_edgeinf::n_free() const {
    return v_cells[0].size() - v_cells[0].get_used();
}

llama_pos llama_kv_cache_edgeinf::pos_base() const {
    return n_held() > 0 ? pos_gap_end - n_held() - n_front : llama_kv_cache::seq_pos_min(0);
}

llama_pos llama_kv_cache_edgeinf::pos_next() const {
    const llama_pos next = llama_kv_cache::seq_pos_max(0) + 1;

    return n_held() > 0 ? std::max(next, pos_gap_end) : next;
}

llama_pos llama_kv_cache_edgeinf::seq_pos_min(llama_seq_id seq_id) const {
    return seq_id == 0 ? pos_base() : llama_kv_cache::seq_pos_min(seq_id);
}

llama_pos llama_kv_cache_edgeinf::seq_pos_max(llama_seq_id seq_id) const {
    return seq_id == 0 ? pos_next() - 1 : llama_kv_cache::seq_pos_max(seq_id);
}

llama_edgeinf_usage llama_kv_cache_edgeinf::usage() const {
    llama_edgeinf_usage res = {};
    res.kv_cache_bytes = total_size();
    for (const auto & [_, l] : mem) {
        for (const auto * t : { l.m[0], l.m[1], l.z[0], l.z[1], l.w, l.a, l.b, l.c, l.map_q, l.map_k }) {
            res.memory_bytes += t ? ggml_nbytes(t) : 0;
        }
    }
    for (const auto & [_, t] : k_front) {
        res.front_bytes += ggml_nbytes(t);
    }
    for (const auto & [_, r] : retain) {
        for (const auto * t : { r.q, r.idx, r.leaves, r.map, r.bias, r.weight }) {
            res.retain_bytes += t ? ggml_nbytes(t) : 0;
        }
    }
    return res;
}

bool llama_kv_cache_edgeinf::get_memory(int32_t il, float * m, float * z) const {
    const auto it = mem.find(il);
    if (it == mem.end()) {
        return false;
    }
    const auto & l = it->second;
    const int i_cur = group_of(il).i_cur;
    ggml_backend_tensor_get(l.m[i_cur], m, 0, ggml_nbytes(l.m[i_cur]));
    ggml_backend_tensor_get(l.z[i_cur], z, 0, ggml_nbytes(l.z[i_cur]));
    return true;
}

uint64_t llama_kv_cache_edgeinf::fingerprint() const {
    uint64_t h = 0xcbf29ce484222325ull;

    auto add = [&](uint64_t v) { h = hash_add(h, &v, sizeof(v)); };

    add(params.model_id);
    add(model_hash);
    add(params.n_front_max);
    add(params.retain.score);
    add(params.retain.n_retain);
    add(params.retain.n_query);
    add(params.retain.n_stride);
    add(params.retain.n_kernel);
    add(get_size());
    add(type_k());
    add(type_v());
    add(v_trans);
    add(model.arch);
    add(hparams.n_embd);
    add(gate_hash);
    add(map);
    add(n_features);
    for (const auto & layer : layers) {
        add(layer.il);
        add(hparams.n_embd_k_gqa(layer.il));
        add(hparams.n_embd_v_gqa(layer.il));
        add(mem.count(layer.il));
        add(policy ? policy->n_retain(layer.il) : 0);
    }
    return h;
}

//
// compaction
//

llama_edgeinf_status llama_kv_cache_edgeinf::compact_request(uint32_t i0, uint32_t i1) {
    if (poisoned) {
        edgeinf_set_error("the context is poisoned by a failed compaction");
        return LLAMA_EDGEINF_POISONED;
    }
    if (i0 > i1 || i1 > n_cached() || i0 > params.n_front_max) {
        edgeinf_set_error(format("cannot compact tokens %u to %u of %u with at most %u before them",
                i0, i1, n_cached(), params.n_front_max));
        return LLAMA_EDGEINF_BAD_ARGUMENT;
    }
    if (n_held() > 0 && (i0 != n_front || i1 < i0 + n_held())) {
        edgeinf_set_error(format("cannot compact tokens %u to %u: %u tokens behind the first %u are retained and have to be in between",
                i0, i1, n_held(), n_front));
        return LLAMA_EDGEINF_BAD_ARGUMENT;
    }
    if (get_has_shift()) {
        edgeinf_set_error("keys could not be rotated");
        return poison();
    }
    if ((uint32_t) (pos_next() - pos_base()) != n_cached()) {
        edgeinf_set_error("the positions in the cache have a gap");
        return LLAMA_EDGEINF_BAD_ARGUMENT;
    }
    req = { true, i0, i1, LLAMA_EDGEINF_OK };
    return LLAMA_EDGEINF_OK;
}

void llama_kv_cache_edgeinf::compact_apply(llama_context * lctx) {
    req.pending = false;

    const int32_t fail = fail_stage;
    fail_stage = -1;

    if (req.turns) {
        req.status = LLAMA_EDGEINF_POISONED;
        if (!turn_retained(lctx, numbers, pos_gap_end)) {
            poison();
            edgeinf_set_error("failed to turn keys");
            return;
        }
        req.status = LLAMA_EDGEINF_OK;
        return;
    }
    req.status = LLAMA_EDGEINF_OK;
    if (req.i1 - req.i0 == n_held()) {
        return; // all of them are retained already
    }
    std::vector<choice> choices;
    for (const auto & group : groups) {
        choice c = { list_rows(group, req.i0, req.i1), 0 };
        c.n_keep = std::min<uint32_t>(group.n_retain, c.rows.idxs.size());
        choices.push_back(std::move(c));
    }
    // a layer that retains more has less to fold, and folds for the first time later
    std::vector<bool> folds;
    for (size_t i = 0; i < groups.size(); ++i) {
        folds.push_back(choices[i].n_leave() > 0 && !layers_with_memory(groups[i]).empty());
    }
    const int64_t n_remain = n_cached() - req.i1; // behind them

    // until the fold is done a failure of any kind, also an exception, changes nothing
    req.status = LLAMA_EDGEINF_FAILED;
    if (!select(lctx, req.i0, choices)) {
        edgeinf_set_error("failed to choose the tokens that stay");
        return;
    }
    list_chosen(choices);
    const auto n_folds = std::count(folds.begin(), folds.end(), true);

    int64_t n_done = 0;
    for (size_t i = 0; i < groups.size(); ++i) {
        if (folds[i] && !fold(lctx, req.i0, groups[i], choices[i].rows, fail == 0 && ++n_done == n_folds)) {
            edgeinf_set_error("failed to fold tokens into the memory");
            return;
        }
    }
    // from here on some keys may have been turned already, some not
    req.status = LLAMA_EDGEINF_POISONED;
    if (!move(lctx, req.i0, req.i1, choices, fail == 1)) {
        poison();
        edgeinf_set_error("failed to move keys");
        return;
    }
    req.status = LLAMA_EDGEINF_OK;
    for (size_t i = 0; i < groups.size(); ++i) {
        if (folds[i]) {
            groups[i].i_cur   = 1 - groups[i].i_cur;
            groups[i].n_fold += choices[i].n_leave();
        }
    }
    // tokens that left, or that stayed in some heads, ask no more
    n_first_query = std::max(n_first_query, pos_next() + n_turned - n_remain);
}

llama_edgeinf_status llama_kv_cache_edgeinf::poison() {
    poisoned = true;
    return LLAMA_EDGEINF_POISONED;
}

bool llama_kv_cache_edgeinf::graph_compute(llama_context * lctx, llm_graph_result * res) const {
    auto * sched = lctx->get_sched();

    if (!ggml_backend_sched_alloc_graph(sched, res->get_gf())) {
        return false;
    }
    res->set_inputs(nullptr);

    const bool ok = lctx->graph_compute(res->get_gf(), true) == GGML_STATUS_SUCCESS;

    ggml_backend_sched_synchronize(sched);

    return ok;
}
