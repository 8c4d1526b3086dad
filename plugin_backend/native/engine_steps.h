/* The engine's arithmetic for one kind of processor: PATH is its name, LANES how many floats a vector of it holds.
   engine.c includes this once for each; see there for what keeps the bits alike. */

/* Vectors. */
#if LANES == 16
typedef __m512 STEP(vector);
#define V_LOAD(p) _mm512_loadu_ps(p)
#define V_STORE(p, v) _mm512_storeu_ps(p, v)
#define V_SET(x) _mm512_set1_ps(x)
#define V_FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define V_HALF(p) _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(p)))
#elif LANES == 8
typedef __m256 STEP(vector);
#define V_LOAD(p) _mm256_loadu_ps(p)
#define V_STORE(p, v) _mm256_storeu_ps(p, v)
#define V_SET(x) _mm256_set1_ps(x)
#define V_FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define V_HALF(p) _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p)))
#elif LANES == 4
typedef float32x4_t STEP(vector);
#define V_LOAD(p) vld1q_f32(p)
#define V_STORE(p, v) vst1q_f32(p, v)
#define V_SET(x) vdupq_n_f32(x)
#define V_FMA(a, b, c) vfmaq_f32(c, a, b)
#define V_HALF(p) vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)))
#else
typedef float STEP(vector);
INLINE float STEP(half)(uint16_t h) {
    uint32_t bits = (uint32_t)(h & 0x7fff) << 13;
    float x;
    if (bits < 0x800000) {
        x = (float)(h & 0x3ff) * 0x1p-24f;
    } else {
        bits += 0x38000000;
        memcpy(&x, &bits, 4);
    }
    return h & 0x8000 ? -x : x;
}
#define V_LOAD(p) (*(p))
#define V_STORE(p, v) (*(p) = (v))
#define V_SET(x) (x)
#define V_FMA(a, b, c) fmaf(a, b, c)
#define V_HALF(p) STEP(half)(*(p))
#endif

/* Functions of one number; the compiler makes vectors of their loops, to the same bits. */

INLINE float STEP(between)(float x, float least, float most) {
    x = x < least ? least : x;
    return x > most ? most : x;
}

/* e^x to 2 units of the last place; x is brought into -87 ... 88. */
INLINE float STEP(exponential)(float x) {
    x = STEP(between)(x, -87.0f, 88.0f);
    const float shifted = fmaf(x, 1.44269504f, 12582912.0f), whole = shifted - 12582912.0f;
    float rest = fmaf(whole, -0.693359375f, x);
    rest = fmaf(whole, 2.12194440e-4f, rest);
    float p = 1.9875691500e-4f;
    p = fmaf(p, rest, 1.3981999507e-3f);
    p = fmaf(p, rest, 8.3334519073e-3f);
    p = fmaf(p, rest, 4.1665795894e-2f);
    p = fmaf(p, rest, 1.6666665459e-1f);
    p = fmaf(p, rest, 5.0000001201e-1f);
    p = fmaf(p, rest * rest, rest) + 1.0f;
    uint32_t bits, power;
    memcpy(&bits, &p, 4);
    memcpy(&power, &shifted, 4);
    bits += power << 23;
    memcpy(&p, &bits, 4);
    return p;
}

/* The natural logarithm of a normal number above 0 (as by S. Moshier's Cephes). */
INLINE float STEP(logarithm)(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    float power = (float)((int32_t)(bits >> 23) - 126), m;
    bits = (bits & 0x7fffff) | 0x3f000000;
    memcpy(&m, &bits, 4);
    const float low = m < 0.707106781f ? 1.0f : 0.0f;
    power -= low;
    m = fmaf(low, m, m) - 1.0f;
    const float square = m * m;
    float p = 7.0376836292e-2f;
    p = fmaf(p, m, -1.1514610310e-1f);
    p = fmaf(p, m, 1.1676998740e-1f);
    p = fmaf(p, m, -1.2420140846e-1f);
    p = fmaf(p, m, 1.4249322787e-1f);
    p = fmaf(p, m, -1.6668057665e-1f);
    p = fmaf(p, m, 2.0000714765e-1f);
    p = fmaf(p, m, -2.4999993993e-1f);
    p = fmaf(p, m, 3.3333331174e-1f);
    p = p * m * square;
    p = fmaf(power, -2.12194440e-4f, p);
    p = fmaf(square, -0.5f, p);
    return fmaf(power, 0.693359375f, m + p);
}

