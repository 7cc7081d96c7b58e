#pragma once

// Which tokens stay when others leave.

#include "llama-edgeinf.h"

#include <cstdint>
#include <memory>
#include <vector>

struct ggml_context;
struct ggml_tensor;
struct llama_hparams;

// what a score goes by
struct edgeinf_evidence {
    // Where the policy asks: how the last queries of a text see the whole cache.
    ggml_tensor * q    = nullptr; // F32 [n_embd_head_k, n_query, n_head],    with RoPE
    ggml_tensor * k    = nullptr; // F32 [n_embd_head_k, n_kv,    n_head_kv], with RoPE
    ggml_tensor * mask = nullptr; // F32 [n_kv, n_query], -inf for what a query must not see

    float scale = 0.0f; // of q k

    // Where it does not: each candidate by itself.
    ggml_tensor * x = nullptr; // F32 [n_in, n_candidates, n_head_kv]: the key without RoPE, the value, and the logarithm of the age

    ggml_tensor * map    = nullptr; // F32 [n_in, n_hidden, n_head_kv], n_in = n_embd_head_k + n_embd_head_v + 1
    ggml_tensor * bias   = nullptr; // F32 [n_hidden, 1, n_head_kv]
    ggml_tensor * weight = nullptr; // F32 [n_hidden, 1, n_head_kv]
};

class edgeinf_policy {
public:
    edgeinf_policy(const llama_edgeinf_retain & params, std::vector<uint32_t> n_retain) :
        params(params), v_retain(std::move(n_retain)) {}

    virtual ~edgeinf_policy() = default;

    // how many tokens stay in each KV head of a layer
    uint32_t n_retain(int32_t il) const { return v_retain.at(il); }

    // whether queries are asked; if not, none are kept
    bool asks() const { return params.n_query > 0; }

    // how many queries are kept for the scores
    uint32_t n_query() const { return params.n_query; }

    // of how many tokens in a row one has its query kept: that whose number is a multiple of it
    uint32_t n_stride() const { return params.n_stride; }

    // Scores F32 [i1 - i0, n_head_kv] of the cached tokens i0 <= i < i1; in each KV head those with the highest stay.
    virtual ggml_tensor * build_scores(
            ggml_context * ctx, const edgeinf_evidence & evidence, uint32_t i0, uint32_t i1) const = 0;

protected:
    const llama_edgeinf_retain params;

private:
    const std::vector<uint32_t> v_retain; // of each layer
};

// nullptr if nothing is retained; throws for parameters that make no sense
std::unique_ptr<edgeinf_policy> edgeinf_make_policy(llama_edgeinf_retain params, const llama_hparams & hparams);

// edgeinf-snapkv.cpp
std::unique_ptr<edgeinf_policy> edgeinf_make_snapkv(const llama_edgeinf_retain & params, std::vector<uint32_t> n_retain);
// edgeinf-learned.cpp
std::unique_ptr<edgeinf_policy> edgeinf_make_learned(const llama_edgeinf_retain & params, std::vector<uint32_t> n_retain);
