/* The engine on made-up tables, and a digest of all that comes out: the same number on every processor. By hand, e.g.
     cc -O3 -ffp-contract=off -I plugin_backend/native tests/plugin_backend/engine_digest.c -o digest -lm && ./digest
     zig cc -target aarch64-linux-musl -O3 -ffp-contract=off -I plugin_backend/native ...
     qemu-aarch64-static ./digest */
#include <stdio.h>
#include <stdlib.h>
#include "engine.c"

enum { BATCH = 2, HOPS = 9, HOP = 512, DIM = 8, WIDTH = 48, SEEN = 2 * 257 + 96 + 32 + 48 };

static uint32_t state = 1;
static float drawn(float size) {
    state = state * 1664525u + 1013904223u;
    return (float)((int32_t)state >> 8) * (size / 8388608.0f);
}
static float *floats(int count, float least, float size) {
    float *made = malloc(sizeof(float) * count);
    for (int k = 0; k < count; k++) made[k] = least + drawn(size);
    return made;
}
static void *zeros(size_t bytes) { return calloc(1, bytes); }

static product made_product(int inputs, int outputs) {
    uint16_t *weights = malloc(sizeof(uint16_t) * inputs * padded(outputs));
    for (int k = 0; k < inputs * padded(outputs); k++) {
        state = state * 1664525u + 1013904223u; /* halves of either sign, from 0 to 2^-3 */
        weights[k] = (uint16_t)((state >> 16 & 0x83ff) | (state >> 8 & 3) * 0x1000);
    }
    return (product){inputs, outputs, weights, floats(padded(outputs), 0.0f, 0.3f)};
}
static network made_network(int inputs, int stack, int outputs) {
    block *made = malloc(2 * sizeof(block));
    for (int k = 0; k < 2; k++)
        made[k] = (block){floats(7 * WIDTH, 0, 0.5f), floats(WIDTH, 0, 0.5f), made_product(WIDTH, 4 * WIDTH),
                          made_product(4 * WIDTH, WIDTH)};
    const product embed = made_product(inputs, stack * WIDTH), out = made_product(WIDTH, outputs);
    return (network){WIDTH, stack, 2, 7, 1e-5f, embed, out, made};
}
static transform made_transform(int size, int hop) {
    const float *re = floats(size, 0, 0.8f), *im = floats(size, 0, 0.8f);
    return (transform){size, hop, re, im, floats(size, 0, 0.1f), floats(size, 0, 0.1f)};
}
static bands made_bands(int count, int bins) {
    int32_t *below = malloc(sizeof(int32_t) * bins);
    for (int k = 0; k < bins; k++) below[k] = k * (count - 1) / bins;
    return (bands){count, -10.0f, 1.0f, below, floats(bins, 0.5f, 0.5f)};
}
static uint64_t digest(const void *bytes, size_t count, uint64_t d) {
    for (size_t k = 0; k < count; k++) d = (d ^ ((const unsigned char *)bytes)[k]) * 1099511628211ull;
    return d;
}

int main(void) {
    const band_levels levels = {1, 32, 128, 32, 8, 1e-9f, 3.5f, {0.08f, 0.17f, 0.25f, 0.25f, 0.17f, 0.08f},
                                floats(32, 0.5f, 0.5f)};
    encoder e = {0, HOP, DIM, 1536, 96, 32, 1e-4f, 1e-10f, -12.0f, 4.0f, made_network(SEEN, 1, 2 * DIM),
                 made_transform(512, 256), made_transform(2048, 512), levels, floats(DIM * DIM, 0.5f, 0.5f)};
    decoder d = {0, DIM, 1, 0.0067f, 0.998, 0.997, made_network(DIM, 2, 128 + 8 * 16 + 8 * 130 + 48),
                 made_transform(1024, 256), made_transform(128, 32), made_bands(128, 513), made_bands(16, 65), levels};
    const float *audio = floats(BATCH * HOPS * HOP, 0, 0.3f), *sides = floats(BATCH, 0, 0.9f);
    for (int at = 0; pisada_path(at); at++) {
        if (!*pisada_path(at)) continue;
        e.path = d.path = at;
        encoder_past ep = {zeros(BATCH * 1536 * 4), zeros(BATCH * 2 * 6 * WIDTH * 4)};
        decoder_past dp = {zeros(BATCH * 2 * 6 * WIDTH * 4), zeros(BATCH * 3 * 1024 * 4), zeros(BATCH * 3 * 128 * 4),
                           zeros(BATCH * 2 * 8), sides, zeros(BATCH * 256 * 4), zeros(BATCH * 6 * 4),
                           zeros(BATCH * 4 * 8)};
        dp.address[0] = 7, dp.address[1] = ((int64_t)1 << 32) - 900, dp.address[2] = (int64_t)1 << 61;
        float *means = zeros(BATCH * HOPS * DIM * 4), *spread = zeros(BATCH * HOPS * DIM * 4);
        float *heard = zeros(BATCH * HOPS * HOP * 4);
        const int64_t room = pisada_encoder_room(&e, BATCH) + pisada_decoder_room(&d, BATCH);
        pisada_encode(&e, audio, BATCH, HOPS, &ep, means, spread, zeros(room * 4));
        pisada_decode(&d, means, BATCH, HOPS, &dp, heard, zeros(room * 4));
        uint64_t all = digest(means, BATCH * HOPS * DIM * 4, 1469598103934665603ull);
        all = digest(spread, BATCH * HOPS * DIM * 4, all);
        all = digest(heard, BATCH * HOPS * HOP * 4, all);
        all = digest(dp.high_pass, BATCH * 4 * 8, all);
        printf("%-7s %016llx  (%g %g %g)\n", pisada_path(at), (unsigned long long)all, means[9], spread[9],
               heard[4000]);
    }
    return 0;
}