/* The tanh form: x / (1 + e^-2u) is x / 2 (1 + tanh u). */
INLINE float STEP(gelu)(float x) {
    const float u = 0.7978845608f * fmaf(0.044715f * x * x, x, x);
    return x / (1.0f + STEP(exponential)(-2.0f * u));
}

/* Products. */

/* `rows` of x by `vectors` vectors of outputs, all sums in registers. */
INLINE void STEP(strip)(const uint16_t *w, const float *bias, int inputs, const float *x, ptrdiff_t x_step, float *y,
                        ptrdiff_t y_step, const int rows, const int vectors) {
    STEP(vector) sums[6][8];
    UNROLLED
    for (int r = 0; r < rows; r++) {
        UNROLLED
        for (int v = 0; v < vectors; v++) sums[r][v] = V_LOAD(bias + v * LANES);
    }
    for (int k = 0; k < inputs; k++, w += PANEL) {
        STEP(vector) weights[8];
        UNROLLED
        for (int v = 0; v < vectors; v++) weights[v] = V_HALF(w + v * LANES);
        UNROLLED
        for (int r = 0; r < rows; r++) {
            const STEP(vector) one = V_SET(x[r * x_step + k]);
            UNROLLED
            for (int v = 0; v < vectors; v++) sums[r][v] = V_FMA(one, weights[v], sums[r][v]);
        }
    }
    UNROLLED
    for (int r = 0; r < rows; r++) {
        UNROLLED
        for (int v = 0; v < vectors; v++) V_STORE(y + r * y_step + v * LANES, sums[r][v]);
    }
}

INLINE void STEP(strips)(const uint16_t *w, const float *bias, int inputs, const float *x, ptrdiff_t x_step, float *y,
                         ptrdiff_t y_step, const int rows, const int vectors) {
    for (int o = 0; o < PANEL; o += vectors * LANES)
        STEP(strip)(w + o, bias + o, inputs, x, x_step, y + o, y_step, rows, vectors);
}

#if LANES == 16
#define FEW 4
#define MANY 4
#elif LANES == 8
#define FEW 4
#define MANY 2
#else
#define FEW 4
#define MANY 4
#endif

/* y's rows are long enough for whole panels. */
static void STEP(multiply)(const product *p, const float *x, ptrdiff_t x_step, int rows, int gelu, float *y,
                           ptrdiff_t y_step) {
    for (int o = 0; o < p->outputs; o += PANEL) {
        const uint16_t *w = p->weights + (size_t)o * p->inputs;
        const float *bias = p->bias + o;
        int r = 0;
#define ROWS(n, vectors)                                                                                              \
    for (; r + n <= rows; r += n)                                                                                     \
        STEP(strips)(w, bias, p->inputs, x + r * x_step, x_step, y + r * y_step + o, y_step, n, vectors);
        ROWS(6, MANY)
        ROWS(4, MANY)
        ROWS(2, FEW)
        ROWS(1, FEW)
#undef ROWS
        if (gelu)
            for (r = 0; r < rows; r++) {
                float *row = y + r * y_step + o;
                for (int k = 0; k < PANEL; k++) row[k] = STEP(gelu)(row[k]);
            }
    }
}

/* Networks. */

INLINE float STEP(sum_of)(const float *parts) {
    float sums[PARTS];
    memcpy(sums, parts, sizeof sums);
    for (int half = PARTS / 2; half; half /= 2)
        for (int k = 0; k < half; k++) sums[k] += sums[k + half];
    return sums[0];
}

/* A row minus its mean, divided by its deviation. */
static void STEP(norm)(const float *x, int width, float eps, float *y) {
    float parts[PARTS] = {0};
    int k = 0;
    for (; k + PARTS <= width; k += PARTS)
        for (int i = 0; i < PARTS; i++) parts[i] += x[k + i];
    for (int i = 0; k + i < width; i++) parts[i] += x[k + i];
    const float mean = STEP(sum_of)(parts) / (float)width;
    memset(parts, 0, sizeof parts);
    for (k = 0; k + PARTS <= width; k += PARTS)
        for (int i = 0; i < PARTS; i++) parts[i] = fmaf(x[k + i] - mean, x[k + i] - mean, parts[i]);
    for (int i = 0; k + i < width; i++) parts[i] = fmaf(x[k + i] - mean, x[k + i] - mean, parts[i]);
    const float scale = 1.0f / sqrtf(STEP(sum_of)(parts) / (float)width + eps);
    for (k = 0; k < width; k++) y[k] = (x[k] - mean) * scale;
}

