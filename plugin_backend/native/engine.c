/* The codec's inference: a whole push of an encoder's or a decoder's stream in one call.

   The order of every sum is ours. Weights are half precision, all else is float32 (the last filter: double), and each
   number that comes out is made by the same operations in the same order however many rows, hops or batches are asked
   for, and on every processor: with AVX-512, AVX2, NEON or plain C. It holds because a vector's lanes are always
   different outputs, or the same 16 partial sums; because multiplications and additions are fused only where fmaf() is
   written (build with -ffp-contract=off); and because exp and log are ours. So bits do not depend on PyTorch either.

   engine_steps.h is compiled once for each kind of processor; the table `paths` holds what came out. Nothing here
   writes to anything but what it is given: calls may run in any number of threads, each with room of its own.

   PyTorch's way of the same arithmetic is plugin_backend/models/waveform_vae/fast_inference.py, which says what is folded. */
#include <math.h>
#include <stddef.h>
#include <string.h>
#include "engine.h"

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#define X86 1
#define HAS(feature) __builtin_cpu_supports(feature)
#elif defined(__GNUC__) && defined(__aarch64__)
#include <arm_neon.h>
#endif
#if defined(_MSC_VER)
#define EXPORTED __declspec(dllexport)
#define INLINE static __forceinline
#define UNROLLED
#define APART __restrict
#else
#define EXPORTED __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 16")
#define APART restrict
#endif

#define ROWS_AT_ONCE 32 /* rows of a network that are computed together, at least one step of every batch */
#define PARTS 16        /* partial sums of a row's mean and power */

typedef struct {
    void (*encode)(const encoder *, const float *, int, int, encoder_past *, float *, float *, float *);
    void (*decode)(const decoder *, const float *, int, int, decoder_past *, float *, float *);
    void (*multiply)(const product *, const float *, ptrdiff_t, int, int, float *, ptrdiff_t);
} path;

#define JOINED_(a, b) a##_##b
#define JOINED(a, b) JOINED_(a, b)
#define STEP(name) JOINED(name, PATH)

static int padded(int outputs) { return (outputs + PANEL - 1) / PANEL * PANEL; }
static int largest(int a, int b) { return a > b ? a : b; }

/* Rounding to nearest and denormal numbers, whatever the caller's thread has set: a host may set
   both otherwise. What was set is put back after the call. */
#ifdef X86
static uint64_t rounding_set(void) {
    const unsigned before = _mm_getcsr();
    _mm_setcsr(0x1f80);
    return before;
}
static void rounding_restored(uint64_t before) { _mm_setcsr((unsigned)before); }
#elif defined(__GNUC__) && defined(__aarch64__)
static uint64_t rounding_set(void) {
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0));
    return before;
}
static void rounding_restored(uint64_t before) { __asm__ volatile("msr fpcr, %0" : : "r"(before)); }
#else
static uint64_t rounding_set(void) { return 0; }
static void rounding_restored(uint64_t before) { (void)before; }
#endif

/* How many steps of every batch are computed at once, of `stack` rows each. */
static int steps_at_once(int batch, int stack) { return largest(1, ROWS_AT_ONCE / (batch * stack)); }

/* Floats of scratch memory. The head makes one row of a batch at a time. */

static int64_t network_room(const network *n, int rows) {
    const int64_t width = padded(n->width), hidden = padded(n->block->expand.outputs);
    return rows * (3 * width + hidden + padded(n->out.outputs) + n->embed.inputs) + PANEL;
}

static int64_t levels_room(const band_levels *l, int samples) {
    const int64_t joined = samples + 2 * l->latency;
    return l->on ? 6 * joined + (joined / l->piece + 2) * 3 * BANDS + l->piece : 0;
}

static int64_t encoder_room(const encoder *e, int batch) {
    const int steps = steps_at_once(batch, 1);
    const int64_t joined = (int64_t)steps * e->hop + e->remembered;
    return network_room(&e->net, steps * batch) + joined + 4 * largest(e->spectrum.size, e->view.size) + 8 * joined +
           PANEL + 2 * (int64_t)steps * batch * e->dim;
}

static int64_t head_room(const decoder *d, int frames) {
    const int64_t long_ = d->long_.size, samples = (int64_t)frames * d->long_.hop;
    const int64_t many = samples / d->short_.hop;
    return 2 * (samples + long_) + (3 + frames) * long_ + (3 + many) * d->short_.size + 6 * long_ +
           samples / d->short_.hop * (d->short_bands.count + d->short_.size + 2) +
           (d->levels.on ? samples / d->levels.piece * 2 * BANDS : 0) + levels_room(&d->levels, (int)samples);
}

