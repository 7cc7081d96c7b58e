// Which models compaction and the memory can serve.

#include "edgeinf-error.h"

#include "llama-arch.h"
#include "llama-hparams.h"
#include "llama-model.h"

static const char * refusal(const llama_model & model) {
    const auto & hparams = model.hparams;

    if (llama_model_is_recurrent(&model) || llama_model_is_hybrid(&model)) {
        return "a recurrent or hybrid model keeps a state that tokens cannot be taken out of";
    }
    if (hparams.is_mla()) {
        return "multi-head latent attention (MLA) has no keys per head";
    }
    if (!hparams.causal_attn || llama_model_has_encoder(&model)) {
        return "not a causal decoder";
    }
    switch (model.arch) {
        // some of their layers skip RoPE without the hyperparameters saying so
        case LLM_ARCH_SMOLLM3:
        case LLM_ARCH_LLAMA4:
        case LLM_ARCH_EXAONE4:
        case LLM_ARCH_EXAONE_MOE:
        case LLM_ARCH_AFMOE:
        case LLM_ARCH_SMALLTHINKER:
            return "some of its layers skip RoPE";
        case LLM_ARCH_STEP35:
            return "its layers rotate different numbers of dimensions";
        case LLM_ARCH_DEEPSEEK2OCR:
            return "its keys are not rotated as its hyperparameters say";
        default:
            break;
    }
    // these have a pair of caches, in which nothing checks how keys are rotated; some skip RoPE in their global layers
    if (hparams.swa_type != LLAMA_SWA_TYPE_NONE && model.arch != LLM_ARCH_GEMMA3) {
        return "of the sliding-window models only gemma3 is known to be safe";
    }
    for (uint32_t il = 0; il < hparams.n_layer(); ++il) {
        if (!hparams.has_rope(il)) {
            return "some of its layers skip RoPE";
        }
    }
    if (hparams.rope_type != LLAMA_ROPE_TYPE_NORM && hparams.rope_type != LLAMA_ROPE_TYPE_NEOX) {
        return "its positions are not plain RoPE";
    }
    if (hparams.use_alibi) {
        return "its positions are ALiBi";
    }
    // YaRN and LongRoPE scale keys when they rotate them
    if (hparams.rope_scaling_type_train == LLAMA_ROPE_SCALING_TYPE_YARN ||
        hparams.rope_scaling_type_train == LLAMA_ROPE_SCALING_TYPE_LONGROPE || hparams.rope_attn_factor != 1.0f) {
        return "YaRN and LongRoPE scaling are not supported";
    }
    return nullptr;
}

const char * llama_edgeinf_refusal(const llama_model * model) {
    return edgeinf_guard<const char *>(
            "its hyperparameters cannot be read", [&] { return refusal(*model); });
}

bool llama_edgeinf_get_layer_shape(const llama_model * model, int32_t il, llama_edgeinf_layer_shape * shape) {
    const auto & hparams = model->hparams;

    if (il < 0 || il >= (int32_t) hparams.n_layer()) {
        return false;
    }
    *shape = {
        hparams.n_head(il),
        hparams.has_kv(il) ? hparams.n_head_kv(il) : 0,
        hparams.n_embd_head_k(il),
        hparams.n_embd_head_v(il),
    };
    return true;
}