/* The input of a block's taps: `steps` of x for each of a batch, before them the past. */
static void STEP(mixed)(const network *n, const block *b, const float *x, ptrdiff_t x_step, int step, int batch,
                        int row, const float *remembered, float *y) {
    const int width = n->width;
    memcpy(y, b->offset, sizeof(float) * width);
    for (int j = 0; j < n->taps; j++) {
        const int at = step + j - (n->taps - 1);
        const float *seen = at < 0 ? remembered + (ptrdiff_t)(at + n->taps - 1) * width
                                   : x + (at * batch + row) * x_step;
        const float *taps = b->taps + (ptrdiff_t)j * width;
        for (int k = 0; k < width; k++) y[k] = fmaf(seen[k], taps[k], y[k]);
    }
}

/* x [steps][batch][inputs] -> y [steps * stack][batch][outputs, padded]; blocks: [batch][blocks][taps - 1][width]. */
static void STEP(forward)(const network *n, const float *x, int batch, int steps, float *blocks, float *y,
                          float *room) {
    const int rows = steps * n->stack * batch, remembered = (n->taps - 1) * n->width;
    const ptrdiff_t width = padded(n->width), hidden_width = padded(n->block->expand.outputs);
    float *now = room, *normed = now + rows * width, *added = normed + rows * width, *hidden = added + rows * width;
    const ptrdiff_t embedded = padded(n->embed.outputs);
    STEP(multiply)(&n->embed, x, n->embed.inputs, steps * batch, 0, normed, embedded);
    for (int step = 0; step < steps * n->stack; step++)
        for (int b = 0; b < batch; b++)
            memcpy(now + (step * batch + b) * width,
                   normed + (step / n->stack * batch + b) * embedded + step % n->stack * n->width,
                   sizeof(float) * n->width);
    steps *= n->stack;
    for (int at = 0; at < n->blocks; at++) {
        const block *own = n->block + at;
        for (int step = 0; step < steps; step++)
            for (int b = 0; b < batch; b++) {
                float *row = normed + (step * batch + b) * width;
                const float *kept = blocks + (ptrdiff_t)(b * n->blocks + at) * remembered;
                STEP(mixed)(n, own, now, width, step, batch, b, kept, row);
                STEP(norm)(row, n->width, n->eps, row);
            }
        for (int b = 0; remembered && b < batch; b++) {
            float *kept = blocks + (ptrdiff_t)(b * n->blocks + at) * remembered;
            const int stay = largest(0, n->taps - 1 - steps);
            memmove(kept, kept + (ptrdiff_t)(n->taps - 1 - stay) * n->width, sizeof(float) * stay * n->width);
            for (int k = stay; k < n->taps - 1; k++)
                memcpy(kept + (ptrdiff_t)k * n->width, now + ((steps - (n->taps - 1) + k) * batch + b) * width,
                       sizeof(float) * n->width);
        }
        STEP(multiply)(&own->expand, normed, width, rows, 1, hidden, hidden_width);
        STEP(multiply)(&own->project, hidden, hidden_width, rows, 0, added, width);
        for (int r = 0; r < rows; r++)
            for (int k = 0; k < n->width; k++) now[r * width + k] += added[r * width + k];
    }
    for (int r = 0; r < rows; r++) STEP(norm)(now + r * width, n->width, n->eps, normed + r * width);
    STEP(multiply)(&n->out, normed, width, rows, 0, y, padded(n->out.outputs));
}

/* Fourier transforms. */

/* One stage of radix 4: n points, s of them side by side, from (a, b) to (c, d). */
INLINE void STEP(stage)(const transform *t, int n, const int s, const float *APART a, const float *APART b,
                        float *APART c, float *APART d) {
    const int quarter = n / 4, turn = t->size / n, far = s * quarter;
    for (int p = 0; p < quarter; p++) {
        const float c1 = t->turn_re[p * turn], s1 = t->turn_im[p * turn];
        const float c2 = c1 * c1 - s1 * s1, s2 = 2.0f * (c1 * s1), c3 = c1 * c2 - s1 * s2, s3 = c1 * s2 + s1 * c2;
        for (int q = 0; q < s; q++) {
            const int x = s * p + q, y = 4 * s * p + q;
            const float r0 = a[x] + a[x + 2 * far], i0 = b[x] + b[x + 2 * far];
            const float r1 = a[x] - a[x + 2 * far], i1 = b[x] - b[x + 2 * far];
            const float r2 = a[x + far] + a[x + 3 * far], i2 = b[x + far] + b[x + 3 * far];
            const float r3 = b[x + far] - b[x + 3 * far], i3 = a[x + 3 * far] - a[x + far];
            c[y] = r0 + r2, d[y] = i0 + i2;
            c[y + s] = (r1 + r3) * c1 - (i1 + i3) * s1, d[y + s] = (r1 + r3) * s1 + (i1 + i3) * c1;
            c[y + 2 * s] = (r0 - r2) * c2 - (i0 - i2) * s2, d[y + 2 * s] = (r0 - r2) * s2 + (i0 - i2) * c2;
            c[y + 3 * s] = (r1 - r3) * c3 - (i1 - i3) * s3, d[y + 3 * s] = (r1 - r3) * s3 + (i1 - i3) * c3;
        }
    }
}

