// Matrix product of Q4_1 weights with Q8_1 activations, in tiles of rows and columns.
//
// ggml has kernels for tiles of most formats, but takes Q4_1 one element of the result at a time (ggml_vec_dot_q4_1_q8_1), and
// spends most of its time on unpacking the same blocks again. Here each block is unpacked once for a tile. Every element is the
// sum of the same products in the same order as there, so not a bit of the result differs.

#pragma once

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include <algorithm>
#include <cstring>
#include <immintrin.h>

namespace edgeinf_q4_1 {

// 16 accumulators and what a block needs fit 32 registers; without AVX-512 there are 16
#if defined(__AVX512VL__)
static constexpr int N_ROWS = 4;
#else
static constexpr int N_ROWS = 2;
#endif
static constexpr int N_COLS = 4;

// rows that a thread takes at a time: their blocks stay in the first cache while all columns pass
static constexpr int64_t N_ROWS_CHUNK = 16;

// sums of four products of unsigned with signed bytes
static inline __m256i dot_us8(__m256i x, __m256i y) {
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
    return _mm256_dpbusd_epi32(_mm256_setzero_si256(), x, y);
#elif defined(__AVXVNNI__)
    return _mm256_dpbusd_avx_epi32(_mm256_setzero_si256(), x, y);
#else
    return _mm256_madd_epi16(_mm256_set1_epi16(1), _mm256_maddubs_epi16(x, y));
#endif
}

static inline __m256i unpack_nibbles(const uint8_t * q) {
    const __m128i packed = _mm_loadu_si128((const __m128i *) q);

    return _mm256_and_si256(_mm256_set1_epi8(0xF), _mm256_set_m128i(_mm_srli_epi16(packed, 4), packed));
}

// one float pair (scale, offset) of each of four blocks, from the two halves that each of them begins with
static inline void load_pairs(const void * b0, const void * b1, const void * b2, const void * b3, __m128 * first, __m128 * second) {
    int32_t h[4];
    memcpy(&h[0], b0, 4);
    memcpy(&h[1], b1, 4);
    memcpy(&h[2], b2, 4);
    memcpy(&h[3], b3, 4);

    const __m256 f = _mm256_cvtph_ps(_mm_setr_epi32(h[0], h[1], h[2], h[3]));

    const __m128 lo = _mm256_castps256_ps128(f);
    const __m128 hi = _mm256_extractf128_ps(f, 1);

    *first  = _mm_shuffle_ps(lo, hi, _MM_SHUFFLE(2, 0, 2, 0));
    *second = _mm_shuffle_ps(lo, hi, _MM_SHUFFLE(3, 1, 3, 1));
}

// sums of the eight lanes of each of four accumulators, added in the order of ggml's hsum_float_8
static inline __m128 hsum_4(const __m256 * acc) {
    __m128 r[4];
    for (int j = 0; j < 4; ++j) {
        r[j] = _mm_add_ps(_mm256_extractf128_ps(acc[j], 1), _mm256_castps256_ps128(acc[j]));
    }
    const __m128 r01 = _mm_add_ps(_mm_movelh_ps(r[0], r[1]), _mm_movehl_ps(r[1], r[0]));
    const __m128 r23 = _mm_add_ps(_mm_movelh_ps(r[2], r[3]), _mm_movehl_ps(r[3], r[2]));

    return _mm_add_ps(_mm_shuffle_ps(r01, r23, _MM_SHUFFLE(2, 0, 2, 0)), _mm_shuffle_ps(r01, r23, _MM_SHUFFLE(3, 1, 3, 1)));
}

// out[i][j] = row x[i] times column y[j], each of n_blocks blocks
static inline void tile(int64_t n_blocks, const block_q4_1 * const * x, const block_q8_1 * const * y, __m128 * out) {
    __m256 acc [N_ROWS][N_COLS];
    __m128 sums[N_ROWS];
    for (int i = 0; i < N_ROWS; ++i) {
        sums[i] = _mm_setzero_ps();
        for (int j = 0; j < N_COLS; ++j) {
            acc[i][j] = _mm256_setzero_ps();
        }
    }
    for (int64_t ib = 0; ib < n_blocks; ++ib) {
        __m128 d_y, s_y;
        load_pairs(y[0] + ib, y[1] + ib, y[2] + ib, y[3] + ib, &d_y, &s_y);

        const __m256 d_y2 = _mm256_set_m128(d_y, d_y);

        __m256i q_x[N_ROWS];
        __m256  d  [N_ROWS]; // products of scales, by column, twice
        for (int i = 0; i < N_ROWS; ++i) {
            const block_q4_1 * b = x[i] + ib;

            int32_t h;
            memcpy(&h, b, 4);
            const __m128 dm = _mm_cvtph_ps(_mm_cvtsi32_si128(h)); // scale, offset

            q_x[i]  = unpack_nibbles(b->qs);
            d[i]    = _mm256_mul_ps(_mm256_broadcastss_ps(dm), d_y2);
            sums[i] = _mm_fmadd_ps(_mm_broadcastss_ps(_mm_movehdup_ps(dm)), s_y, sums[i]);
        }
#define EDGEINF_COLUMN(j) { \
            const __m256i q_y = _mm256_loadu_si256((const __m256i *) y[j][ib].qs); \
            for (int i = 0; i < N_ROWS; ++i) { \
                const __m256 d_xy = _mm256_permute_ps(d[i], _MM_SHUFFLE(j, j, j, j)); \
                acc[i][j] = _mm256_fmadd_ps(d_xy, _mm256_cvtepi32_ps(dot_us8(q_x[i], q_y)), acc[i][j]); \
            } \
        }
        EDGEINF_COLUMN(0)
        EDGEINF_COLUMN(1)
        EDGEINF_COLUMN(2)
        EDGEINF_COLUMN(3)
#undef EDGEINF_COLUMN
    }
    for (int i = 0; i < N_ROWS; ++i) {
        out[i] = _mm_add_ps(hsum_4(acc[i]), sums[i]);
    }
}

