#pragma once

#include "edgeinf-kv.h"

// a list of cells as graph inputs
class llm_graph_input_cells : public llm_graph_input_i {
public:
    llm_graph_input_cells(
            const llama_kv_cache_edgeinf * kv, ggml_context * ctx, std::vector<int32_t> idxs, std::vector<int32_t> pos);

    void set_input(const llama_ubatch * ubatch) override;

    int64_t n() const { return v_idxs.size(); }

    ggml_tensor * t_idxs;   // I32 [n]
    ggml_tensor * t_idxs64; // I64 [n]
    ggml_tensor * t_pos;    // I32 [n]

    // quantized caches hold K and V rotated by a Hadamard matrix R, R*R = 1; else nullptr
    ggml_tensor * k_rot;
    ggml_tensor * v_rot;

private:
    const llama_kv_cache_edgeinf * kv;

    const std::vector<int32_t> v_idxs;
    const std::vector<int32_t> v_pos;
};