/* m complex points, a power of two, in re and im; they end there (Stockham's order, radix 4). room: 2 m. */
static void STEP(fourier)(const transform *t, int m, float *re, float *im, float *room) {
    float *a = re, *b = im, *c = room, *d = room + m;
    int n = m, s = 1;
    for (; n >= 4; n /= 4, s *= 4) {
        if (s == 1) STEP(stage)(t, n, 1, a, b, c, d); /* the compiler makes vectors of the first two in another way */
        else if (s == 4) STEP(stage)(t, n, 4, a, b, c, d);
        else STEP(stage)(t, n, s, a, b, c, d);
        float *swap = a;
        a = c, c = swap, swap = b, b = d, d = swap;
    }
    if (n == 2) {
        for (int q = 0; q < s; q++) {
            c[q] = a[q] + a[q + s], d[q] = b[q] + b[q + s];
            c[q + s] = a[q] - a[q + s], d[q + s] = b[q] - b[q + s];
        }
        a = c, b = d;
    }
    if (a != re) memcpy(re, a, sizeof(float) * m), memcpy(im, b, sizeof(float) * m);
}

/* The spectrum of a windowed piece of sound: size / 2 + 1 bins in re and im. room: 2 size. */
static void STEP(spectrum)(const transform *t, const float *sound, float *re, float *im, float *room) {
    const int m = t->size / 2;
    float *zr = room, *zi = room + m;
    for (int k = 0; k < m; k++)
        zr[k] = sound[2 * k] * t->window[2 * k], zi[k] = sound[2 * k + 1] * t->window[2 * k + 1];
    STEP(fourier)(t, m, zr, zi, room + 2 * m);
    re[0] = zr[0] + zi[0], im[0] = 0.0f;
    re[m] = zr[0] - zi[0], im[m] = 0.0f;
    for (int k = 1; k < m; k++) {
        const float er = 0.5f * (zr[k] + zr[m - k]), ei = 0.5f * (zi[k] - zi[m - k]);
        const float pr = 0.5f * (zi[k] + zi[m - k]), pi = 0.5f * (zr[m - k] - zr[k]);
        re[k] = er + (pr * t->turn_re[k] - pi * t->turn_im[k]);
        im[k] = ei + (pr * t->turn_im[k] + pi * t->turn_re[k]);
    }
}

/* A windowed piece of sound from its spectrum. room: 2 size. */
static void STEP(sound)(const transform *t, const float *re, const float *im, float *sound, float *room) {
    const int m = t->size / 2;
    float *zr = room, *zi = room + m;
    for (int k = 0; k < m; k++) { /* the first and the last bin are real */
        const float ak = re[k], bk = k ? im[k] : 0.0f, am = re[m - k], bm = k ? -im[m - k] : 0.0f;
        const float er = ak + am, ei = bk + bm, dr = ak - am, di = bk - bm;
        const float pr = dr * t->turn_re[k] + di * t->turn_im[k], pi = di * t->turn_re[k] - dr * t->turn_im[k];
        zr[k] = er - pi, zi[k] = ei + pr;
    }
    STEP(fourier)(t, m, zi, zr, room + 2 * m); /* backwards: real and imaginary parts change places */
    for (int k = 0; k < m; k++)
        sound[2 * k] = zr[k] * t->window_back[2 * k], sound[2 * k + 1] = zi[k] * t->window_back[2 * k + 1];
}

/* Levels of bands: band_levels.py. */

/* The mean over `size` samples, a power of two, twice. */
static void STEP(mean_twice)(const float *sound, int count, int size, float *y) {
    memcpy(y, sound, sizeof(float) * count);
    for (int round = 0; round < 2; round++)
        for (int step = 1; step < size; step *= 2) {
            count -= step;
            for (int k = 0; k < count; k++) y[k] = y[k] + y[k + step];
        }
    const float scale = 1.0f / ((float)size * (float)size);
    for (int k = 0; k < count; k++) y[k] *= scale;
}

