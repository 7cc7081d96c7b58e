#pragma once

#include "edgeinf-kv.h"

// rows of K and V as graph inputs
class llm_graph_input_rows : public llm_graph_input_i {
public:
    llm_graph_input_rows(const llama_kv_cache_edgeinf * kv, ggml_context * ctx, llama_kv_cache_edgeinf::row_list rows);

    void set_input(const llama_ubatch * ubatch) override;

    int64_t n() const { return rows.idxs.size(); }

    int32_t row(size_t i) const { return rows.idxs.at(i); }

    ggml_tensor * t_idxs;   // I32 [n]
    ggml_tensor * t_idxs64; // I64 [n]
    ggml_tensor * t_pos;    // I32 [n]

    // quantized caches hold K and V rotated by a Hadamard matrix R, R*R = 1; else nullptr
    ggml_tensor * k_rot;
    ggml_tensor * v_rot;

private:
    const llama_kv_cache_edgeinf * kv;

    const llama_kv_cache_edgeinf::row_list rows;
};

// numbers for a graph that are known when it is built
template<typename T>
class llm_graph_input_values : public llm_graph_input_i {
public:
    llm_graph_input_values(ggml_context * ctx, ggml_type type, std::vector<T> v, int64_t ne0, int64_t ne1, int64_t ne2) :
        v(std::move(v)), t(ggml_new_tensor_3d(ctx, type, ne0, ne1, ne2)) {
        ggml_set_input(t);
    }

    void set_input(const llama_ubatch * /*ubatch*/) override {
        if (t->buffer) {
            ggml_backend_tensor_set(t, v.data(), 0, ggml_nbytes(t));
        }
    }

private:
    const std::vector<T> v;

public:
    ggml_tensor * const t;
};
