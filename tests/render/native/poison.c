/* A VST2 effect in the letters of its binary interface: it copies its input, until its time has come.
 * -DPOISON=1 crashes in its second block, 2 hangs there, 3 makes a NaN, 4 forks a process that outlives it and hangs,
 * 0 does nothing. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef POISON
#define POISON 1
#endif

typedef struct Effect Effect;
struct Effect {
    int32_t magic;
    intptr_t (*dispatch)(Effect *, int32_t, int32_t, intptr_t, void *, float);
    void (*accumulate)(Effect *, float **, float **, int32_t);
    void (*set)(Effect *, int32_t, float);
    float (*get)(Effect *, int32_t);
    int32_t programs, parameters, inputs, outputs, flags;
    intptr_t reserved[2];
    int32_t delay, qualities[2];
    float ratio;
    void *object, *user;
    int32_t id, version;
    void (*replace)(Effect *, float **, float **, int32_t);
    void (*replace_double)(Effect *, double **, double **, int32_t);
    char future[56];
};

enum { REPLACES = 1 << 4, CLOSE = 1, CATEGORY = 35, EFFECT = 1, NAME = 45, VERSION = 58 };

static int blocks;

static intptr_t dispatch(Effect *effect, int32_t code, int32_t index, intptr_t value, void *data, float option) {
    (void)index, (void)value, (void)option;
    if (code == CLOSE) free(effect);
    if (code == NAME) strcpy(data, "poison");
    return code == CATEGORY ? EFFECT : code == VERSION ? 2400 : code == NAME;
}

static void set(Effect *effect, int32_t index, float value) { (void)effect, (void)index, (void)value; }
static float get(Effect *effect, int32_t index) { return (void)effect, (void)index, 0; }

static void replace(Effect *effect, float **in, float **out, int32_t samples) {
    (void)effect;
    for (int channel = 0; channel < 2; channel++) memmove(out[channel], in[channel], samples * sizeof(float));
    if (++blocks < 2) return;
    if (POISON == 1) *(volatile int *)0 = 1;
    if (POISON == 4 && !fork()) _exit((int)sleep(60));
    while (POISON == 2 || POISON == 4) pause();
    if (POISON == 3) out[1][samples / 2] = NAN;
}

Effect *VSTPluginMain(void *host) {
    (void)host;
    Effect *effect = calloc(1, sizeof *effect);
    effect->magic = 'V' << 24 | 's' << 16 | 't' << 8 | 'P';
    effect->dispatch = dispatch;
    effect->set = set;
    effect->get = get;
    effect->accumulate = effect->replace = replace;
    effect->inputs = effect->outputs = 2;
    effect->programs = 1;
    effect->flags = REPLACES;
    effect->id = 'P' << 24 | 'o' << 16 | 's' << 8 | ('0' + POISON);
    effect->version = 1;
    return effect;
}