/* `count` samples as low, middle and high, each of count - 2 * piece, one after another. room: count. */
static void STEP(parted)(const band_levels *l, const float *sound, int count, float *y, float *room) {
    const int samples = count - 2 * l->piece;
    float *low = y, *middle = y + samples, *high = y + 2 * samples;
    STEP(mean_twice)(sound, count, l->longer, room);
    memcpy(low, room + l->piece - l->longer + 1, sizeof(float) * samples);
    STEP(mean_twice)(sound, count, l->shorter, room);
    const float *below_high = room + l->piece - l->shorter + 1;
    for (int k = 0; k < samples; k++) {
        middle[k] = below_high[k] - low[k];
        high[k] = sound[l->piece + k] - below_high[k];
    }
}

/* Log levels [pieces - MOMENTS + 1][BANDS] of bands [BANDS][pieces * piece]. room: pieces + piece. */
static void STEP(measured)(const band_levels *l, const float *bands, int pieces, float *y, float *room) {
    float *powers = room, *squares = room + pieces;
    for (int band = 0; band < BANDS; band++, bands += (ptrdiff_t)pieces * l->piece) {
        for (int p = 0; p < pieces; p++) {
            for (int k = 0; k < l->piece; k++) squares[k] = bands[p * l->piece + k] * bands[p * l->piece + k];
            for (int size = l->piece / 2; size; size /= 2)
                for (int k = 0; k < size; k++) squares[k] = squares[k] + squares[k + size];
            powers[p] = squares[0] / (float)l->piece;
        }
        for (int p = 0; p + MOMENTS <= pieces; p++) {
            float power = powers[p] * l->weights[0];
            for (int later = 1; later < MOMENTS; later++) power = power + powers[p + later] * l->weights[later];
            y[p * BANDS + band] = 0.5f * STEP(logarithm)(power + l->floor);
        }
    }
}

/* Corrects `moments` segments of sound to the predicted levels [moments][2 * BANDS], in place. Changes both pasts. */
static void STEP(hold)(const band_levels *l, float *sound, const float *stated, int moments, float *samples_past,
                       float *stated_past, float *room) {
    const int piece = l->piece, remembered = 2 * l->latency, count = moments * piece, all = remembered + count;
    const int inner = all - 2 * piece, reach = MOMENTS / 2 * piece;
    float *joined = room, *parts = joined + all, *gains = parts + BANDS * inner;
    float *scratch = gains + (moments + 1) * BANDS;
    memcpy(joined, samples_past, sizeof(float) * remembered);
    memcpy(joined + remembered, sound, sizeof(float) * count);
    STEP(parted)(l, joined, all, parts, scratch);
    STEP(measured)(l, parts, inner / piece, gains, scratch);
    for (int moment = 0; moment <= moments; moment++) {
        const float *said = moment ? stated + (moment - 1) * 2 * BANDS : stated_past;
        for (int band = 0; band < BANDS; band++) {
            float *gain = gains + moment * BANDS + band;
            const float trust = 1.0f / (1.0f + STEP(exponential)(-said[BANDS + band]));
            *gain = STEP(exponential)(trust * STEP(between)(said[band] - *gain, -l->most, l->most));
        }
    }
    for (int moment = 0; moment < moments; moment++) {
        const float *now = gains + moment * BANDS, *then = now + BANDS;
        const float *low = parts + reach + moment * piece, *middle = low + inner, *high = middle + inner;
        for (int k = 0; k < piece; k++) {
            const float held = low[k] * (now[0] + (then[0] - now[0]) * l->ramp[k]) +
                               middle[k] * (now[1] + (then[1] - now[1]) * l->ramp[k]);
            sound[moment * piece + k] = held + high[k] * (now[2] + (then[2] - now[2]) * l->ramp[k]);
        }
    }
    memcpy(samples_past, joined + count, sizeof(float) * remembered);
    memcpy(stated_past, stated + (moments - 1) * 2 * BANDS, sizeof(float) * 2 * BANDS);
}

/* The encoder. */

/* The lowest `bins` of a frame's log magnitudes. room: 3 size + 2. */
static void STEP(log_spectrum)(const transform *t, int bins, float floor, const float *sound, float *y, float *room) {
    float *re = room, *im = re + t->size / 2 + 1;
    STEP(spectrum)(t, sound, re, im, im + t->size / 2 + 1);
    for (int k = 0; k < bins; k++) y[k] = STEP(logarithm)(sqrtf(fmaf(re[k], re[k], im[k] * im[k])) + floor);
}

