/* Lets a Faust node pull its samples from, and push them to, a callback once per block.

   Faust calls pisada_pull / pisada_push once per sample and channel (left, then right) with a running
   sample counter; the callbacks see whole blocks. Nodes are stereo, numbered from 0.

   A node without a pull callback is an insert: its push comes before its pull in the same graph, the push
   callback changes the block in place, and the pull answers it. Were they ever run in the other order, the
   callback gets position -1. */
#include <stdint.h>
#include <string.h>

#define NODES 256
#define CHANNELS 2
#define MAX_BLOCK 8192
#ifdef _WIN32
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

typedef void (*block_callback)(int node, int64_t position, float *samples, int block);

static struct {
    block_callback pull, push;
    int block;
    int64_t pulled, pushed;
    float in[CHANNELS * MAX_BLOCK], out[CHANNELS * MAX_BLOCK];
} nodes[NODES];

/* Arms a node for one render, an insert where pull is NULL; answers 0, or -1 when node or block is out of range. */
EXPORTED int pisada_arm(int node, int block, block_callback pull, block_callback push) {
    if (node < 0 || node >= NODES || block < 1 || block > MAX_BLOCK) return -1;
    nodes[node].pull = pull;
    nodes[node].push = push;
    nodes[node].block = block;
    nodes[node].pulled = nodes[node].pushed = -1;
    memset(nodes[node].in, 0, sizeof nodes[node].in);
    return 0;
}

EXPORTED float pisada_pull(int node, int channel, int t) {
    int block = nodes[node].block;
    int64_t start = (int64_t)t / block * block;
    if (!nodes[node].pull) {
        if (start != nodes[node].pushed) nodes[node].push(node, -1, nodes[node].out, block);
        return nodes[node].out[channel * block + (t - start)];
    }
    if (start != nodes[node].pulled) {
        nodes[node].pull(node, start, nodes[node].in, block);
        nodes[node].pulled = start;
    }
    return nodes[node].in[channel * block + (t - start)];
}

EXPORTED float pisada_push(int node, int channel, int t, float sample) {
    int block = nodes[node].block, offset = t % block;
    nodes[node].out[channel * block + offset] = sample;
    if (channel == CHANNELS - 1 && offset == block - 1) {
        nodes[node].push(node, (int64_t)t - offset, nodes[node].out, block);
        nodes[node].pushed = (int64_t)t - offset;
    }
    return sample;
}

/* Everything before this call in memory is done before everything after it, also on processors that change the order of
   loads and stores (ARM). For memory that is shared with the plug-in's host. */
EXPORTED void pisada_fence(void) { __sync_synchronize(); }

/* Python's import hook; the module is opened with ctypes and never imported. */
EXPORTED void *PyInit__bridge(void) { return 0; }
