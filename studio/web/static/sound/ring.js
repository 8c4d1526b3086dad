// The memory that the socket's worker writes and the audio thread reads.

export const CHANNELS = 2;
export const CAPACITY = 32768; // frames; a power of two
export const [WRITTEN, READ, UNDERRUNS, LIVE] = [0, 1, 2, 3];

/** Return new shared memory: four counters, and the frames of each channel. */
export function newRing() {
  return { counters: new SharedArrayBuffer(16), frames: new SharedArrayBuffer(CAPACITY * CHANNELS * 4) };
}

/** Return views of shared memory. */
export function views({ counters, frames }) {
  const channels = [];
  for (let channel = 0; channel < CHANNELS; channel += 1) {
    channels.push(new Float32Array(frames, channel * CAPACITY * 4, CAPACITY));
  }
  return { counters: new Int32Array(counters), channels };
}
