#pragma once

#include "edgeinf-kv.h"

// what a graph that attends gets from the memory; also decides whether it can be used again
class llm_graph_input_edgeinf : public llm_graph_input_i {
public:
    llm_graph_input_edgeinf(const llama_kv_cache_edgeinf * kv);

    void set_input(const llama_ubatch * ubatch) override;

    bool can_reuse(const llm_graph_params & params) override;

    int64_t n_stored(int64_t n_tokens) const;

    ggml_tensor * t_slots = nullptr; // I32 [n_stored], where queries are stored
    ggml_tensor * t_picks = nullptr; // I32 [n_stored], of which tokens of the ubatch; nullptr: of its last ones

    struct attention_mask {
        ggml_tensor * retained = nullptr; // F16 [n_attended, n_tokens]
        ggml_tensor * all      = nullptr; // F16 [n_attended + n_kv, n_tokens]
    };

    struct folded_number {
        ggml_tensor * inv_n = nullptr; // F32 [1]
        ggml_tensor * ln_n  = nullptr; // F32 [1]
    };

    // of each group of layers
    std::vector<folded_number>  folded;
    const std::vector<uint32_t> n_attended;
    std::vector<attention_mask> masks;

private:
    const llama_kv_cache_edgeinf * kv;
    const std::vector<bool> active;
};

// the cache that a graph reads, if it is one of ours
const llama_kv_cache_edgeinf * edgeinf_get_kv(const llama_kv_cache_context * mctx);
