#pragma once

#include "edgeinf-gate.h"
#include "edgeinf-policy.h"

#include "llama-kv-cache.h"

#include "ggml-cpp.h"

#include <map>
#include <vector>

// A KV cache that can be compacted, with an optional memory for what leaves it.
//
// Positions: the tokens of a cache stand at consecutive positions base, base + 1, ... Compaction removes a range from the
// middle, or all but a few tokens of it (edgeinf-retain.cpp). Those lie in rows of their own, which llama_kv_cache does not know
// (edgeinf-rows.cpp): its cells have a gap of their positions. StreamingLLM would then turn the keys behind the gap back by its length; here the few keys before the gap (the
// front: sinks and prompt) are turned forward instead, each time from an un-rotated original. Attention sees the same
// relative positions, the keys of the window are not touched at all, and no key is worn down by repeated rounding. Only
// when positions would grow so large that their float32 angles lose precision is the whole cache turned back once.
class llama_kv_cache_edgeinf : public llama_kv_cache {
public:
    llama_kv_cache_edgeinf(
            const llama_model & model,
          const llama_cparams & cparams,
                    ggml_type   type_k,
                    ggml_type   type_v,
     const llama_edgeinf_gate * gate,
         llama_edgeinf_params   params);

    //
    // llama_memory_i
    //

    llama_memory_context_ptr init_batch(llama_batch_allocr & balloc, uint32_t n_ubatch, bool embd_all) override;
    llama_memory_context_ptr init_full() override;
    llama_memory_context_ptr init_update(llama_context * lctx, bool optimize) override;

    void clear(bool data) override;

    // false, and nothing is changed, for a part of the front or of what is retained while something is
    bool seq_rm(llama_seq_id seq_id, llama_pos p0, llama_pos p1) override;

    llama_pos seq_pos_min(llama_seq_id seq_id) const override;
    llama_pos seq_pos_max(llama_seq_id seq_id) const override;

    std::map<ggml_backend_buffer_type_t, size_t> memory_breakdown() const override;

    void state_write(llama_io_write_i & io, llama_seq_id seq_id = -1, llama_state_seq_flags flags = 0) const override;
    void state_read (llama_io_read_i  & io, llama_seq_id seq_id = -1, llama_state_seq_flags flags = 0) override;

    //
    // compaction; a request is carried out by the next llama_context::memory_update
    //

    llama_edgeinf_status compact_request(uint32_t i0, uint32_t i1);
    llama_edgeinf_status compact_status() const { return req.status; }

    void compact_apply(llama_context * lctx);

    // nobody reads from the cache until it is cleared or restored
    llama_edgeinf_status poison();

    //
    // getters
    //

    uint32_t  n_cached() const;
    llama_pos pos_base() const;
    llama_pos pos_next() const;

    int64_t n_folded()    const; // in the layer with a memory that folded most
    bool    is_poisoned() const { return poisoned; }
    bool    has_memory()  const { return !mem.empty(); }

    llama_edgeinf_usage usage() const;

    uint32_t n_held() const; // retained tokens, in the layer that has most of them
    // what is decoded in between is taken back: the queries of the tokens before are copied, and put back then
    void keep_queries();
    void put_queries_back();

    uint32_t n_free() const; // tokens that can be decoded before the next compaction

    bool get_memory(int32_t il, float * m, float * z) const;
    bool get_key   (llama_context * lctx, int32_t il, uint32_t i, bool rotated, float * k) const;

    void inject_failure(int32_t stage) { fail_stage = stage; }

    //
    // graphs (edgeinf-graph.cpp)
    //

    std::unique_ptr<llm_graph_input_i> build_inp(ggml_context * ctx) const;

    void build_attended(ggml_context * ctx, ggml_tensor *& k, ggml_tensor *& v, ggml_tensor *& kq_mask, int il) const;

    ggml_tensor * build_readout(
            ggml_context * ctx, ggml_cgraph * gf, ggml_tensor * q, ggml_tensor * k, ggml_tensor * cur, int il) const;

    // whether what is decoded reads the memory; the worst-case graph is the one that does
    bool is_active(int32_t il) const {
        return mem.count(il) > 0 && ((group_of(il).n_fold > 0 && readout) || reserving);
    }

    // the same for each group of layers: whether any of them reads one
    std::vector<bool> active_groups() const;

    void set_readout(bool on) { readout = on; }

    // whether what is retained stands right before the window, and not where it stood in the text; false at first, and what is saved
    // with a state. Keys are turned by the next llama_context::memory_update
    llama_edgeinf_status near_request(bool on);
    bool is_near() const { return near; }

    // how many retained tokens the layers of each group attend to; in the worst-case graph all that there can be
    std::vector<uint32_t> n_attended() const;

    struct row_list {
        std::vector<int32_t> idxs; // rows of K and V
        std::vector<int32_t> pos;  // their positions
    };

private:
    // layers that retain equally many tokens
    struct layer_group {
        uint32_t n_retain;
        uint32_t n_held; // at present
        std::vector<int32_t> layers;