/* Log energies of a hop's pieces, of the sound and of its first difference. */
static void STEP(energies)(const encoder *e, const float *sound, float *y) {
    const int piece = e->energy_samples, pieces = e->hop / piece;
    for (int p = 0; p < pieces; p++, sound += piece) {
        float own[PARTS] = {0}, steps[PARTS] = {0};
        for (int k = 0; k < piece; k += PARTS)
            for (int i = 0; i < PARTS && k + i < piece; i++) {
                const float value = sound[k + i], change = value - sound[k + i - 1];
                own[i] = fmaf(value, value, own[i]), steps[i] = fmaf(change, change, steps[i]);
            }
        y[p] = 0.5f * STEP(logarithm)(STEP(sum_of)(own) / (float)piece + e->energy_floor);
        y[pieces + p] = 0.5f * STEP(logarithm)(STEP(sum_of)(steps) / (float)piece + e->energy_floor);
    }
}

/* All encoder inputs of `hops` hops that begin at `sound`, each `step` floats after the last. */
static void STEP(seen)(const encoder *e, const float *sound, int hops, float *y, ptrdiff_t step, float *room) {
    const transform *s = &e->spectrum, *v = &e->view;
    for (int hop = 0; hop < hops; hop++) {
        const float *end = sound + (ptrdiff_t)(hop + 1) * e->hop;
        float *own = y + hop * step;
        for (int at = s->hop; at <= e->hop; at += s->hop, own += s->size / 2 + 1)
            STEP(log_spectrum)(s, s->size / 2 + 1, e->spectrum_floor, end - e->hop + at - s->size, own, room);
        if (e->view_bins) STEP(log_spectrum)(v, e->view_bins, e->spectrum_floor, end - v->size, own, room);
        own += e->view_bins;
        if (e->energy_samples) STEP(energies)(e, end - e->hop, own);
    }
    const band_levels *l = &e->levels;
    if (!l->on) return;
    const int before = MOMENTS * l->piece + l->piece, count = before + hops * e->hop, inner = count - 2 * l->piece;
    const int each = e->hop / l->piece * BANDS;
    float *parts = room, *levels = parts + BANDS * inner, *scratch = levels + hops * each;
    STEP(parted)(l, sound - before, count, parts, scratch);
    STEP(measured)(l, parts, inner / l->piece, levels, scratch);
    for (int hop = 0; hop < hops; hop++)
        memcpy(y + hop * step + e->net.embed.inputs - each, levels + hop * each, sizeof(float) * each);
}

static void STEP(encode)(const encoder *e, const float *audio, int batch, int hops, encoder_past *past, float *means,
                         float *deviations, float *room) {
    const int most = steps_at_once(batch, 1), inputs = e->net.embed.inputs, dim = e->dim, outputs = padded(2 * dim);
    for (int first = 0; first < hops; first += most) {
        const int count = hops - first < most ? hops - first : most;
        float *given = room, *made = given + (ptrdiff_t)count * batch * inputs;
        float *rest = made + (ptrdiff_t)count * batch * outputs;
        for (int b = 0; b < batch; b++) {
            float *joined = rest, *kept = past->samples + (ptrdiff_t)b * e->remembered;
            memcpy(joined, kept, sizeof(float) * e->remembered);
            memcpy(joined + e->remembered, audio + ((ptrdiff_t)b * hops + first) * e->hop,
                   sizeof(float) * count * e->hop);
            memcpy(kept, joined + (ptrdiff_t)count * e->hop, sizeof(float) * e->remembered);
            STEP(seen)(e, joined + e->remembered, count, given + (ptrdiff_t)b * inputs, (ptrdiff_t)batch * inputs,
                       joined + e->remembered + (ptrdiff_t)count * e->hop);
        }
        STEP(forward)(&e->net, given, batch, count, past->blocks, made, rest);
        for (int step = 0; step < count; step++)
            for (int b = 0; b < batch; b++) {
                const float *row = made + (ptrdiff_t)(step * batch + b) * outputs;
                const ptrdiff_t to = ((ptrdiff_t)b * hops + first + step) * dim;
                memcpy(means + to, row, sizeof(float) * dim);
                if (!deviations) continue;
                float *spread = deviations + to;
                for (int o = 0; o < dim; o++) spread[o] = 0.0f;
                for (int k = 0; k < dim; k++) {
                    const float log_variance = STEP(between)(row[dim + k], e->least_log_variance, e->most_log_variance);
                    const float variance = STEP(exponential)(log_variance);
                    for (int o = 0; o < dim; o++) spread[o] = fmaf(variance, e->spread[k * dim + o], spread[o]);
                }
                for (int o = 0; o < dim; o++) spread[o] = sqrtf(spread[o]);
            }
    }
}

