// Two audio processors for sounds that the page holds: one plays blocks at exact frames, one switches between versions.

class ClipPlayer extends AudioWorkletProcessor {
  constructor() {
    super();
    this.blocks = [];
    this.tapped = false;
    this.port.onmessage = ({ data }) => {
      if (data.clear) this.blocks = [];
      if (data.block) this.blocks.push(data.block);
      if (data.tap !== undefined) this.tapped = data.tap;
    };
  }

  process(_, [output]) {
    const size = output[0].length;
    let heard = false;
    for (const { at, channels } of this.blocks) {
      const from = Math.max(0, at - currentFrame);
      const to = Math.min(size, at + channels[0].length - currentFrame);
      for (let channel = 0; channel < output.length && from < to; channel += 1) {
        heard = true;
        const [source, target] = [channels[channel], output[channel]];
        for (let index = from; index < to; index += 1) target[index] += source[currentFrame + index - at];
      }
    }
    this.blocks = this.blocks.filter(({ at, channels }) => at + channels[0].length > currentFrame + size);
    if (this.tapped && heard) {
      this.port.postMessage({ frame: currentFrame, frames: output.map((channel) => channel.slice()) });
    }
    return true;
  }
}

const FADE_FRAMES = 240;
const REPORT_BLOCKS = 8;

/** Plays one of several versions of equal length; a switch fades over 5 ms at the very same position. */
class Switcher extends AudioWorkletProcessor {
  constructor() {
    super();
    Object.assign(this, { versions: [], gains: [], chosen: 0, position: 0, playing: false, from: 0, to: 0, loop: true, count: 0 });
    this.tapped = false;
    this.port.onmessage = ({ data }) => this.take(data);
  }

  take(data) {
    if (data.versions) {
      this.versions = data.versions;
      this.gains = data.versions.map((_, index) => (index === (data.chosen ?? 0) ? 1 : 0));
      Object.assign(this, { chosen: data.chosen ?? 0, position: 0, playing: false, from: 0, to: data.versions[0][0].length });
    }
    if (data.chosen !== undefined) this.chosen = data.chosen;
    if (data.loop !== undefined) this.loop = data.loop;
    if (data.part) [this.from, this.to] = data.part;
    if (data.position !== undefined) this.position = data.position;
    if (data.playing !== undefined) {
      if (data.playing && (this.position < this.from || this.position >= this.to)) this.position = this.from;
      this.playing = data.playing;
      this.report();
    }
    if (data.tap !== undefined) this.tapped = data.tap;
  }

  report() {
    this.port.postMessage({ position: this.position, playing: this.playing });
  }

  process(_, [output]) {
    if (!this.playing || !this.versions.length) return true;
    for (let index = 0; index < output[0].length; index += 1) {
      if (this.position >= this.to) {
        if (!this.loop) {
          this.playing = false;
          this.position = this.from;
          break;
        }
        this.position = this.from;
      }
      for (let version = 0; version < this.versions.length; version += 1) {
        const wanted = version === this.chosen ? 1 : 0;
        const gain = this.gains[version];
        if (gain !== wanted) this.gains[version] = wanted ? Math.min(1, gain + 1 / FADE_FRAMES) : Math.max(0, gain - 1 / FADE_FRAMES);
        if (this.gains[version] === 0) continue;
        const channels = this.versions[version];
        for (let channel = 0; channel < output.length; channel += 1) {
          output[channel][index] += this.gains[version] * channels[channel % channels.length][this.position];
        }
      }
      this.position += 1;
    }
    this.count += 1;
    if (this.count % REPORT_BLOCKS === 0 || !this.playing) this.report();
    if (this.tapped) this.port.postMessage({ frame: currentFrame, frames: output.map((channel) => channel.slice()) });
    return true;
  }
}

registerProcessor("clip-player", ClipPlayer);
registerProcessor("switcher", Switcher);