        // of the layers that have a memory
        int     i_cur  = 0; // which of m[2], z[2] is valid
        int64_t n_fold = 0; // tokens in it, in each head
    };

    // K and V of a layer: n_retain rows, of which the last n_held are in use, and behind them the cells of llama_kv_cache, so that
    // everything a layer attends to is in one piece
    struct layer_rows {
        size_t        group;
        ggml_tensor * k; // [n_embd_k_gqa, n_retain + n_cells]
        ggml_tensor * v; // [n_embd_v_gqa, n_retain + n_cells]
    };

    // of a compaction: what may leave the layers of a group, and how many of it stay in each head
    struct choice {
        row_list rows;
        uint32_t n_keep;

        size_t n_leave() const { return rows.idxs.size() - n_keep; }
        bool   is_open() const { return n_keep > 0 && n_leave() > 0; }
    };

    struct layer_mem {
        // [0] and [1] take turns: compaction writes the other one, so that a failure changes nothing
        ggml_tensor * m[2]; // F32 [n_features, n_embd_head_v, n_head_kv]
        ggml_tensor * z[2]; // F32 [n_features, 1,             n_head_kv]

        ggml_tensor * w;     // F32 [n_embd_head_k, 1, n_head]
        ggml_tensor * a;     // F32 [1, 1, n_head]
        ggml_tensor * b;     // F32 [1, 1, n_head]
        ggml_tensor * c;     // F32 [1, 1, n_head]
        ggml_tensor * map_q; // F32 [n_embd_head_k, n_features/2, n_head],    nullptr for ELU
        ggml_tensor * map_k; // F32 [n_embd_head_k, n_features/2, n_head_kv], nullptr for ELU
    };

    struct layer_retain {
        ggml_tensor * q;      // F32 [n_embd_head_k*n_head, n_query (+ 1)], queries without RoPE of the newest tokens, in turn; or nullptr
        ggml_tensor * idx;    // I32 [n_retain, n_head_kv], of a compaction: what stays, counted from its first token
        ggml_tensor * leaves; // F32 [1, n_retain + n_cells, n_head_kv], likewise: 0 for what stays, 1 for what leaves; only with a memory

        // where nothing is asked, and q is nullptr: of the gate's score, as in edgeinf_evidence
        ggml_tensor * map;
        ggml_tensor * bias;
        ggml_tensor * weight;
        uint32_t      age_max;
    };

    struct request {
        bool     pending = false;
        uint32_t i0      = 0;
        uint32_t i1      = 0;

        llama_edgeinf_status status = LLAMA_EDGEINF_OK;

        bool turns = false; // nothing leaves, only what is retained is turned
    };

    friend class llm_graph_input_edgeinf;
    friend class llm_graph_input_rows;

    bool graph_compute(llama_context * lctx, llm_graph_result * res) const;

    // those of mem
    std::vector<int32_t> layers_with_memory(const layer_group & group) const;

    const layer_group & group_of(int32_t il) const { return groups[rows.at(il).group]; }

    // gives the layers rows for retained tokens beside n_cells cells
    void add_retained_rows(uint32_t n_cells);

    // into the other one of m[2], z[2] of the layers of a group
    bool fold (llama_context * lctx, uint32_t i0, const layer_group & group, const row_list & list, bool inject_failure);
    // F32 [n_embd_head_k, n_head_kv, n] without RoPE of the tokens behind the first i0, of which the first n_old are retained already;
    // inp lists the others
    ggml_tensor * build_k_candidates(
            ggml_context * ctx, const class llm_graph_input_rows * inp, const llama_cparams & cparams, int32_t il, uint32_t i0, int64_t n_old) const;

    // one choice for each group of layers, of the tokens behind the first i0
    bool select       (llama_context * lctx, uint32_t i0, const std::vector<choice> & choices);
    bool move_retained(llama_context * lctx, uint32_t i0, const std::vector<choice> & choices);
    bool move         (llama_context * lctx, uint32_t i0, uint32_t i1, const std::vector<choice> & choices, bool inject_failure);

    // numbers of the tokens of a list as a KV head holds them: of the n_old that it retains, and of the others
    std::vector<int64_t> list_numbers(int32_t il, int64_t h, const row_list & list, int64_t n_old) const;

    // of the tokens that select() chose to stay
    void list_chosen(const std::vector<choice> & choices);

    // positions of the retained tokens j0 <= j < j1 with these numbers, [j1 - j0][n_head_kv], before a window that begins at end
    std::vector<int32_t> retained_pos(
            const std::vector<int64_t> & numbers, int64_t n_head_kv, uint32_t j0, uint32_t j1, llama_pos end) const;

    // turns what is retained, or will be, from its originals behind the front to its positions
    bool turn_retained(llama_context * lctx, const std::map<int32_t, std::vector<int64_t>> & numbers, llama_pos end);

    // F32 [n_embd_head_k, n_head_kv, n], un-rotated originals from the i-th on
    ggml_tensor * build_k_front(ggml_context * ctx, int32_t il, int64_t i, int64_t n) const;

