// The C API of llama-edgeinf.h. Nothing that throws leaves this file.

#include "edgeinf-error.h"
#include "edgeinf-kv.h"

#include "llama-context.h"
#include "llama-ext.h"
#include "llama-kv-cache-iswa.h"
#include "llama-impl.h"
#include "llama-model.h"

#include <algorithm>
#include <typeinfo>

static llama_kv_cache_edgeinf * get_kv(const llama_context * ctx) {
    return dynamic_cast<llama_kv_cache_edgeinf *>(ctx->get_memory());
}

static llama_edgeinf_status fail(llama_edgeinf_status status, const std::string & message) {
    edgeinf_set_error(message);
    return status;
}

static const char * NOT_ATTACHED = "llama_edgeinf_attach was not called on this context";

bool llama_edgeinf_built_in(void) {
    return true;
}

//
// gate
//

llama_edgeinf_gate * llama_edgeinf_gate_new(const llama_model * model, llama_edgeinf_feature_map map, uint32_t n_features) {
    return edgeinf_guard<llama_edgeinf_gate *>(nullptr, [&]() -> llama_edgeinf_gate * {
        if (n_features == 0 || n_features > 65536 || (map == LLAMA_EDGEINF_MAP_HEDGEHOG && n_features % 2 != 0)) {
            edgeinf_set_error(format("a feature map cannot be %u wide", n_features));
            return nullptr;
        }
        return new llama_edgeinf_gate { model, map, n_features, {}, {} };
    });
}

void llama_edgeinf_gate_free(llama_edgeinf_gate * gate) {
    delete gate;
}

int32_t llama_edgeinf_gate_set_layer(llama_edgeinf_gate * gate, int32_t il, const float * w, const float * a,
        const float * b, const float * c, const float * map_q, const float * map_k) {
    return edgeinf_guard<int32_t>(LLAMA_EDGEINF_EXCEPTION, [&]() -> int32_t {
        const auto & hparams = gate->model->hparams;

        if (il < 0 || il >= (int32_t) hparams.n_layer() || !hparams.has_kv(il) || hparams.n_head_kv(il) == 0) {
            return fail(LLAMA_EDGEINF_BAD_ARGUMENT, format("the model has no KV cache in layer %d", il));
        }
        const size_t n_head    = hparams.n_head(il);
        const size_t n_head_kv = hparams.n_head_kv(il);
        const size_t d_k       = hparams.n_embd_head_k(il);
        const size_t F         = gate->n_features;

        const bool learned = gate->map == LLAMA_EDGEINF_MAP_HEDGEHOG;

        if (!w || !a || !b || !c || learned != (map_q && map_k)) {
            return fail(LLAMA_EDGEINF_BAD_ARGUMENT, format("the gate of layer %d is incomplete", il));
        }
        if (!learned && F != d_k) {
            return fail(LLAMA_EDGEINF_BAD_ARGUMENT, format("layer %d: ELU gives %zu features, not %zu", il, d_k, F));
        }
        llama_edgeinf_gate::layer l;
        l.w.assign(w, w + d_k*n_head);
        l.a.assign(a, a + n_head);
        l.b.assign(b, b + n_head);
        l.c.assign(c, c + n_head);
        if (learned) {
            l.map_q.assign(map_q, map_q + d_k*F/2*n_head);
            l.map_k.assign(map_k, map_k + d_k*F/2*n_head_kv);
        }
        gate->layers[il] = std::move(l);
        return LLAMA_EDGEINF_OK;
    });
}

