// Plays the programme from the server's render, in step with the audio clock; the film follows it.
import { get } from "../api.js";
import { channelsOf, clipNode } from "../sound/clips.js";

const RATE_HZ = 48000;
const FIRST_SAMPLES = RATE_HZ / 2;
const NEXT_SAMPLES = RATE_HZ * 2;
const AHEAD_SAMPLES = RATE_HZ * 5;
const LEAD_FRAMES = 4800;

/** Tells "moved" whenever the position may have changed, and "state" when it starts or stops. */
export class Transport extends EventTarget {
  constructor(studio, model) {
    super();
    Object.assign(this, { studio, model, at: 0, playing: false, range: null, loop: false, segments: [], run: 0, node: null });
  }

  async clip() {
    this.node ??= clipNode(this.studio.sound, "clip-player");
    return this.node;
  }

  /** Position in samples from the programme's start; while it plays, what is heard now. */
  get position() {
    if (!this.playing) return this.at;
    const { context } = this.studio.sound;
    const frame = (context.currentTime - (context.outputLatency || 0)) * RATE_HZ;
    let found = this.at;
    for (const segment of this.segments) {
      if (segment.frame > frame) break;
      found = segment.start + Math.min(frame - segment.frame, segment.length);
    }
    return Math.round(found);
  }

  seek(samples) {
    const target = Math.max(0, Math.round(samples));
    const wasPlaying = this.playing;
    if (wasPlaying) this.pause();
    this.at = target;
    this.dispatchEvent(new Event("moved"));
    if (wasPlaying) this.play();
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  async pause() {
    const at = this.position;
    this.run += 1;
    this.playing = false;
    this.at = at;
    (await this.clip()).port.postMessage({ clear: true });
    this.dispatchEvent(new Event("state"));
    this.dispatchEvent(new Event("moved"));
  }

  async play() {
    const run = (this.run += 1);
    const node = await this.clip();
    const { range, loop } = this;
    const inside = range && (loop || (this.at >= range[0] && this.at < range[1]));
    let from = inside && (this.at < range[0] || this.at >= range[1]) ? range[0] : this.at;
    const end = inside ? range[1] : this.model.length;
    if (from >= end) from = inside ? range[0] : 0;
    this.studio.heard("Timeline");
    let audio = await this.studio.attempt(() => this.fetch(from, Math.min(from + FIRST_SAMPLES, end)));
    if (!audio || run !== this.run) return;
    const { context } = this.studio.sound;
    let frame = Math.round(context.currentTime * RATE_HZ) + LEAD_FRAMES;
    this.at = from;
    this.segments = [];
    this.playing = true;
    this.dispatchEvent(new Event("state"));
    while (run === this.run && audio) {
      const length = audio[0].length;
      this.segments.push({ frame, start: from, length });
      if (this.segments.length > 64) this.segments.shift();
      node.port.postMessage({ block: { at: frame, channels: audio } });
      frame += length;
      from += length;
      if (from >= end || length === 0) {
        if (!(inside && loop)) break;
        from = range[0];
      }
      while (run === this.run && frame - context.currentTime * RATE_HZ > AHEAD_SAMPLES) await pause(200);
      if (run !== this.run) return;
      const start = from;
      audio = await this.studio.attempt(() => this.fetch(start, Math.min(start + NEXT_SAMPLES, end)));
      const late = Math.round(context.currentTime * RATE_HZ) + LEAD_FRAMES - frame;
      if (late > 0) frame += late; // the server was too slow: a pause, never a jump
    }
    while (run === this.run && context.currentTime * RATE_HZ < frame) await pause(50);
    if (run === this.run) await this.pause();
  }

  async fetch(start, stop) {
    return channelsOf(await get("/timeline/hear", { start, stop }));
  }

  /** Hear a row alone, from its clip. */
  async audition(id) {
    if (this.playing) await this.pause();
    const node = await this.clip();
    const channels = channelsOf(await get("/timeline/hear-cue", { id }));
    node.port.postMessage({ clear: true });
    const at = Math.round(this.studio.sound.context.currentTime * RATE_HZ) + 960;
    node.port.postMessage({ block: { at, channels } });
    this.studio.heard(id);
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Keeps a film in step with the transport. */
export class FilmFollower {
  constructor(video, transport, clock) {
    Object.assign(this, { video, transport, clock, start: 0 });
  }

  /** Move the film to the position; while it plays, correct its speed, and jump only when it is far off. */
  follow() {
    const { video, transport } = this;
    if (!video.src || video.readyState < 1) return;
    const wanted = (transport.position - this.start) / RATE_HZ;
    const inside = wanted >= 0 && wanted < (video.duration || Infinity);
    if (!transport.playing || !inside) {
      if (!video.paused) video.pause();
      const target = Math.max(0, Math.min(wanted + 0.001, video.duration || 0));
      if (!video.seeking && Math.abs(video.currentTime - target) > 0.004) video.currentTime = target;
      return;
    }
    if (video.paused) video.play().catch(() => {});
    const off = video.currentTime - wanted;
    if (Math.abs(off) > 0.15 && !video.seeking) video.currentTime = wanted + 0.02;
    video.playbackRate = Math.abs(off) < 0.006 ? 1 : Math.max(0.9, Math.min(1.1, 1 - off * 1.5));
  }
}
