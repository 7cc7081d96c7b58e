// Saved states. Our part comes first, so that a stock context refuses such a state instead of losing the memory.

#include "edgeinf-kv.h"

#include "llama-impl.h"
#include "llama-io.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

static constexpr uint32_t STATE_MAGIC   = 0x666e6965; // "einf"
static constexpr uint32_t STATE_VERSION = 7;

namespace {

struct state_header {
    uint32_t magic;
    uint32_t version;
    uint64_t fingerprint;
    uint64_t n_front;
    int64_t  n_turned;
    int64_t  n_first_query;
    int64_t  pos_gap_end;
    int64_t  near;
};

}

void llama_kv_cache_edgeinf::state_write(llama_io_write_i & io, llama_seq_id seq_id, llama_state_seq_flags flags) const {
    if (poisoned) {
        throw std::runtime_error("the context is poisoned by a failed compaction");
    }
    const state_header h = {
        STATE_MAGIC, STATE_VERSION, fingerprint(), n_front, n_turned, n_first_query, pos_gap_end, near };
    io.write(&h, sizeof(h));
    for (const auto & group : groups) {
        io.write(&group.n_held, sizeof(group.n_held));
        io.write(&group.n_fold, sizeof(group.n_fold));
    }

    llama_kv_cache::state_write(io, seq_id, flags);

    for (const auto & [il, t] : k_front) {
        if (const size_t n = n_front + groups[rows.at(il).group].n_held) {
            io.write_tensor(t, 0, n*t->nb[1]);
        }
    }
    for (const auto & [_, l] : rows) {
        const auto & group = groups[l.group];
        if (group.n_held > 0) {
            for (auto * t : { l.k, l.v }) {
                io.write_tensor(t, first_retained_row(group, group.n_held)*t->nb[1], group.n_held*t->nb[1]);
            }
        }
    }
    if (policy) {
        for (const auto & [_, v] : numbers) {
            io.write(v.data(), v.size()*sizeof(v[0]));
        }
        io.write(query_slots.data(), query_slots.size()*sizeof(query_slots[0]));
        for (const auto & [_, r] : retain) {
            if (!r.q) {
                continue;
            }
            io.write_tensor(r.q, 0, ggml_nbytes(r.q));
        }
    }
    for (const auto & [il, l] : mem) {
        const auto & group = group_of(il);
        if (group.n_fold > 0) {
            io.write_tensor(l.m[group.i_cur], 0, ggml_nbytes(l.m[group.i_cur]));
            io.write_tensor(l.z[group.i_cur], 0, ggml_nbytes(l.z[group.i_cur]));
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
    std::vector<uint32_t> held(groups.size());
    std::vector<int64_t>  folded(groups.size());
    for (size_t i = 0; i < groups.size(); ++i) {
        io.read(&held[i],   sizeof(held[i]));
        io.read(&folded[i], sizeof(folded[i]));
    }
    uint32_t n_max = 0;
    for (const auto n : held) {
        n_max = std::max(n_max, n);
    }
    bool damaged = h.n_front > params.n_front_max || h.n_turned < 0 || h.n_first_query < 0;
    for (size_t i = 0; i < held.size(); ++i) {
        damaged = damaged || held[i] != std::min(groups[i].n_retain, n_max);
        damaged = damaged || folded[i] < 0 || (folded[i] > 0 && layers_with_memory(groups[i]).empty());
    }
    if (damaged) {
        throw std::runtime_error("the state is damaged");
    }
    std::map<int32_t, std::vector<int64_t>> read;
    try {
        // empties the cache and the memory
        llama_kv_cache::state_read(io, seq_id, flags);

        for (const auto & [il, t] : k_front) {
            if (const size_t n = h.n_front + held[rows.at(il).group]) {
                io.read_tensor(t, 0, n*t->nb[1]);
            }
        }
        for (const auto & [_, l] : rows) {
            if (const uint32_t n = held[l.group]) {
                for (auto * t : { l.k, l.v }) {
                    io.read_tensor(t, first_retained_row(groups[l.group], n)*t->nb[1], n*t->nb[1]);
                }
            }
        }
        if (policy) {
            for (const auto & [il, l] : rows) {
                if (const uint32_t n = held[l.group]) {
                    auto & v = read[il];
                    v.resize(size_t(n)*hparams.n_head_kv(il));
                    io.read(v.data(), v.size()*sizeof(v[0]));
                }
            }
            io.read(query_slots.data(), query_slots.size()*sizeof(query_slots[0]));
            for (const auto & [_, r] : retain) {
                if (!r.q) {
                    continue;
                }
                io.read_tensor(r.q, 0, ggml_nbytes(r.q));
            }
        }
        for (const auto & [il, l] : mem) {
            const size_t i = rows.at(il).group;
            if (folded[i] > 0) {
                const int i_cur = groups[i].i_cur;
                io.read_tensor(l.m[i_cur], 0, ggml_nbytes(l.m[i_cur]));
                io.read_tensor(l.z[i_cur], 0, ggml_nbytes(l.z[i_cur]));
            }
        }
    } catch (...) {
        clear(true);
        throw;
    }
    n_front     = h.n_front;
    pos_gap_end = h.pos_gap_end;
    numbers     = std::move(read);
    near        = h.near != 0;
    for (size_t i = 0; i < held.size(); ++i) {
        groups[i].n_held = held[i];
        groups[i].n_fold = folded[i];
    }
    if (h.n_turned > (int64_t(1) << 60) || h.n_first_query > pos_next() + h.n_turned ||
        (n_max > 0 && (h.pos_gap_end > INT32_MAX || pos_base() < 0 || (uint32_t) (pos_next() - pos_base()) != n_cached()))) {
        clear(true);
        throw std::runtime_error("the state is damaged");
    }
    for (const auto & [_, v] : numbers) {
        if (std::any_of(v.begin(), v.end(), [&](int64_t x) { return x < 0 || x >= pos_gap_end + h.n_turned; })) {
            clear(true);
            throw std::runtime_error("the state is damaged");
        }
    }
    n_turned = h.n_turned;
    poisoned = false;

    n_first_query = h.n_first_query;
}
