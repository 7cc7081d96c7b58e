#pragma once

// What the hook patches call from llama-graph.cpp. The memory context may belong to any kind of cache.

#include <memory>

struct ggml_cgraph;
struct ggml_context;
struct ggml_tensor;

class llama_kv_cache_context;
class llm_graph_input_i;

// graph inputs of the memory; nullptr if this cache has none
std::unique_ptr<llm_graph_input_i> edgeinf_build_inp(const llama_kv_cache_context * mctx, ggml_context * ctx);

// Let layer il attend to retained tokens as well, which lie in front of what k and v show. kq_mask becomes that of both.
void edgeinf_build_attended(
        const llama_kv_cache_context * mctx, ggml_context * ctx, ggml_tensor *& k, ggml_tensor *& v, ggml_tensor *& kq_mask,
        int il);

// Mix what the memory of layer il answers to q into the attention output cur [n_embd_head_v*n_head, n_tokens].
// q, k: as handed to build_attn, with RoPE. Returns cur itself if there is nothing to mix in.
ggml_tensor * edgeinf_build_readout(
        const llama_kv_cache_context * mctx, ggml_context * ctx, ggml_cgraph * gf, ggml_tensor * q, ggml_tensor * k,
        ggml_tensor * cur, int il);
