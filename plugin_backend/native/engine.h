/* The engine's input: tables that plugin_backend/models/waveform_vae/c_engine.py fills, field by field in this order.

   All arrays are float32 unless said otherwise, rows are contiguous, and nothing here is written by the engine. */
#include <stdint.h>

#define PANEL 64  /* outputs of a product that are stored together */
#define BANDS 3   /* of band levels */
#define MOMENTS 6 /* segments that a level is measured from */

/* y = x W' + b. Weights are half precision, [panels][inputs][PANEL]; both they and the bias end with zeros. */
typedef struct {
    int32_t inputs, outputs;
    const uint16_t *weights;
    const float *bias;
} product;

/* taps: [taps][width], the present last. The norm is folded into `expand`, the gain into `project`. */
typedef struct {
    const float *taps, *offset;
    product expand, project;
} block;

/* `embed` makes `stack` rows of `width` of each input; `out` follows the last norm. */
typedef struct {
    int32_t width, stack, blocks, taps;
    float eps;
    product embed, out;
    const block *block;
} network;

/* A real Fourier transform; size is a power of two, at least 8. turn_re, turn_im: cos and -sin of 2 pi k / size for
   k = 0 ... size / 2. */
typedef struct {
    int32_t size, hop;
    const float *turn_re, *turn_im, *window, *window_back;
} transform;

/* See band_levels.py. ramp: [piece]. */
typedef struct {
    int32_t on, piece, latency, longer, shorter;
    float floor, most;
    float weights[MOMENTS];
    const float *ramp;
} band_levels;

/* Log gains of `count` bands, `below[bin]` and the next; share is how much of the next. */
typedef struct {
    int32_t count;
    float least, most;
    const int32_t *below;
    const float *share;
} bands;

typedef struct {
    int32_t path, hop, dim, remembered, view_bins, energy_samples; /* 0: no such view */
    float spectrum_floor, energy_floor, least_log_variance, most_log_variance;
    network net;
    transform spectrum, view;
    band_levels levels;
    const float *spread; /* [dim in][dim out] */
} encoder;

typedef struct {
    int32_t path, dim, coherent;
    float noise_scale;
    double high_pass_gain, high_pass_pole;
    network net;
    transform long_, short_;
    bands long_bands, short_bands;
    band_levels levels;
} decoder;

/* A stream's past, each [batch][...]; it is changed in place. */
typedef struct {
    float *samples, *blocks;
} encoder_past;

typedef struct {
    float *blocks, *long_, *short_;
    int64_t *address;
    const float *sides;
    float *samples, *stated;
    double *high_pass;
} decoder_past;
