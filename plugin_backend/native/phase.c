/* Phase of a spectrogram: the loops of plugin_backend/dsp/spectrogram.py that are slow in Python.

   Each number is made by the same operations in the same order as there (build with -ffp-contract=off), so that both
   ways return the same bits. Nothing here writes to anything but what it is given. */
#include <math.h>
#include <stdint.h>

#if defined(_MSC_VER)
#define EXPORTED __declspec(dllexport)
#define APART __restrict
#else
#define EXPORTED __attribute__((visibility("default")))
#define APART restrict
#endif

enum { NOBODY = -1, NOT_REACHED = -2 };

/* Bins that wait, the loudest first, and of equal levels the last that came. A list for each level. */
typedef struct {
    int32_t *head, *next;
    int top;
} queue;

static void wait_for_turn(queue *q, int bin, int level) {
    q->next[bin] = q->head[level];
    q->head[level] = bin;
    if (level > q->top) q->top = level;
}

static int next_bin(queue *q) {
    while (q->top >= 0 && q->head[q->top] == NOBODY) q->top--;
    if (q->top < 0) return NOBODY;
    const int bin = q->head[q->top];
    q->head[q->top] = q->next[bin];
    return bin;
}

static double in_one_turn(double turns) { return turns - floor(turns); }

/* Integrate the gradient of the phase over `frames` x `bins`, from the loudest bins to their neighbours.

   level       0 .. levels - 1, or below 0 for bins whose phase stays as it is
   over_time   turns a frame, besides those of the bin's own frequency, which `advance` holds for each bin
   over_bins   turns a bin
   room        2 * frames * bins + levels + 1 integers
   turns       the phase, 0 .. 1 */
EXPORTED void pisada_integrate_phase(const int32_t *level, const float *over_time, const float *over_bins,
                                     const double *advance, int frames, int bins, int levels, int32_t *room,
                                     double *turns) {
    const int all = frames * bins;
    int32_t *order = room + all, *count = order + all;
    queue q = {count, room, NOBODY};
    for (int i = 0; i <= levels; i++) count[i] = 0;
    for (int i = 0; i < all; i++) {
        room[i] = NOT_REACHED;
        if (level[i] >= 0) count[levels - level[i]]++;
    }
    for (int i = 1; i <= levels; i++) count[i] += count[i - 1];
    const int used = count[levels];
    for (int i = all - 1; i >= 0; i--)
        if (level[i] >= 0) order[--count[levels - level[i]]] = i;
    for (int i = 0; i < levels; i++) q.head[i] = NOBODY;
    for (int seed = 0; seed < used; seed++) {
        if (room[order[seed]] != NOT_REACHED) continue;
        turns[order[seed]] = 0;
        wait_for_turn(&q, order[seed], level[order[seed]]);
        for (int from; (from = next_bin(&q)) != NOBODY;) {
            const int frame = from / bins, bin = from % bins;
            for (int side = 0; side < 4; side++) {
                const int sign = side & 1 ? 1 : -1, in_time = side < 2;
                const int to = from + (in_time ? sign * bins : sign);
                if (in_time ? frame + sign < 0 || frame + sign >= frames : bin + sign < 0 || bin + sign >= bins)
                    continue;
                if (room[to] != NOT_REACHED || level[to] < 0) continue;
                const float *slope = in_time ? over_time : over_bins;
                const double step = ((double)slope[from] + (double)slope[to]) / 2 + (in_time ? advance[bin] : 0);
                turns[to] = in_one_turn(turns[from] + sign * step);
                wait_for_turn(&q, to, level[to]);
            }
        }
    }
}

/* One step of fast Griffin-Lim: go `momentum` times the last change further, and set the magnitudes.
   Complex numbers lie as pairs of floats. `before` becomes `now`. */
EXPORTED void pisada_set_magnitudes(const float *APART now, float *APART before, const float *APART magnitudes,
                                    float momentum, int count, float *APART out) {
    for (int i = 0; i < count; i++) {
        const float re = now[2 * i] + momentum * (now[2 * i] - before[2 * i]);
        const float im = now[2 * i + 1] + momentum * (now[2 * i + 1] - before[2 * i + 1]);
        const float length = sqrtf(re * re + im * im);
        const float scale = magnitudes[i] / (length > 0 ? length : 1);
        before[2 * i] = now[2 * i];
        before[2 * i + 1] = now[2 * i + 1];
        out[2 * i] = length > 0 ? re * scale : magnitudes[i];
        out[2 * i + 1] = length > 0 ? im * scale : 0;
    }
}

/* Python's import hook; the module is opened with ctypes and never imported. */
EXPORTED void *PyInit__phase(void) { return 0; }
