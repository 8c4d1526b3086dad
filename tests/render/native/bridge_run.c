/* Runs the bridge between DawDreamer and Python as Faust does, sample by sample, and checks every block: pulled, pushed,
   inserts, all node numbers, block sizes from 1 to 8192, and nodes of several threads at once. Prints "all as it should be".
   Built by tests/native_builds.py with sanitizers, and for Windows. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bridge.c"

enum { THREADS = 4, BLOCKS = 6 };

#define CHECK(what)                                                      \
    do {                                                                 \
        if (!(what)) {                                                   \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #what);   \
            exit(1);                                                     \
        }                                                                \
    } while (0)

static float sample_at(int node, int channel, int64_t t) { return (float)(node * 7 + channel * 3 + t % 8191); }

static int64_t asked[NODES], received[NODES];

static void pull(int node, int64_t position, float *samples, int block) {
    CHECK(position == asked[node]);
    asked[node] += block;
    for (int channel = 0; channel < CHANNELS; channel++)
        for (int k = 0; k < block; k++) samples[channel * block + k] = sample_at(node, channel, position + k);
}

static void push(int node, int64_t position, float *samples, int block) {
    CHECK(position == received[node]);
    received[node] += block;
    for (int channel = 0; channel < CHANNELS; channel++)
        for (int k = 0; k < block; k++) CHECK(samples[channel * block + k] == 2 * sample_at(node, channel, position + k));
}

static void change(int node, int64_t position, float *samples, int block) {
    CHECK(position == received[node]);
    received[node] += block;
    for (int k = 0; k < CHANNELS * block; k++) samples[k] = -samples[k];
}

static int reversed;
static void in_reverse(int node, int64_t position, float *samples, int block) {
    (void)node, (void)samples, (void)block;
    if (position == -1) reversed++;
}

static void through(int node, int block) {
    asked[node] = received[node] = 0;
    CHECK(pisada_arm(node, block, pull, push) == 0);
    for (int t = 0; t < BLOCKS * block; t++)
        for (int channel = 0; channel < CHANNELS; channel++) {
            const float sample = pisada_pull(node, channel, t);
            CHECK(sample == sample_at(node, channel, t));
            CHECK(pisada_push(node, channel, t, 2 * sample) == 2 * sample);
        }
    CHECK(asked[node] == (int64_t)BLOCKS * block && received[node] == asked[node]);
}

static void insert(int node, int block) {
    received[node] = 0;
    CHECK(pisada_arm(node, block, NULL, change) == 0);
    for (int first = 0; first < BLOCKS * block; first += block) {
        for (int t = first; t < first + block; t++)
            for (int channel = 0; channel < CHANNELS; channel++)
                pisada_push(node, channel, t, sample_at(node, channel, t));
        for (int t = first; t < first + block; t++)
            for (int channel = 0; channel < CHANNELS; channel++)
                CHECK(pisada_pull(node, channel, t) == -sample_at(node, channel, t));
    }
    CHECK(received[node] == (int64_t)BLOCKS * block);
}

static void *several(void *first) {
    for (int node = *(int *)first; node < NODES; node += THREADS) {
        const int block = node % 2 ? 1 + node : MAX_BLOCK >> node % 14;
        through(node, block);
        insert(node, block);
    }
    return NULL;
}

int main(void) {
    CHECK(pisada_arm(-1, 512, pull, push) == -1 && pisada_arm(NODES, 512, pull, push) == -1);
    CHECK(pisada_arm(0, 0, pull, push) == -1 && pisada_arm(0, MAX_BLOCK + 1, pull, push) == -1);
    CHECK(pisada_arm(0, 64, NULL, in_reverse) == 0);
    for (int t = 0; t < 64; t++) pisada_pull(0, 0, t); /* before its push: told with position -1 */
    CHECK(reversed == 64);
    pthread_t threads[THREADS];
    int first[THREADS];
    for (int k = 0; k < THREADS; k++) {
        first[k] = k;
        CHECK(pthread_create(&threads[k], NULL, several, &first[k]) == 0);
    }
    for (int k = 0; k < THREADS; k++) CHECK(pthread_join(threads[k], NULL) == 0);
    puts("all as it should be");
    return 0;
}
