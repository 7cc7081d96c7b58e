// Tiles of the mask and of the keys for the tiled flash attention of the CPU backend.
//
// ggml turns the halves of both into floats one at a time, by a table of 256 KiB that leaves no room in the second cache, and
// spends as long on that as on the products. Here eight are converted at once. The conversion is exact, so not a bit differs.

#pragma once

#if defined(__AVX2__) && defined(__F16C__)

#include <cmath>
#include <immintrin.h>

// The first elements of dst[n] = slope*mask[n], as many as come in whole vectors; returns how many.
// Clears `all_hidden` if one of them is not -infinity.
static inline int edgeinf_attn_mask(float * dst, const ggml_fp16_t * mask, int n, float slope, bool * all_hidden) {
    const __m256 hidden = _mm256_set1_ps(-INFINITY);
    const __m256 factor = _mm256_set1_ps(slope);

    __m256 seen = _mm256_setzero_ps();
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        const __m256 x = _mm256_mul_ps(factor, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (mask + i))));
        _mm256_storeu_ps(dst + i, x);
        seen = _mm256_or_ps(seen, _mm256_cmp_ps(x, hidden, _CMP_NEQ_UQ));
    }
    if (_mm256_movemask_ps(seen) != 0) {
        *all_hidden = false;
    }
    return i;
}

static inline void edgeinf_attn_transpose_8x8(const __m256 * r, float * dst, int stride) {
    const __m256 a0 = _mm256_unpacklo_ps(r[0], r[1]), a1 = _mm256_unpackhi_ps(r[0], r[1]);
    const __m256 a2 = _mm256_unpacklo_ps(r[2], r[3]), a3 = _mm256_unpackhi_ps(r[2], r[3]);
    const __m256 a4 = _mm256_unpacklo_ps(r[4], r[5]), a5 = _mm256_unpackhi_ps(r[4], r[5]);
    const __m256 a6 = _mm256_unpacklo_ps(r[6], r[7]), a7 = _mm256_unpackhi_ps(r[6], r[7]);

    const __m256 b0 = _mm256_shuffle_ps(a0, a2, _MM_SHUFFLE(1, 0, 1, 0)), b1 = _mm256_shuffle_ps(a0, a2, _MM_SHUFFLE(3, 2, 3, 2));
    const __m256 b2 = _mm256_shuffle_ps(a1, a3, _MM_SHUFFLE(1, 0, 1, 0)), b3 = _mm256_shuffle_ps(a1, a3, _MM_SHUFFLE(3, 2, 3, 2));
    const __m256 b4 = _mm256_shuffle_ps(a4, a6, _MM_SHUFFLE(1, 0, 1, 0)), b5 = _mm256_shuffle_ps(a4, a6, _MM_SHUFFLE(3, 2, 3, 2));
    const __m256 b6 = _mm256_shuffle_ps(a5, a7, _MM_SHUFFLE(1, 0, 1, 0)), b7 = _mm256_shuffle_ps(a5, a7, _MM_SHUFFLE(3, 2, 3, 2));

    _mm256_storeu_ps(dst + 0*stride, _mm256_permute2f128_ps(b0, b4, 0x20));
    _mm256_storeu_ps(dst + 1*stride, _mm256_permute2f128_ps(b1, b5, 0x20));
    _mm256_storeu_ps(dst + 2*stride, _mm256_permute2f128_ps(b2, b6, 0x20));
    _mm256_storeu_ps(dst + 3*stride, _mm256_permute2f128_ps(b3, b7, 0x20));
    _mm256_storeu_ps(dst + 4*stride, _mm256_permute2f128_ps(b0, b4, 0x31));
    _mm256_storeu_ps(dst + 5*stride, _mm256_permute2f128_ps(b1, b5, 0x31));
    _mm256_storeu_ps(dst + 6*stride, _mm256_permute2f128_ps(b2, b6, 0x31));
    _mm256_storeu_ps(dst + 7*stride, _mm256_permute2f128_ps(b3, b7, 0x31));
}

// dst[d*stride + i] = element d of key i, for the first keys of n, as many as come in eights; returns how many.
// keys: the first of them, each `nb` bytes behind the one before; `n_dim` elements in each.
static inline int edgeinf_attn_keys(float * dst, int stride, const char * keys, size_t nb, int64_t n_dim, int n) {
    if (n_dim % 8 != 0) {
        return 0;
    }
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        for (int64_t d = 0; d < n_dim; d += 8) {
            __m256 r[8];
            for (int j = 0; j < 8; ++j) {
                r[j] = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (keys + (i + j)*nb + d*sizeof(ggml_fp16_t))));
            }
            edgeinf_attn_transpose_8x8(r, dst + d*stride + i, stride);
        }
    }
    return i;
}

#else

static inline int edgeinf_attn_mask(float *, const ggml_fp16_t *, int, float, bool *) {
    return 0;
}

static inline int edgeinf_attn_keys(float *, int, const char *, size_t, int64_t, int) {
    return 0;
}

#endif