static int64_t decoder_room(const decoder *d, int batch) {
    const int steps = steps_at_once(batch, d->net.stack), rows = steps * batch * d->net.stack;
    return network_room(&d->net, rows) + head_room(d, steps * d->net.stack);
}

/* Plain C. */
#ifdef __MINGW32__ /* its fmaf() rounds twice */
/* a * b + c, rounded once. The product of two floats is exact as a double. The sum is rounded to odd, so rounding it to a
   float is the only rounding that counts (Boldo and Melquiond, Emulation of FMA and correctly rounded sums, 2008). */
static float rounded_once(float a, float b, float c) {
    const double exact = (double)a * b, added = c;
    double sum = exact + added;
    const double part = sum - exact, lost = (exact - (sum - part)) + (added - part);
    uint64_t bits;
    memcpy(&bits, &sum, 8);
    if (isfinite(sum) && lost != 0 && !(bits & 1)) {
        bits += (lost > 0) == (sum > 0) ? 1 : -1;
        memcpy(&sum, &bits, 8);
    }
    return (float)sum;
}
#define fmaf rounded_once
#endif
#define PATH plain
#define LANES 1
#include "engine_steps.h"
#undef PATH
#undef LANES
#ifdef __MINGW32__
#undef fmaf
#endif

#ifdef X86
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif
#define PATH avx2
#define LANES 8
#include "engine_steps.h"
#undef PATH
#undef LANES
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#define AVX512 1 /* Clang's names of its parts change from version to version */
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,prefer-vector-width=512")
#define PATH avx512
#define LANES 16
#include "engine_steps.h"
#undef PATH
#undef LANES
#pragma GCC pop_options
#endif
#elif defined(__GNUC__) && defined(__aarch64__)
#define PATH neon
#define LANES 4
#include "engine_steps.h"
#undef PATH
#undef LANES
#endif

#define TABLE(name) {encode_##name, decode_##name, multiply_##name}
static const path paths[] = {
    TABLE(plain),
#ifdef X86
    TABLE(avx2),
#ifdef AVX512
    TABLE(avx512),
#endif
#elif defined(__GNUC__) && defined(__aarch64__)
    TABLE(neon),
#endif
};

/* The name of path `number` if this processor has it, "" if not, 0 beyond the last. */
EXPORTED const char *pisada_path(int number) {
    switch (number) {
    case 0: return "plain";
#ifdef X86
    case 1: return HAS("avx2") && HAS("fma") && HAS("f16c") ? "avx2" : "";
#ifdef AVX512
    case 2: return HAS("avx512f") && HAS("avx512bw") && HAS("avx512dq") && HAS("avx512vl") ? "avx512" : "";
#endif
#elif defined(__GNUC__) && defined(__aarch64__)
    case 1: return "neon";
#endif
    }
    return 0;
}

/* Sizes of the tables, so that the caller can compare them. */
EXPORTED int pisada_size(int which) {
    const size_t sizes[] = {sizeof(encoder), sizeof(decoder), sizeof(encoder_past), sizeof(decoder_past)};
    return (int)sizes[which];
}

/* How many floats of scratch memory a call needs. */
EXPORTED int64_t pisada_encoder_room(const encoder *e, int batch) { return encoder_room(e, batch); }
EXPORTED int64_t pisada_decoder_room(const decoder *d, int batch) { return decoder_room(d, batch); }

/* audio [batch][hops * hop] -> means, and deviations unless 0: [batch][hops][dim]. */
EXPORTED void pisada_encode(const encoder *e, const float *audio, int batch, int hops, encoder_past *past, float *means,
                            float *deviations, float *room) {
    const uint64_t before = rounding_set();
    paths[e->path].encode(e, audio, batch, hops, past, means, deviations, room);
    rounding_restored(before);
}

/* latents [batch][hops][dim] -> audio [batch][hops * stack * long hop]. */
EXPORTED void pisada_decode(const decoder *d, const float *latents, int batch, int hops, decoder_past *past,
                            float *audio, float *room) {
    const uint64_t before = rounding_set();
    paths[d->path].decode(d, latents, batch, hops, past, audio, room);
    rounding_restored(before);
}

/* x [rows][inputs] -> y [rows][outputs padded to whole panels]. */
EXPORTED void pisada_multiply(int path, const product *p, const float *x, int rows, int gelu, float *y) {
    const uint64_t before = rounding_set();
    paths[path].multiply(p, x, p->inputs, rows, gelu, y, padded(p->outputs));
    rounding_restored(before);
}

/* Python's import hook; the module is opened with ctypes and never imported. */
EXPORTED void *PyInit__engine(void) { return 0; }
