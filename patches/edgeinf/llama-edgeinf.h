#pragma once

// EdgeInfinite (arXiv 2503.22196) on top of an ordinary KV cache: tokens that leave the cache are folded into a
// fixed-size memory per layer and KV head, and a gate mixes what the memory answers into the local attention.
//
// No function of this header lets a C++ exception out. Functions that can fail return a negative
// llama_edgeinf_status; llama_edgeinf_last_error() then says why, in one line.

#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

    enum llama_edgeinf_status {
        LLAMA_EDGEINF_OK            =  0,
        LLAMA_EDGEINF_UNSUPPORTED   = -1, // the model or the context parameters; nothing was changed
        LLAMA_EDGEINF_BAD_ARGUMENT  = -2, // nothing was changed
        LLAMA_EDGEINF_FAILED        = -3, // a computation or an allocation failed; nothing was changed
        LLAMA_EDGEINF_POISONED      = -4, // keys and positions no longer agree; clear the memory or restore a state
        LLAMA_EDGEINF_EXCEPTION     = -5, // llama.cpp threw
        LLAMA_EDGEINF_NOT_BUILT_IN  = -6, // a build without the hooks
    };

    enum llama_edgeinf_feature_map {
        LLAMA_EDGEINF_MAP_ELU      = 0, // phi(x) = elu(x) + 1,                    n_features = n_embd_head_k
        LLAMA_EDGEINF_MAP_HEDGEHOG = 1, // phi(x) = [softmax(W x), softmax(-W x)], n_features = 2 * rows of W
    };

    // false in a build without the hooks
    LLAMA_API bool llama_edgeinf_built_in(void);

    // the last failure of the calling thread, "" if none
    LLAMA_API const char * llama_edgeinf_last_error(void);

    //
    // calls of llama.cpp that may throw
    //

    // llama_decode, or LLAMA_EDGEINF_POISONED / LLAMA_EDGEINF_EXCEPTION - 100
    // (llama_decode itself uses 2, 1, 0, -1, -2, -3)
    LLAMA_API int32_t llama_edgeinf_decode(struct llama_context * ctx, struct llama_batch batch);

    // llama_tokenize, or INT32_MIN after an exception
    LLAMA_API int32_t llama_edgeinf_tokenize(
            const struct llama_vocab * vocab,
                          const char * text,
                             int32_t   text_len,
                         llama_token * tokens,
                             int32_t   n_tokens_max,
                                bool   add_special,
                                bool   parse_special);

    // llama_init_from_model, or NULL after an exception too
    LLAMA_API struct llama_context * llama_edgeinf_init_context(struct llama_model * model, struct llama_context_params params);

    // llama_state_get_size / _get_data / _set_data, or 0 after an exception too
    LLAMA_API size_t llama_edgeinf_state_size(struct llama_context * ctx);
    LLAMA_API size_t llama_edgeinf_state_get (struct llama_context * ctx,       uint8_t * dst, size_t size);
    LLAMA_API size_t llama_edgeinf_state_set (struct llama_context * ctx, const uint8_t * src, size_t size);

    //
    // models
    //

    // why neither compaction nor the memory can serve this model; NULL if they can
    LLAMA_API const char * llama_edgeinf_refusal(const struct llama_model * model);

    struct llama_edgeinf_layer_shape {
        uint32_t n_head;
        uint32_t n_head_kv; // 0: no attention in this layer
        uint32_t n_embd_head_k;
        uint32_t n_embd_head_v;
    };

    // false if the model has no such layer
    LLAMA_API bool llama_edgeinf_get_layer_shape(
            const struct llama_model * model, int32_t il, struct llama_edgeinf_layer_shape * shape);

    //
    // gate
    //

    struct llama_edgeinf_gate;

    // A gate without layers. n_features is the width F of the feature map.
    LLAMA_API struct llama_edgeinf_gate * llama_edgeinf_gate_new(
            const struct llama_model * model, enum llama_edgeinf_feature_map map, uint32_t n_features);

    LLAMA_API void llama_edgeinf_gate_free(struct llama_edgeinf_gate * gate);

    // Give layer il a memory with the gate
    //     g = sigmoid(a * ln(phi(q) z / n + 1e-6) + b * ln n + w . q + c)
    // The data is copied. ggml order, fastest dimension first:
    //   w [n_embd_head_k, n_head], a [n_head], b [n_head], c [n_head],
    //   map_q [n_embd_head_k, F/2, n_head], map_k [n_embd_head_k, F/2, n_head_kv] (NULL for ELU)
    LLAMA_API int32_t llama_edgeinf_gate_set_layer(
            struct llama_edgeinf_gate * gate,
                              int32_t   il,
                          const float * w,
                          const float * a,
                          const float * b,
                          const float * c,
                          const float * map_q,
                          const float * map_k);

    // Give layer il a score of what tokens are worth keeping, in each KV head
    //     s = weight . silu(map [k; v; ln(min(age, age_max))] + bias)
    // for keys before RoPE, and ages counted from the end of the text, where the newest token has age 1. The data is copied:
    //   map [n_embd_head_k + n_embd_head_v + 1, n_hidden, n_head_kv], bias [n_hidden, n_head_kv], weight [n_hidden, n_head_kv]
    LLAMA_API int32_t llama_edgeinf_gate_set_score(
            struct llama_edgeinf_gate * gate,
                              int32_t   il,
                             uint32_t   n_hidden,
                             uint32_t   age_max,
                          const float * map,
                          const float * bias,
                          const float * weight);

    //
    // context
    //

    enum llama_edgeinf_score {
        LLAMA_EDGEINF_SCORE_SNAPKV  = 0, // arXiv 2404.14469
        LLAMA_EDGEINF_SCORE_LEARNED = 1, // that of the gate; n_query must be 0
    };

    // tokens of the middle that stay at a compaction, others in each KV head of each layer
    struct llama_edgeinf_retain {
        enum llama_edgeinf_score score;
        uint32_t n_retain; // how many; 0: none
        // how many in each layer, so that n_retain is their mean; NULL: n_retain
        const uint32_t * n_retain_layer;
        uint32_t n_query;  // by the attention of so many newest tokens; 0: by themselves,
        uint32_t n_stride; // of which one in so many asks: 1 for all
        uint32_t n_kernel; // of max pooling along the text, odd
    };

    struct llama_edgeinf_params {
        // Size of the KV cache in tokens; 0: that of the context. The last retain.n_retain of them are for retained tokens only;
        // a layer that retains more or less than that has so many rows more or less.
        uint32_t n_cells;
        uint32_t n_front_max; // largest i0 that llama_edgeinf_compact will be called with
        uint64_t model_id;    // goes into the fingerprint of saved states

        struct llama_edgeinf_retain retain;
    };

    // Replace the (plain, empty) KV cache of the context by one that can be compacted.
    // gate == NULL: nothing is folded (StreamingLLM). The gate is copied.
    LLAMA_API int32_t llama_edgeinf_attach(
            struct llama_context * ctx, const struct llama_edgeinf_gate * gate, struct llama_edgeinf_params params);

    // Number of tokens in the cache, and the position of the next one. Retained tokens count as many as there are in the layer
    // that holds most of them.
    LLAMA_API int32_t   llama_edgeinf_n_cached(const struct llama_context * ctx);
    LLAMA_API llama_pos llama_edgeinf_next_pos(const struct llama_context * ctx);

    // how many of the cached tokens are retained ones, and how many more fit before the next compaction
    LLAMA_API int32_t llama_edgeinf_n_retained(const struct llama_context * ctx);
    // What is decoded between these two is taken out again by llama_memory_seq_rm before the second one. Then it also leaves no
    // trace in what is retained later. LLAMA_EDGEINF_OK where nothing is attached.
    LLAMA_API int32_t llama_edgeinf_begin_aside(struct llama_context * ctx);
    LLAMA_API int32_t llama_edgeinf_end_aside  (struct llama_context * ctx);

    LLAMA_API int32_t llama_edgeinf_n_free    (const struct llama_context * ctx);

    // Of the cached tokens i0 <= i < i1, counted from the oldest one in the cache, retain those with the highest scores, if
    // any are to be retained; fold the others into the memory, if there is one, and drop them from the cache. What is
    // retained lies behind the first i0 tokens then, in cells of its own, and takes part in the next choice: once there are such
    // tokens, i0 must be the same as before and i1 behind them. A layer that retains less than others has the last of the slots
    // behind i0. The distance between the tokens before and after becomes what it would be if those that left had never been
    // there. Not for use inside a decode; an abort callback is not consulted.
    LLAMA_API int32_t llama_edgeinf_compact(struct llama_context * ctx, uint32_t i0, uint32_t i1);

    // The same on a context that was not attached, by llama.cpp's own means: removal and a K-shift of the whole cache.
    // After LLAMA_EDGEINF_POISONED nothing can be read from the context any more; it does not remember that itself.
    LLAMA_API int32_t llama_edgeinf_compact_plain(struct llama_context * ctx, uint32_t i0, uint32_t i1);

    // Whether what is decoded from now on reads the memory; it does until this is called. What leaves the cache is folded either
    // way. It is no part of a saved state.
    LLAMA_API void llama_edgeinf_set_readout(struct llama_context * ctx, bool on);

    // Whether retained tokens stand right before the window from now on, or as far before it as they stood in the text, but no farther
    // than three quarters of the trained context, as they do at first. It is part of a saved state.
    LLAMA_API int32_t llama_edgeinf_set_near(struct llama_context * ctx, bool on);

    // tokens folded so far, in each head of the layer that folded most: one that retains more folds less
    LLAMA_API int64_t llama_edgeinf_n_folded(const struct llama_context * ctx);

    LLAMA_API bool llama_edgeinf_is_poisoned(const struct llama_context * ctx);

    struct llama_edgeinf_usage {
        uint64_t kv_cache_bytes;   // K and V of all cells and of retained tokens
        uint64_t memory_bytes;     // M and z, both buffers, and the gate
        uint64_t front_bytes;      // un-rotated keys of the tokens before the window
        uint64_t retain_bytes;     // stored queries, and what is chosen by them
        uint64_t compute_bytes;    // scratch buffers of the graphs
    };

    LLAMA_API bool llama_edgeinf_memory_usage(const struct llama_context * ctx, struct llama_edgeinf_usage * usage);

    //
    // for tests
    //

    // M [n_head_kv][n_embd_head_v][n_features] and z [n_head_kv][n_features] of a layer; false if it has none
    LLAMA_API bool llama_edgeinf_get_memory(struct llama_context * ctx, int32_t il, float * m, float * z);

    // the key of cached token i as it stands in the cache, F32 [n_embd_k_gqa]; rotated: with RoPE at its position; false if the
    // layer does not hold it
    LLAMA_API bool llama_edgeinf_get_key(struct llama_context * ctx, int32_t il, uint32_t i, bool rotated, float * k);

    // let the next compaction fail after tokens were folded, in the last group of layers only some (0), or the first keys moved (1)
    LLAMA_API void llama_edgeinf_inject_failure(struct llama_context * ctx, int32_t stage);

#ifdef __cplusplus
}
#endif
