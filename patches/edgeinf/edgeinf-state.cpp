// Saved states. Our part comes first, so that a stock context refuses such a state instead of losing the memory.

#include "edgeinf-kv.h"

#include "llama-impl.h"
#include "llama-io.h"

#include <stdexcept>

static constexpr uint32_t STATE_MAGIC   = 0x666e6965; // "einf"
static constexpr uint32_t STATE_VERSION = 1;

namespace {

struct state_header {
    uint32_t magic;
    uint32_t version;
    uint64_t fingerprint;
    int64_t  n_fold;
    uint64_t n_front;
};

}

void llama_kv_cache_edgeinf::state_write(llama_io_write_i & io, llama_seq_id seq_id, llama_state_seq_flags flags) const {
    if (poisoned) {
        throw std::runtime_error("the context is poisoned by a failed compaction");
    }
    const state_header h = { STATE_MAGIC, STATE_VERSION, fingerprint(), n_fold, n_front };
    io.write(&h, sizeof(h));

    llama_kv_cache::state_write(io, seq_id, flags);

    if (n_front > 0) {
        for (const auto & [_, t] : k_front) {
            io.write_tensor(t, 0, n_front*t->nb[1]);
        }
    }
    if (n_fold > 0) {
        for (const auto & [_, l] : mem) {
            io.write_tensor(l.m[i_cur], 0, ggml_nbytes(l.m[i_cur]));
            io.write_tensor(l.z[i_cur], 0, ggml_nbytes(l.z[i_cur]));
        }
    }
}

void llama_kv_cache_edgeinf::state_read(llama_io_read_i & io, llama_seq_id seq_id, llama_state_seq_flags flags) {
    state_header h = {};
    io.read(&h, sizeof(h));

    if (h.magic != STATE_MAGIC || h.version != STATE_VERSION) {
        throw std::runtime_error("the state is not one of an edgeinf context");
    }
    if (h.fingerprint != fingerprint()) {
        throw std::runtime_error("the state belongs to another model, gate, cache type or size");
    }
    if (h.n_fold < 0 || h.n_front > params.n_front_max) {
        throw std::runtime_error("the state is damaged");
    }
    try {
        // empties the cache and the memory
        llama_kv_cache::state_read(io, seq_id, flags);

        if (h.n_front > 0) {
            for (const auto & [_, t] : k_front) {
                io.read_tensor(t, 0, h.n_front*t->nb[1]);
            }
        }
        if (h.n_fold > 0) {
            for (const auto & [_, l] : mem) {
                io.read_tensor(l.m[i_cur], 0, ggml_nbytes(l.m[i_cur]));
                io.read_tensor(l.z[i_cur], 0, ggml_nbytes(l.z[i_cur]));
            }
        }
    } catch (...) {
        clear(true);
        throw;
    }
    n_fold   = h.n_fold;
    n_front  = h.n_front;
    poisoned = false;
}
