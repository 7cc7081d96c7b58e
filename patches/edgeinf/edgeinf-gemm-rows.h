// Matrix products of quantized weights with quantized activations, eight rows of weights at a time.
//
// ggml's kernels unpack a block of weights anew for each few columns, and end up with eight partial sums of one element in a register. Here the
// blocks of eight rows are unpacked once for all columns, and interleaved: a register holds the same four weights of each of the eight rows, so it
// gets a partial sum of eight elements, all with the same activations. Each element is the sum of the same products in the same order as in
// ggml_vec_dot_* and in tinyBLAS, so not a bit of the result differs.

#pragma once

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define EDGEINF_GEMM

#include <algorithm>
#include <cstring>
#include <immintrin.h>

namespace edgeinf_tiles {

static constexpr int64_t N_ROWS = 8;

// partial sums of an element; the k-th is that of weights 4*k to 4*k + 3 of all blocks
static constexpr int N_SUMS = 8;

// Unpacking pays from here on.
static constexpr int64_t MIN_COLS = 4;

// What eight rows of weights may take of a thread's stack.
static constexpr int64_t MAX_BYTES = 104*1024;

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
    const __m128i bytes = _mm_loadu_si128((const __m128i *) q);

    return _mm256_and_si256(_mm256_set1_epi8(0xF), _mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes));
}

// the first two 16-bit floats of something of eight bytes or more
static inline __m128 load_halves(const void * p) {
    return _mm_cvtph_ps(_mm_loadl_epi64((const __m128i *) p));
}

// columns become rows
static inline void transpose(__m256i * r) {
    __m256i a[8];
    for (int i = 0; i < 8; i += 2) {
        a[i]     = _mm256_unpacklo_epi32(r[i], r[i + 1]);
        a[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
    __m256i b[8];
    for (int i = 0; i < 8; i += 4) {
        b[i]     = _mm256_unpacklo_epi64(a[i],     a[i + 2]);
        b[i + 1] = _mm256_unpackhi_epi64(a[i],     a[i + 2]);
        b[i + 2] = _mm256_unpacklo_epi64(a[i + 1], a[i + 3]);
        b[i + 3] = _mm256_unpackhi_epi64(a[i + 1], a[i + 3]);
    }
    for (int i = 0; i < 4; ++i) {
        r[i]     = _mm256_permute2x128_si256(b[i], b[i + 4], 0x20);
        r[i + 4] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x31);
    }
}

// the whole of each element, from its partial sums, in the order of ggml's hsum_float_8
static inline __m256 sum_of_sums(const __m256 * acc) {
    const __m256 even = _mm256_add_ps(_mm256_add_ps(acc[4], acc[0]), _mm256_add_ps(acc[6], acc[2]));
    const __m256 odd  = _mm256_add_ps(_mm256_add_ps(acc[5], acc[1]), _mm256_add_ps(acc[7], acc[3]));

    return _mm256_add_ps(even, odd);
}

// 16 where a bit is set
static inline __m256i unpack_fifth_bits(const uint8_t * qh) {
    int32_t bits;
    memcpy(&bits, qh, 4);
    const __m256i byte_of = _mm256_set_epi64x(0x0303030303030303, 0x0202020202020202, 0x0101010101010101, 0);
    const __m256i bit_of  = _mm256_set1_epi64x((int64_t) 0x8040201008040201);
    const __m256i found   = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(bits), byte_of), bit_of);

    return _mm256_and_si256(_mm256_cmpeq_epi8(found, bit_of), _mm256_set1_epi8(16));
}

// w = d*q + m
struct q4_1 {
    using weights     = block_q4_1;
    using activations = block_q8_1;

    // such a block of each of eight rows
    struct alignas(32) packed {
        uint8_t q[N_SUMS][N_ROWS][4];
        float   d[N_ROWS];
        float   m[N_ROWS];
    };

    static __m256i unpack(const weights & x) { return unpack_nibbles(x.qs); }

    static void put(packed & out, int k, __m256i q) { _mm256_store_si256((__m256i *) out.q[k], q); }

    static void put_scale(packed & out, int64_t i, __m128 dm) {
        out.d[i] = _mm_cvtss_f32(dm);
        out.m[i] = _mm_cvtss_f32(_mm_movehdup_ps(dm));
    }

    static __m256i dot(const packed & x, int k, __m256i y) {
        return dot_us8(_mm256_load_si256((const __m256i *) x.q[k]), y);
    }

    // the part of a block that does not depend on q; ds are scale and sum of the activations
    static __m256 add_offsets(const packed & x, __m128 ds, __m256 sum) {
        return _mm256_fmadd_ps(_mm256_load_ps(x.m), _mm256_broadcastss_ps(_mm_movehdup_ps(ds)), sum);
    }

    static __m256 end(__m256 sum, __m256 offsets) { return _mm256_add_ps(sum, offsets); }
};