// c[j*ldc + i] = row i of a times column j of b; rows i0 to i1
static inline void rows(
        int64_t i0, int64_t i1, int64_t n, int64_t k, const block_q4_1 * a, int64_t lda, const block_q8_1 * b, int64_t ldb,
        float * c, int64_t ldc) {
    for (int64_t j = 0; j < n; j += N_COLS) {
        const block_q8_1 * y[N_COLS];
        for (int jj = 0; jj < N_COLS; ++jj) {
            y[jj] = b + ldb*std::min(j + jj, n - 1); // at the border the last column, again and again
        }
        for (int64_t i = i0; i < i1; i += N_ROWS) {
            const block_q4_1 * x[N_ROWS];
            for (int ii = 0; ii < N_ROWS; ++ii) {
                x[ii] = a + lda*std::min(i + ii, i1 - 1);
            }
            __m128 out[N_ROWS];
            tile(k, x, y, out);

            float v[N_ROWS][N_COLS];
            for (int ii = 0; ii < N_ROWS; ++ii) {
                _mm_storeu_ps(v[ii], out[ii]);
            }
            const int n_i = (int) std::min<int64_t>(N_ROWS, i1 - i);
            const int n_j = (int) std::min<int64_t>(N_COLS, n  - j);
            for (int jj = 0; jj < n_j; ++jj) {
                for (int ii = 0; ii < n_i; ++ii) {
                    c[(j + jj)*ldc + i + ii] = v[ii][jj];
                }
            }
        }
    }
}

} // namespace edgeinf_q4_1

// what llamafile_sgemm does, for Q4_1 with Q8_1; m rows of a, n columns of b, k blocks in each
static inline bool edgeinf_gemm_q4_1(
        const struct ggml_compute_params * params, int64_t m, int64_t n, int64_t k, const void * a, int64_t lda, const void * b,
        int64_t ldb, void * c, int64_t ldc, int type_b) {
    if (type_b != GGML_TYPE_Q8_1) {
        return false;
    }
    if (params->ith == 0) {
        ggml_threadpool_chunk_set(params->threadpool, params->nth);
    }
    ggml_barrier(params->threadpool);

    // the first chunk of each thread is its own, then who is free takes the next
    for (int64_t chunk = params->ith; chunk*edgeinf_q4_1::N_ROWS_CHUNK < m; chunk = ggml_threadpool_chunk_add(params->threadpool, 1)) {
        const int64_t i0 = chunk*edgeinf_q4_1::N_ROWS_CHUNK;
        const int64_t i1 = std::min(i0 + edgeinf_q4_1::N_ROWS_CHUNK, m);

        edgeinf_q4_1::rows(i0, i1, n, k, (const block_q4_1 *) a, lda, (const block_q8_1 *) b, ldb, (float *) c, ldc);
    }
    ggml_barrier(params->threadpool);

    return true;
}

#else

static inline bool edgeinf_gemm_q4_1(
        const struct ggml_compute_params *, int64_t, int64_t, int64_t, const void *, int64_t, const void *, int64_t, void *,
        int64_t, int) {
    return false;
}

#endif