    // stores rotated keys in the rows of inp
    void build_k_put(ggml_context * ctx, llm_graph_result * res, const class llm_graph_input_rows * inp, ggml_tensor * k, int32_t il) const;

    // k [n_embd_head_k, n_head_kv, n], each head of each token at a position of its own -> [n_embd_head_k, 1, n_head_kv*n]
    ggml_tensor * build_rope_by_head(
            ggml_context * ctx, llm_graph_result * res, ggml_tensor * k, std::vector<int32_t> pos, const llama_cparams & cparams,
            int32_t il, bool back) const;

    // throws if k, as handed to attention, was rotated in another way than build_rope does it
    void check_rope(ggml_context * ctx, ggml_tensor * k, const llama_cparams & cparams, int32_t il) const;

    // rows of layer_retain::q for the last tokens of a batch, as many as slots holds
    void list_query_slots(const llama_ubatch & ubatch, std::vector<int32_t> & slots, std::vector<int32_t> & picks) const;

    // positions of the newest tokens whose queries ask, and their rows of layer_retain::q; false if there is none
    bool list_asking(std::vector<int32_t> & pos, std::vector<int32_t> & slots) const;

    void build_query_store(
            ggml_context * ctx, ggml_cgraph * gf, ggml_tensor * q, ggml_tensor * slots, ggml_tensor * picks, int32_t il) const;

    // features [n_features, n, n_head_kv] of the tokens from the i-th of a compaction on, zero for those that stay
    ggml_tensor * build_leaves(ggml_context * ctx, ggml_tensor * phi, int32_t il, size_t i) const;

    // F32 [n_embd_head, n_head_kv, n] of the listed rows; keys with RoPE or without
    ggml_tensor * build_k_rotated(ggml_context * ctx, const class llm_graph_input_rows * inp, int32_t il) const;
    ggml_tensor * build_k(ggml_context * ctx, const class llm_graph_input_rows * inp, const llama_cparams & cparams, int32_t il) const;
    ggml_tensor * build_v(ggml_context * ctx, const class llm_graph_input_rows * inp, int32_t il) const;

    ggml_tensor * build_rope(ggml_context * ctx, ggml_tensor * k, ggml_tensor * pos, const llama_cparams & cparams, int32_t il, bool back) const;

    // x [n_embd_head_k, n, n_head] -> [n_features, n, n_head]
    ggml_tensor * build_feature_map(ggml_context * ctx, ggml_tensor * x, ggml_tensor * map) const;

    // the cached tokens i0 <= i < i1 in order, as far as the layers of the group hold them
    row_list list_rows(const layer_group & group, uint32_t i0, uint32_t i1) const;

    // row of the first of n retained tokens
    static int32_t first_retained_row(const layer_group & group, uint32_t n) { return group.n_retain - n; }

    uint32_t n_retain_max() const;

    void reset_memory();

    uint64_t fingerprint() const;

    const llama_edgeinf_params params;
    const llama_cparams      & cparams;

    llama_edgeinf_feature_map map        = LLAMA_EDGEINF_MAP_ELU;
    uint32_t                  n_features = 0;

    std::unique_ptr<edgeinf_policy> policy; // nullptr if nothing is retained

    // layers with attention
    std::vector<layer_group>      groups;
    std::map<int32_t, layer_rows> rows;

    std::map<int32_t, layer_mem>     mem;
    std::map<int32_t, layer_retain>  retain;
    // F32 [n_embd_k_gqa, n_front_max + n_retain], keys without RoPE: n_front rows, and behind them n_held
    std::map<int32_t, ggml_tensor *> k_front;

    std::vector<std::pair<ggml_context_ptr, ggml_backend_buffer_ptr>> bufs;

    uint32_t n_front = 0; // tokens before the retained ones whose keys are in k_front

    llama_pos pos_gap_end = 0; // position behind the retained tokens; only where there are any

    // of each layer [n_head_kv][n_held]: numbers of the tokens that are retained, and during a compaction of those that will be
    std::map<int32_t, std::vector<int64_t>> numbers;
    std::map<int32_t, std::vector<int64_t>> chosen;

    // the number of a token is its position plus n_turned
    int64_t n_turned      = 0; // by how much positions were turned back
    int64_t n_first_query = 0; // number of the oldest token that may be asked

    mutable std::vector<int64_t> query_slots; // numbers of the tokens whose queries are stored

    std::vector<int64_t> kept_slots; // the same while something is asked that is taken back; empty else
    std::map<int32_t, std::vector<uint8_t>> kept_queries;

    uint64_t gate_hash  = 0;
    uint64_t model_hash = 0;

    bool poisoned  = false;
    bool reserving = true; // while worst-case graphs are built
    bool readout   = true;
    bool near      = false;

    int32_t fail_stage = -1;

    request req;

    // of the graph that is being built
    mutable class llm_graph_input_edgeinf * inp = nullptr;
};