int32_t llama_edgeinf_gate_set_score(llama_edgeinf_gate * gate, int32_t il, uint32_t n_hidden, uint32_t age_max,
        const float * map, const float * bias, const float * weight) {
    return edgeinf_guard<int32_t>(LLAMA_EDGEINF_EXCEPTION, [&]() -> int32_t {
        const auto & hparams = gate->model->hparams;

        if (il < 0 || il >= (int32_t) hparams.n_layer() || !hparams.has_kv(il) || hparams.n_head_kv(il) == 0) {
            return fail(LLAMA_EDGEINF_BAD_ARGUMENT, format("the model has no KV cache in layer %d", il));
        }
        if (n_hidden == 0 || n_hidden > 65536 || age_max == 0 || !map || !bias || !weight) {
            return fail(LLAMA_EDGEINF_BAD_ARGUMENT, format("the score of layer %d is incomplete", il));
        }
        const size_t n_rows = size_t(n_hidden)*hparams.n_head_kv(il);
        const size_t n_in   = hparams.n_embd_head_k(il) + hparams.n_embd_head_v(il) + 1;

        llama_edgeinf_gate::score s;
        s.map   .assign(map,    map + n_in*n_rows);
        s.bias  .assign(bias,   bias + n_rows);
        s.weight.assign(weight, weight + n_rows);
        s.age_max = age_max;
        gate->scores[il] = std::move(s);
        return LLAMA_EDGEINF_OK;
    });
}

//
// context
//

static std::string attach_refusal(const llama_context * ctx, const llama_edgeinf_gate * gate, llama_edgeinf_params params) {
    const auto & model   = ctx->get_model();
    const auto & cparams = ctx->get_cparams();

    if (const char * why = llama_edgeinf_refusal(&model)) {
        return why;
    }
    const auto * mem = ctx->get_memory();
    if (!mem || typeid(*mem) != typeid(llama_kv_cache)) {
        return "the model does not use a plain KV cache (sliding-window models do not)";
    }
    const auto * kv = static_cast<const llama_kv_cache *>(mem);
    if (kv->seq_pos_max(0) >= 0) {
        return "the KV cache is not empty";
    }
    if (cparams.n_seq_max != 1) {
        return "more than one sequence";
    }
    if (cparams.yarn_ext_factor != 0.0f || cparams.yarn_attn_factor != 1.0f) {
        return "YaRN scaling is not supported";
    }
    for (uint32_t il = 0; il < model.hparams.n_layer(); ++il) {
        if (ggml_is_quantized(kv->type_k()) && model.hparams.n_embd_head_k(il) % 64 != 0) {
            return format("a quantized K cache needs a head size that is a multiple of 64, not %u; use --cache-type f16",
                    model.hparams.n_embd_head_k(il));
        }
    }
    if (params.retain.n_retain > 0 && !cparams.flash_attn) {
        return "tokens can only be retained with flash attention";
    }
    if (params.n_cells > cparams.n_ctx_seq) {
        return format("%u cells in a context of %u", params.n_cells, cparams.n_ctx_seq);
    }
    if (gate && gate->model != &model) {
        return "the gate was made for another model";
    }
    return "";
}

int32_t llama_edgeinf_attach(llama_context * ctx, const llama_edgeinf_gate * gate, llama_edgeinf_params params) {
    return edgeinf_guard<int32_t>(LLAMA_EDGEINF_EXCEPTION, [&]() -> int32_t {
        const auto why = attach_refusal(ctx, gate, params);
        if (!why.empty()) {
            return fail(LLAMA_EDGEINF_UNSUPPORTED, why);
        }
        ctx->synchronize();

        const auto * kv = static_cast<const llama_kv_cache *>(ctx->get_memory());

        const ggml_type type_k = kv->type_k();
        const ggml_type type_v = kv->type_v();

        if (params.n_cells == 0) {
            params.n_cells = kv->get_size();
        }
        // throws for what makes no sense, while the old one is still in place
        const auto policy = edgeinf_make_policy(params.retain, ctx->get_model().hparams);

        if (params.retain.n_retain >= params.n_cells) {
            return fail(LLAMA_EDGEINF_BAD_ARGUMENT,
                    format("%u retained tokens in %u cells leave no room for others", params.retain.n_retain, params.n_cells));
        }
        if (policy && !policy->asks()) {
            const auto & model = ctx->get_model();
            for (uint32_t il = 0; il < model.hparams.n_layer(); ++il) {
                if (policy->n_retain(il) > 0 && (!gate || gate->scores.count(il) == 0)) {
                    return fail(LLAMA_EDGEINF_BAD_ARGUMENT, format("the gate has no score for layer %u", il));
                }
            }
        }
        params.n_front_max = std::min(params.n_front_max, params.n_cells - params.retain.n_retain);

        // first the old one: both at once would count in the peak
        ctx->set_memory(nullptr);
        ctx->set_memory(std::make_unique<llama_kv_cache_edgeinf>(
                ctx->get_model(), ctx->get_cparams(), type_k, type_v, gate, params));
        ctx->sched_reserve();

        return LLAMA_EDGEINF_OK;
    });
}

