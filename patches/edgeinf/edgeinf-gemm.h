// Where matrix products with quantized weights go to the kernel in edgeinf-gemm-rows.h. Weights in Q4_K and Q6_K do not: ggml has tiles for them.

#pragma once

#include "edgeinf-gemm-rows.h"

#if defined(EDGEINF_GEMM)

// c = a times b, by all threads; m rows of a, n columns of b, k blocks in each
template <typename W>
static inline bool edgeinf_gemm_by(
        const struct ggml_compute_params * params, int64_t m, int64_t n, int64_t k, const void * a, int64_t lda, const void * b,
        int64_t ldb, void * c, int64_t ldc) {
    using namespace edgeinf_tiles;

    if (n < MIN_COLS || k > MAX_BLOCKS<W>) {
        return false;
    }
    if (params->ith == 0) {
        ggml_threadpool_chunk_set(params->threadpool, params->nth);
    }
    ggml_barrier(params->threadpool);

    // the first rows of each thread are its own, then who is free takes the next
    for (int64_t i = N_ROWS*params->ith; i < m; i = N_ROWS*ggml_threadpool_chunk_add(params->threadpool, 1)) {
        rows<W>(std::min(N_ROWS, m - i), n, k, (const typename W::weights *) a + lda*i, lda, (const typename W::activations *) b, ldb,
                (float *) c + i, ldc);
    }
    ggml_barrier(params->threadpool);

    return true;
}

#endif

// what llamafile_sgemm does, for some types of weights; false where it is left to others
static inline bool edgeinf_gemm(
        const struct ggml_compute_params * params, int64_t m, int64_t n, int64_t k, const void * a, int64_t lda, const void * b,
        int64_t ldb, void * c, int64_t ldc, int type_a, int type_b) {
#if defined(EDGEINF_GEMM)
    using namespace edgeinf_tiles;

    if (type_a == GGML_TYPE_Q4_1 && type_b == GGML_TYPE_Q8_1) {
        return edgeinf_gemm_by<q4_1>(params, m, n, k, a, lda, b, ldb, c, ldc);
    }
    if (type_a == GGML_TYPE_Q5_0 && type_b == GGML_TYPE_Q8_0) {
        return edgeinf_gemm_by<q5_0>(params, m, n, k, a, lda, b, ldb, c, ldc);
    }
    if (type_a == GGML_TYPE_Q8_0 && type_b == GGML_TYPE_Q8_0) {
        return edgeinf_gemm_by<q8_0>(params, m, n, k, a, lda, b, ldb, c, ldc);
    }
#else
    GGML_UNUSED(params); GGML_UNUSED(m); GGML_UNUSED(n); GGML_UNUSED(k); GGML_UNUSED(a); GGML_UNUSED(lda); GGML_UNUSED(b);
    GGML_UNUSED(ldb); GGML_UNUSED(c); GGML_UNUSED(ldc); GGML_UNUSED(type_a); GGML_UNUSED(type_b);
#endif
    return false;
}