/* The decoder. */

/* addressed_noise.py: white noise by its address. */
static void STEP(white)(uint64_t seed, uint64_t start, int count, float scale, float *y) {
    const uint32_t first = (uint32_t)seed, second = (uint32_t)(seed >> 32);
    for (int k = 0; k < count; k++) {
        const uint64_t at = start + (uint64_t)k;
        uint32_t x = (uint32_t)at * 0x1E3779B9u + first;
        x ^= x >> 16;
        x *= 0x7FEB352Du;
        x += second ^ (uint32_t)(at >> 32);
        x ^= x >> 15;
        x *= 0x31848BABu;
        x += first;
        x ^= x >> 17;
        x *= 0x7FEB352Du;
        x ^= x >> 16;
        const uint32_t pairs = (x & 0x00FF00FFu) + ((x >> 8) & 0x00FF00FFu);
        y[k] = ((float)(int32_t)((pairs & 0xFFFFu) + (pairs >> 16)) - 510.0f) * scale;
    }
}

static void STEP(gains)(const bands *own, int bins, const float *log_gains, float *y) {
    for (int k = 0; k < bins; k++) {
        const float below = log_gains[own->below[k]], above = log_gains[own->below[k] + 1];
        y[k] = below + (above - below) * own->share[k];
    }
    for (int k = 0; k < bins; k++) y[k] = STEP(exponential)(STEP(between)(y[k], own->least, own->most));
}

/* `frames` windows after the three of before, [3 + frames][size], as `frames` hops, added to y or put there. */
static void STEP(overlapped)(const transform *t, const float *windows, int frames, int add, float *y) {
    const ptrdiff_t size = t->size, hop = t->hop;
    for (int frame = 0; frame < frames; frame++, windows += size, y += hop)
        for (int k = 0; k < hop; k++) {
            float sum = windows[3 * hop + k] + windows[size + 2 * hop + k];
            sum = sum + windows[2 * size + hop + k];
            sum = sum + windows[3 * size + k];
            y[k] = add ? y[k] + sum : sum;
        }
}

/* Noise times gains: `frames` windows after the last three, which are updated. steady: [2][bins] per frame. */
static void STEP(shaped)(const transform *t, const bands *own, const float *noise, const float *log_gains,
                         const float *steady, int frames, float *past, float *windows, float *room) {
    const int bins = t->size / 2 + 1;
    float *re = room, *im = re + bins, *gains = im + bins, *scratch = gains + bins;
    memcpy(windows, past, sizeof(float) * 3 * t->size);
    for (int frame = 0; frame < frames; frame++) {
        STEP(spectrum)(t, noise + (ptrdiff_t)frame * t->hop, re, im, scratch);
        if (steady) {
            const float *more = steady + (ptrdiff_t)frame * 2 * bins;
            for (int k = 0; k < bins; k++) re[k] = re[k] + more[k], im[k] = im[k] + more[bins + k];
        }
        STEP(gains)(own, bins, log_gains + (ptrdiff_t)frame * own->count, gains);
        for (int k = 0; k < bins; k++) re[k] *= gains[k], im[k] *= gains[k];
        STEP(sound)(t, re, im, windows + (ptrdiff_t)(3 + frame) * t->size, scratch);
    }
    memcpy(past, windows + (ptrdiff_t)frames * t->size, sizeof(float) * 3 * t->size);
}

static void STEP(high_passed)(const decoder *d, float *sound, int count, double *past) {
    const double gain = d->high_pass_gain, pole = d->high_pass_pole;
    double a = past[0], b = past[2];
    for (int k = 0; k < count; k++) {
        const double x = sound[k], once = gain * x + a, twice = gain * once + b;
        a = -gain * x + pole * once;
        b = -gain * once + pole * twice;
        sound[k] = (float)twice;
    }
    past[0] = a, past[2] = b;
}

