#pragma once

#include "llama-cparams.h"
#include "llama-model.h"

#include "ggml-cpp.h"

#include <map>
#include <stdexcept>
#include <vector>

// tensors of layers, each where its layer is computed
class edgeinf_tensors {
public:
    edgeinf_tensors(const llama_model & model, const llama_cparams & cparams, size_t n_tensors) :
        model(model), cparams(cparams), n_tensors(n_tensors) {}

    ggml_context * of_layer(int32_t il) {
        auto * buft = cparams.offload_kqv ? ggml_backend_dev_buffer_type(model.dev_layer(il)) : ggml_backend_cpu_buffer_type();
        auto & ctx  = ctxs[buft];
        if (!ctx) {
            ctx.reset(ggml_init({ n_tensors*ggml_tensor_overhead(), nullptr, true }));
        }
        if (!ctx) {
            throw std::runtime_error("out of memory");
        }
        return ctx.get();
    }

    // zeros, in buffers that are added to bufs
    void allocate(std::vector<std::pair<ggml_context_ptr, ggml_backend_buffer_ptr>> & bufs) {
        for (auto & [buft, ctx] : ctxs) {
            if (!ggml_get_first_tensor(ctx.get())) {
                continue;
            }
            ggml_backend_buffer_ptr buf { ggml_backend_alloc_ctx_tensors_from_buft(ctx.get(), buft) };
            if (!buf) {
                throw std::runtime_error("failed to allocate the memory of the edgeinf cache");
            }
            ggml_backend_buffer_clear(buf.get(), 0);
            bufs.emplace_back(std::move(ctx), std::move(buf));
        }
        ctxs.clear();
    }

private:
    const llama_model   & model;
    const llama_cparams & cparams;

    const size_t n_tensors;

    std::map<ggml_backend_buffer_type_t, ggml_context_ptr> ctxs;
};
