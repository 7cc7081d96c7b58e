// The API in a build without the hooks: every call answers that it is not built in.

#include "edgeinf-error.h"

static int32_t not_built_in() {
    edgeinf_set_error("not built in: this is a stock build of llama.cpp (EDGEINF_STOCK=1)");
    return LLAMA_EDGEINF_NOT_BUILT_IN;
}

bool llama_edgeinf_built_in(void) {
    return false;
}

const char * llama_edgeinf_refusal(const llama_model *) {
    return "not built in: this is a stock build of llama.cpp (EDGEINF_STOCK=1)";
}

bool llama_edgeinf_get_layer_shape(const llama_model *, int32_t, llama_edgeinf_layer_shape *) {
    not_built_in();
    return false;
}

llama_edgeinf_gate * llama_edgeinf_gate_new(const llama_model *, llama_edgeinf_feature_map, uint32_t) {
    not_built_in();
    return nullptr;
}

void llama_edgeinf_gate_free(llama_edgeinf_gate *) {}

int32_t llama_edgeinf_gate_set_layer(llama_edgeinf_gate *, int32_t, const float *, const float *, const float *,
        const float *, const float *, const float *) {
    return not_built_in();
}

int32_t llama_edgeinf_gate_set_score(llama_edgeinf_gate *, int32_t, uint32_t, uint32_t, const float *, const float *,
        const float *) {
    return not_built_in();
}

int32_t llama_edgeinf_attach(llama_context *, const llama_edgeinf_gate *, llama_edgeinf_params) {
    return not_built_in();
}

int32_t llama_edgeinf_n_cached(const llama_context *) {
    return not_built_in();
}

llama_pos llama_edgeinf_next_pos(const llama_context *) {
    return not_built_in();
}

int32_t llama_edgeinf_n_retained(const llama_context *) {
    return not_built_in();
}

int32_t llama_edgeinf_n_free(const llama_context *) {
    return not_built_in();
}

int32_t llama_edgeinf_begin_aside(llama_context *) {
    return LLAMA_EDGEINF_OK;
}

int32_t llama_edgeinf_end_aside(llama_context *) {
    return LLAMA_EDGEINF_OK;
}

int32_t llama_edgeinf_compact(llama_context *, uint32_t, uint32_t) {
    return not_built_in();
}

int32_t llama_edgeinf_compact_plain(llama_context *, uint32_t, uint32_t) {
    return not_built_in();
}

void llama_edgeinf_set_readout(llama_context *, bool) {}

int32_t llama_edgeinf_set_near(llama_context *, bool) { return LLAMA_EDGEINF_OK; }

int64_t llama_edgeinf_n_folded(const llama_context *) {
    return 0;
}

bool llama_edgeinf_is_poisoned(const llama_context *) {
    return false;
}

bool llama_edgeinf_memory_usage(const llama_context *, llama_edgeinf_usage *) {
    not_built_in();
    return false;
}

bool llama_edgeinf_get_memory(llama_context *, int32_t, float *, float *) {
    not_built_in();
    return false;
}

bool llama_edgeinf_get_key(llama_context *, int32_t, uint32_t, bool, float *) {
    not_built_in();
    return false;
}

void llama_edgeinf_inject_failure(llama_context *, int32_t) {}