int32_t llama_edgeinf_n_cached(const llama_context * ctx) {
    const auto * kv = get_kv(ctx);
    return kv ? (int32_t) kv->n_cached() : fail(LLAMA_EDGEINF_BAD_ARGUMENT, NOT_ATTACHED);
}

llama_pos llama_edgeinf_next_pos(const llama_context * ctx) {
    const auto * kv = get_kv(ctx);
    return kv ? kv->pos_next() : fail(LLAMA_EDGEINF_BAD_ARGUMENT, NOT_ATTACHED);
}

int32_t llama_edgeinf_n_retained(const llama_context * ctx) {
    const auto * kv = get_kv(ctx);
    return kv ? (int32_t) kv->n_held() : fail(LLAMA_EDGEINF_BAD_ARGUMENT, NOT_ATTACHED);
}

int32_t llama_edgeinf_n_free(const llama_context * ctx) {
    const auto * kv = get_kv(ctx);
    return kv ? (int32_t) kv->n_free() : fail(LLAMA_EDGEINF_BAD_ARGUMENT, NOT_ATTACHED);
}

int32_t llama_edgeinf_begin_aside(llama_context * ctx) {
    return edgeinf_guard<int32_t>(LLAMA_EDGEINF_EXCEPTION, [&]() -> int32_t {
        if (auto * kv = get_kv(ctx)) {
            ctx->synchronize();
            kv->keep_queries();
        }
        return LLAMA_EDGEINF_OK;
    });
}

int32_t llama_edgeinf_end_aside(llama_context * ctx) {
    return edgeinf_guard<int32_t>(LLAMA_EDGEINF_EXCEPTION, [&]() -> int32_t {
        if (auto * kv = get_kv(ctx)) {
            ctx->synchronize();
            kv->put_queries_back();
        }
        return LLAMA_EDGEINF_OK;
    });
}

int32_t llama_edgeinf_compact(llama_context * ctx, uint32_t i0, uint32_t i1) {
    return edgeinf_guard<int32_t>(LLAMA_EDGEINF_EXCEPTION, [&]() -> int32_t {
        auto * kv = get_kv(ctx);
        if (!kv) {
            return fail(LLAMA_EDGEINF_BAD_ARGUMENT, NOT_ATTACHED);
        }
        ctx->synchronize();
        ctx->memory_update(false); // a pending shift first: a position is then what K is rotated by

        const auto status = kv->compact_request(i0, i1);
        if (status != LLAMA_EDGEINF_OK || i0 == i1) {
            return status;
        }
        try {
            ctx->memory_update(false);
        } catch (const std::exception & err) {
            // what was moved before is moved: only a failed fold leaves everything as it was
            return fail(kv->compact_status() == LLAMA_EDGEINF_FAILED ? LLAMA_EDGEINF_FAILED : kv->poison(), err.what());
        }
        return kv->compact_status();
    });
}

// whether keys still wait to be rotated
static bool has_pending_shift(llama_memory_i * mem) {
    if (const auto * kv = dynamic_cast<const llama_kv_cache *>(mem)) {
        return kv->get_has_shift();
    }
    if (const auto * kv = dynamic_cast<const llama_kv_cache_iswa *>(mem)) {
        return kv->get_base()->get_has_shift() || kv->get_swa()->get_has_shift();
    }
    return true;
}

// position of the oldest token; of a pair of caches, the one with a sliding window gives up what no token will see any more
static llama_pos oldest_pos(llama_memory_i * mem) {
    const auto * kv = dynamic_cast<const llama_kv_cache_iswa *>(mem);
    return kv ? kv->get_base()->seq_pos_min(0) : mem->seq_pos_min(0);
}

