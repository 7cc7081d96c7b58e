#pragma once

#include "llama-edgeinf.h"

#include <cstdint>
#include <map>
#include <vector>

// what the C API collects; llama_kv_cache_edgeinf makes tensors of it
struct llama_edgeinf_gate {
    struct layer {
        std::vector<float> w;     // [n_head][n_embd_head_k]
        std::vector<float> a;     // [n_head]
        std::vector<float> b;     // [n_head]
        std::vector<float> c;     // [n_head]
        std::vector<float> map_q; // [n_head][n_features/2][n_embd_head_k], empty for ELU
        std::vector<float> map_k; // [n_head_kv][n_features/2][n_embd_head_k], empty for ELU
    };

    const llama_model * model;

    llama_edgeinf_feature_map map;

    uint32_t n_features;

    // layers that are not in here have no memory
    std::map<int32_t, layer> layers;

    // what tokens are worth keeping
    struct score {
        std::vector<float> map;    // [n_head_kv][n_hidden][n_embd_head_k + n_embd_head_v + 1]
        std::vector<float> bias;   // [n_head_kv][n_hidden]
        std::vector<float> weight; // [n_head_kv][n_hidden]
        uint32_t           age_max;
    };

    std::map<int32_t, score> scores;
};
