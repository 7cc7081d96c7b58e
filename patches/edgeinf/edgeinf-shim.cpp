// Calls of llama.cpp that may throw, made safe for a caller that is not C++. Uses the public API only, so that it serves
// builds with and without the hooks.

#include "edgeinf-error.h"

#include <climits>

static thread_local std::string g_error;

void edgeinf_set_error(const std::string & message) {
    g_error = message;
}

const char * llama_edgeinf_last_error(void) {
    return g_error.c_str();
}

int32_t llama_edgeinf_decode(llama_context * ctx, llama_batch batch) {
    if (llama_edgeinf_is_poisoned(ctx)) {
        edgeinf_set_error("the context is poisoned by a failed compaction");
        return LLAMA_EDGEINF_POISONED - 100;
    }
    return edgeinf_guard<int32_t>(LLAMA_EDGEINF_EXCEPTION - 100, [&] { return llama_decode(ctx, batch); });
}

int32_t llama_edgeinf_tokenize(const llama_vocab * vocab, const char * text, int32_t text_len, llama_token * tokens,
        int32_t n_tokens_max, bool add_special, bool parse_special) {
    return edgeinf_guard<int32_t>(INT32_MIN, [&] {
        return llama_tokenize(vocab, text, text_len, tokens, n_tokens_max, add_special, parse_special);
    });
}

llama_context * llama_edgeinf_init_context(llama_model * model, llama_context_params params) {
    return edgeinf_guard<llama_context *>(nullptr, [&] { return llama_init_from_model(model, params); });
}

size_t llama_edgeinf_state_size(llama_context * ctx) {
    return edgeinf_guard<size_t>(0, [&] { return llama_state_get_size(ctx); });
}

size_t llama_edgeinf_state_get(llama_context * ctx, uint8_t * dst, size_t size) {
    return edgeinf_guard<size_t>(0, [&] { return llama_state_get_data(ctx, dst, size); });
}

size_t llama_edgeinf_state_set(llama_context * ctx, const uint8_t * src, size_t size) {
    return edgeinf_guard<size_t>(0, [&] { return llama_state_set_data(ctx, src, size); });
}