int32_t llama_edgeinf_compact_plain(llama_context * ctx, uint32_t i0, uint32_t i1) {
    return edgeinf_guard<int32_t>(LLAMA_EDGEINF_POISONED, [&]() -> int32_t {
        auto * mem = ctx->get_memory();
        if (!mem || get_kv(ctx)) {
            return fail(LLAMA_EDGEINF_BAD_ARGUMENT, "not a plain KV cache");
        }
        const llama_pos p0 = oldest_pos(mem) + i0;
        const llama_pos p1 = oldest_pos(mem) + i1;
        if (i0 > i1 || p1 > mem->seq_pos_max(0) + 1) {
            return fail(LLAMA_EDGEINF_BAD_ARGUMENT, format("cannot drop tokens %u to %u", i0, i1));
        }
        ctx->synchronize();
        if (!mem->seq_rm(0, p0, p1)) {
            return fail(LLAMA_EDGEINF_FAILED, "llama.cpp cannot take these tokens out");
        }
        mem->seq_add(0, p1, -1, p0 - p1);
        ctx->memory_update(false);
        // left to the next decode, a failed shift would be done a second time on keys that were turned already
        return has_pending_shift(mem) ? fail(LLAMA_EDGEINF_POISONED, "keys could not be rotated") : LLAMA_EDGEINF_OK;
    });
}

void llama_edgeinf_set_readout(llama_context * ctx, bool on) {
    if (auto * kv = get_kv(ctx)) {
        kv->set_readout(on);
    }
}

int32_t llama_edgeinf_set_near(llama_context * ctx, bool on) {
    return edgeinf_guard<int32_t>(LLAMA_EDGEINF_EXCEPTION, [&]() -> int32_t {
        auto * kv = get_kv(ctx);
        if (!kv || (kv->is_near() == on && !kv->is_poisoned())) {
            return LLAMA_EDGEINF_OK;
        }
        ctx->synchronize();
        ctx->memory_update(false); // a pending shift first

        const auto status = kv->near_request(on);
        if (status != LLAMA_EDGEINF_OK) {
            return status;
        }
        try {
            // graphs that were built for other decodes are not used again after it
            ctx->memory_update(false);
        } catch (const std::exception & err) {
            return fail(kv->poison(), err.what());
        }
        return kv->compact_status();
    });
}

int64_t llama_edgeinf_n_folded(const llama_context * ctx) {
    const auto * kv = get_kv(ctx);
    return kv ? kv->n_folded() : 0;
}

bool llama_edgeinf_is_poisoned(const llama_context * ctx) {
    const auto * kv = get_kv(ctx);
    return kv && kv->is_poisoned();
}

bool llama_edgeinf_memory_usage(const llama_context * ctx, llama_edgeinf_usage * usage) {
    return edgeinf_guard(false, [&] {
        *usage = {};
        if (const auto * kv = get_kv(ctx)) {
            *usage = kv->usage();
        } else {
            for (const auto & [_, mb] : ctx->memory_breakdown()) {
                usage->kv_cache_bytes += mb.context;
            }
        }
        for (const auto & [_, mb] : ctx->memory_breakdown()) {
            usage->compute_bytes += mb.compute;
        }
        return true;
    });
}

//
// for tests
//

bool llama_edgeinf_get_memory(llama_context * ctx, int32_t il, float * m, float * z) {
    return edgeinf_guard(false, [&] {
        ctx->synchronize();
        const auto * kv = get_kv(ctx);
        return kv && kv->get_memory(il, m, z);
    });
}

bool llama_edgeinf_get_key(llama_context * ctx, int32_t il, uint32_t i, bool rotated, float * k) {
    return edgeinf_guard(false, [&] {
        ctx->synchronize();
        const auto * kv = get_kv(ctx);
        const bool ok = kv && kv->get_key(ctx, il, i, rotated, k);
        // the scheduler was used behind the back of graphs that might be used again; this makes llama_context forget them
        const auto mctx = ctx->get_memory()->init_full();
        ctx->graph_reserve(std::min(ctx->n_ctx(), ctx->n_ubatch()), 1, 1, mctx.get());
        return ok;
    });
}

void llama_edgeinf_inject_failure(llama_context * ctx, int32_t stage) {
    if (auto * kv = get_kv(ctx)) {
        kv->inject_failure(stage);
    }
}