// w = d*q with a sign in q, of which the products want it in the activations
template <typename X> struct with_sign {
    using weights     = X;
    using activations = block_q8_0;

    struct alignas(32) packed {
        uint8_t magnitude[N_SUMS][N_ROWS][4];
        int8_t  q        [N_SUMS][N_ROWS][4];
        float   d[N_ROWS];
    };

    static void put(packed & out, int k, __m256i q) {
        _mm256_store_si256((__m256i *) out.magnitude[k], _mm256_abs_epi8(q));
        _mm256_store_si256((__m256i *) out.q[k], q);
    }

    static void put_scale(packed & out, int64_t i, __m128 d) { out.d[i] = _mm_cvtss_f32(d); }

    static __m256i dot(const packed & x, int k, __m256i y) {
        return dot_us8(_mm256_load_si256((const __m256i *) x.magnitude[k]),
                       _mm256_sign_epi8(y, _mm256_load_si256((const __m256i *) x.q[k])));
    }

    static __m256 add_offsets(const packed &, __m128, __m256 sum) { return sum; }

    static __m256 end(__m256 sum, __m256) { return sum; }
};

struct q5_0 : with_sign<block_q5_0> {
    static __m256i unpack(const block_q5_0 & x) {
        return _mm256_sub_epi8(_mm256_or_si256(unpack_nibbles(x.qs), unpack_fifth_bits(x.qh)), _mm256_set1_epi8(16));
    }
};

struct q8_0 : with_sign<block_q8_0> {
    static __m256i unpack(const block_q8_0 & x) { return _mm256_loadu_si256((const __m256i *) x.qs); }
};

// n_rows rows of n blocks; the last one stands for those that are missing
template <typename W>
static inline void pack(int64_t n, const typename W::weights * a, int64_t lda, int64_t n_rows, typename W::packed * out) {
    for (int64_t ib = 0; ib < n; ++ib) {
        __m256i q[N_ROWS];
        for (int64_t i = 0; i < N_ROWS; ++i) {
            const auto & x = a[lda*std::min(i, n_rows - 1) + ib];
            q[i] = W::unpack(x);
            W::put_scale(out[ib], i, load_halves(&x));
        }
        transpose(q);
        for (int k = 0; k < N_SUMS; ++k) {
            W::put(out[ib], k, q[k]);
        }
    }
}

// elements of eight rows in the column y
template <typename W>
static inline __m256 column(int64_t n, const typename W::packed * x, const typename W::activations * y) {
    __m256 acc[N_SUMS];
    for (int k = 0; k < N_SUMS; ++k) {
        acc[k] = _mm256_setzero_ps();
    }
    __m256 offsets = _mm256_setzero_ps();
    for (int64_t ib = 0; ib < n; ++ib) {
        const __m128 ds = load_halves(y + ib);
        const __m256 d  = _mm256_mul_ps(_mm256_load_ps(x[ib].d), _mm256_broadcastss_ps(ds));
        offsets = W::add_offsets(x[ib], ds, offsets);
        // written out, or the sums do not stay in registers
#define EDGEINF_SUM(k) { \
            int32_t q_y; \
            memcpy(&q_y, y[ib].qs + 4*k, 4); \
            acc[k] = _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(W::dot(x[ib], k, _mm256_set1_epi32(q_y))), acc[k]); \
        }
        EDGEINF_SUM(0)
        EDGEINF_SUM(1)
        EDGEINF_SUM(2)
        EDGEINF_SUM(3)
        EDGEINF_SUM(4)
        EDGEINF_SUM(5)
        EDGEINF_SUM(6)
        EDGEINF_SUM(7)
#undef EDGEINF_SUM
    }
    return W::end(sum_of_sums(acc), offsets);
}

// blocks in a row
template <typename W> static constexpr int64_t MAX_BLOCKS = MAX_BYTES/sizeof(typename W::packed);

// c[j*ldc + i] = row i of a times column j of b; n_rows rows of a, eight at most, n columns of b, k blocks in each
template <typename W>
static inline void rows(
        int64_t n_rows, int64_t n, int64_t k, const typename W::weights * a, int64_t lda, const typename W::activations * b,
        int64_t ldb, float * c, int64_t ldc) {
    typename W::packed x[MAX_BLOCKS<W>];
    pack<W>(k, a, lda, n_rows, x);
    for (int64_t j = 0; j < n; ++j) {
        const __m256 v = column<W>(k, x, b + ldb*j);
        if (n_rows == N_ROWS) {
            _mm256_storeu_ps(c + ldc*j, v);
        } else {
            alignas(32) float f[N_ROWS];
            _mm256_store_ps(f, v);
            memcpy(c + ldc*j, f, n_rows*sizeof(float));
        }
    }
}

} // namespace edgeinf_tiles

#endif