/* The sound of `frames` rows of the network's output, `step` floats apart. */
static void STEP(head)(const decoder *d, const float *made, ptrdiff_t step, int frames, const decoder_past *past, int b,
                       float *audio, float *room) {
    const transform *t = &d->long_, *s = &d->short_;
    const int samples = frames * t->hop, each = t->hop / s->hop, many = frames * each;
    const int needed = samples + t->size - t->hop;
    const int short_bins = s->size / 2 + 1, moments = d->levels.on ? t->hop / d->levels.piece : 0;
    const int gain_count = each * d->short_bands.count, steady_count = d->coherent ? each * 2 * short_bins : 0;
    float *noise = room, *other = noise + needed, *windows = other + needed;
    float *short_windows = windows + (ptrdiff_t)(3 + frames) * t->size;
    float *short_gains = short_windows + (ptrdiff_t)(3 + many) * s->size, *steady = short_gains + frames * gain_count;
    float *stated = steady + frames * steady_count, *rest = stated + frames * moments * 2 * BANDS;
    int64_t *address = past->address + 2 * b;
    const float side = past->sides[b];
    STEP(white)((uint64_t)address[0], (uint64_t)address[1], needed, d->noise_scale, noise);
    if (side != 0.0f) {
        const float share = sqrtf(1.0f - side * side);
        STEP(white)((uint64_t)address[0] ^ 0x5BD1E995u, (uint64_t)address[1], needed, d->noise_scale, other);
        for (int k = 0; k < needed; k++) noise[k] = noise[k] * share + other[k] * side;
    }
    address[1] += samples;
    for (int frame = 0; frame < frames; frame++) {
        const float *row = made + frame * step + d->long_bands.count;
        memcpy(short_gains + frame * gain_count, row, sizeof(float) * gain_count);
        memcpy(steady + frame * steady_count, row + gain_count, sizeof(float) * steady_count);
        row += gain_count + steady_count;
        for (int moment = 0; moment < moments; moment++)
            for (int band = 0; band < BANDS; band++) {
                float *said = stated + (frame * moments + moment) * 2 * BANDS + band;
                said[0] = row[moment * BANDS + band];
                said[BANDS] = row[(moments + moment) * BANDS + band];
            }
    }
    float *long_gains = other; /* no longer in use here, and longer */
    for (int frame = 0; frame < frames; frame++)
        memcpy(long_gains + frame * d->long_bands.count, made + frame * step, sizeof(float) * d->long_bands.count);
    STEP(shaped)(t, &d->long_bands, noise, long_gains, 0, frames, past->long_ + (ptrdiff_t)b * 3 * t->size, windows,
                 rest);
    STEP(overlapped)(t, windows, frames, 0, audio);
    STEP(shaped)(s, &d->short_bands, noise, short_gains, d->coherent ? steady : 0, many,
                 past->short_ + (ptrdiff_t)b * 3 * s->size, short_windows, rest);
    STEP(overlapped)(s, short_windows, many, 1, audio);
    if (d->levels.on)
        STEP(hold)(&d->levels, audio, stated, frames * moments, past->samples + (ptrdiff_t)b * 2 * d->levels.latency,
                   past->stated + (ptrdiff_t)b * 2 * BANDS, rest);
    STEP(high_passed)(d, audio, samples, past->high_pass + 4 * b);
}

static void STEP(decode)(const decoder *d, const float *latents, int batch, int hops, decoder_past *past, float *audio,
                         float *room) {
    const int stack = d->net.stack, most = steps_at_once(batch, stack), outputs = padded(d->net.out.outputs);
    const ptrdiff_t hop = (ptrdiff_t)stack * d->long_.hop;
    for (int first = 0; first < hops; first += most) {
        const int count = hops - first < most ? hops - first : most;
        float *given = room, *made = given + (ptrdiff_t)count * batch * d->dim;
        float *rest = made + (ptrdiff_t)count * stack * batch * outputs;
        for (int step = 0; step < count; step++)
            for (int b = 0; b < batch; b++)
                memcpy(given + (ptrdiff_t)(step * batch + b) * d->dim,
                       latents + ((ptrdiff_t)b * hops + first + step) * d->dim, sizeof(float) * d->dim);
        STEP(forward)(&d->net, given, batch, count, past->blocks, made, rest);
        for (int b = 0; b < batch; b++)
            STEP(head)(d, made + (ptrdiff_t)b * outputs, (ptrdiff_t)batch * outputs, count * stack, past, b,
                       audio + (ptrdiff_t)b * hops * hop + first * hop, rest);
    }
}

#undef V_LOAD
#undef V_STORE
#undef V_SET
#undef V_FMA
#undef V_HALF
#undef FEW
#undef MANY
