/* The loops of phase reconstruction on small and odd grids, for a sanitizer; every reached phase lies in one turn. */
#include "phase.c"
#include <stdio.h>
#include <stdlib.h>

static void check(int frames, int bins, int levels, unsigned seed) {
    const int all = frames * bins;
    int32_t *level = malloc(sizeof *level * all), *room = malloc(sizeof *room * (2 * all + levels + 1));
    float *slopes = malloc(sizeof *slopes * 2 * all), *spectra = malloc(sizeof *spectra * 6 * all);
    double *turns = malloc(sizeof *turns * all), *advance = malloc(sizeof *advance * bins);
    for (int i = 0; i < all; i++) {
        seed = seed * 1664525u + 1013904223u;
        level[i] = levels ? (int)(seed >> 8) % (levels + 1) - 1 : -1;
        slopes[i] = (float)(seed >> 16) - 32768.0f;
        slopes[all + i] = -slopes[i];
        turns[i] = 0.25;
    }
    for (int i = 0; i < 6 * all; i++) spectra[i] = (float)(i % 7) - 3;
    for (int i = 0; i < bins; i++) advance[i] = i * 0.25;
    pisada_integrate_phase(level, slopes, slopes + all, advance, frames, bins, levels, room, turns);
    for (int i = 0; i < all; i++)
        if (!(turns[i] >= 0 && turns[i] <= 1) || (level[i] < 0 && turns[i] != 0.25)) exit(1);
    pisada_set_magnitudes(spectra, spectra + 2 * all, slopes, 0.99f, all, spectra + 4 * all);
    free(level), free(room), free(slopes), free(spectra), free(turns), free(advance);
}

int main(void) {
    for (int size = 1; size < 12; size++)
        for (int levels = 0; levels < 9; levels++) check(size, 13 - size, levels, (unsigned)(size * 31 + levels));
    puts("right");
    return 0;
}
