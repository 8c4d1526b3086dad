// Plays sounds that the page holds, at exact frames of the audio clock, beside what the server streams.
const loaded = new WeakMap();

/** Return a processor of clip_worklet.js, connected to the meters and the volume of the studio's sound. */
export async function clipNode(sound, name) {
  await sound.start();
  const { context } = sound;
  if (!loaded.has(context)) loaded.set(context, context.audioWorklet.addModule("/static/sound/clip_worklet.js"));
  await loaded.get(context);
  const node = new AudioWorkletNode(context, name, { numberOfInputs: 0, outputChannelCount: [2] });
  node.connect(sound.analyser);
  node.connect(sound.volume);
  return node;
}

/** Return left and right of samples that lie in turn. */
export function channelsOf(buffer) {
  const samples = new Float32Array(buffer);
  const channels = [new Float32Array(samples.length / 2), new Float32Array(samples.length / 2)];
  for (let index = 0; index < samples.length; index += 1) channels[index & 1][index >> 1] = samples[index];
  return channels;
}
