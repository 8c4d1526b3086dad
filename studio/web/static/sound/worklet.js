// The audio thread: it copies frames from the ring to the output, unchanged. What is missing is silence, and is counted.
import { CAPACITY, LIVE, READ, UNDERRUNS, WRITTEN, views } from "./ring.js";

class Player extends AudioWorkletProcessor {
  constructor(options) {
    super();
    Object.assign(this, views(options.processorOptions));
    this.tapped = false;
    this.port.onmessage = ({ data }) => {
      this.tapped = data.tap;
    };
  }

  process(_, [output]) {
    const { counters, channels } = this;
    const wanted = output[0].length;
    const read = Atomics.load(counters, READ);
    const ready = (Atomics.load(counters, WRITTEN) - read) | 0;
    const count = Math.min(wanted, Math.max(0, ready));
    for (let channel = 0; channel < output.length; channel += 1) {
      for (let index = 0; index < count; index += 1) {
        output[channel][index] = channels[channel][(read + index) & (CAPACITY - 1)];
      }
    }
    Atomics.store(counters, READ, (read + count) | 0);
    if (count < wanted && Atomics.load(counters, LIVE)) Atomics.add(counters, UNDERRUNS, 1);
    if (this.tapped && count) {
      this.port.postMessage({ read: read >>> 0, frames: output.map((channel) => channel.slice(0, count)) });
    }
    return true;
  }
}

registerProcessor("player", Player);
