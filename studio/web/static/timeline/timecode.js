// Timecode, frames and samples of a programme, in whole numbers. It is the arithmetic of render/project/timecode.py.

const two = (number) => String(number).padStart(2, "0");

export class Clock {
  /** @param {{rate_hz, fps, exact: [number, number], nominal, drop, start_frames}} view from the server. */
  constructor(view) {
    Object.assign(this, view);
    this.startSamples = this.fps ? this.samplesOf(view.start_frames) : 0;
  }

  get hasFrames() {
    return this.fps !== "";
  }

  /** Return the sample nearest to the start of a frame; both count from 00:00:00:00. Halves are rounded up. */
  samplesOf(frames) {
    const [over, under] = this.exact.map(BigInt);
    const value = 2n * BigInt(frames) * BigInt(this.rate_hz) * under + over;
    return Number(value / (2n * over));
  }

  /** Return the frame that contains a sample; the sample counts from the programme's start, the frame from midnight. */
  frameAt(samples) {
    const [over, under] = this.exact.map(BigInt);
    const doubled = (2n * BigInt(this.startSamples + samples) + 1n) * over;
    const size = 2n * BigInt(this.rate_hz) * under;
    return Number((doubled + size - 1n) / size) - 1;
  }

  /** Return the first sample of a frame, from the programme's start. */
  frameStart(frames) {
    return this.samplesOf(frames) - this.startSamples;
  }

  /** Return the first sample of the frame nearest to a sample. */
  nearestFrame(samples) {
    const frame = this.frameAt(Math.max(0, samples));
    const [before, after] = [this.frameStart(frame), this.frameStart(frame + 1)];
    return samples - before <= after - samples ? before : after;
  }

  /** Return a sample some frames away; from the first sample of a frame it leads to the first sample of a frame. */
  framesAway(samples, frames) {
    return this.frameStart(this.frameAt(samples) + frames);
  }

  /** Return the timecode of a frame, counted from midnight. */
  labelOf(frame) {
    const perMinute = 60 * this.nominal - this.drop;
    const perTen = 10 * perMinute + this.drop;
    const day = 24 * 3600 * this.nominal - this.drop * (24 * 60 - 24 * 6);
    const frames = ((frame % day) + day) % day;
    const tens = Math.floor(frames / perTen);
    const skips = Math.max(0, Math.floor(((frames % perTen) - this.drop) / perMinute));
    const counted = frames + this.drop * (9 * tens + skips);
    const seconds = Math.floor(counted / this.nominal);
    const mark = this.drop ? ";" : ":";
    return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}${mark}${two(counted % this.nominal)}`;
  }

  /** Return the timecode of a sample, or minutes and seconds without a frame rate. */
  label(samples) {
    if (this.hasFrames) return this.labelOf(this.frameAt(samples));
    const sign = samples < 0 ? "-" : "";
    const milliseconds = Math.floor((Math.abs(samples) * 1000) / this.rate_hz);
    const seconds = Math.floor(milliseconds / 1000);
    return `${sign}${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${String(milliseconds % 1000).padStart(3, "0")}`;
  }

  /** Return a sample as timecode with the samples after it, when it is not the first sample of a frame. */
  exactLabel(samples) {
    const after = this.hasFrames ? samples - this.frameStart(this.frameAt(samples)) : 0;
    return after ? `${this.label(samples)} +${after}` : this.label(samples);
  }

  /** Return the sample of a typed time: timecode, seconds ("12.5") or samples ("480smp"); null if it is none. */
  parse(text) {
    const typed = text.trim();
    let match = /^(\d{1,2}):(\d{2}):(\d{2})[:;](\d{2})(?:\s*\+(\d+))?$/.exec(typed);
    if (match && this.hasFrames) {
      const [hours, minutes, seconds, frames] = match.slice(1, 5).map(Number);
      const allMinutes = 60 * hours + minutes;
      const label = (60 * allMinutes + seconds) * this.nominal + frames;
      const frame = label - this.drop * (allMinutes - Math.floor(allMinutes / 10));
      if (this.labelOf(frame).replace(";", ":") !== typed.split("+")[0].trim().padStart(11, "0").replace(";", ":")) return null;
      return this.frameStart(frame) + Number(match[5] || 0);
    }
    match = /^(\d+)\s*smp$/i.exec(typed);
    if (match) return Number(match[1]);
    match = /^(?:(\d+):)?(?:(\d{1,2}):)?(\d+(?:\.\d+)?)$/.exec(typed);
    if (!match) return null;
    const whole = match[2] === undefined ? Number(match[1] || 0) * 60 : Number(match[1]) * 3600 + Number(match[2]) * 60;
    return Math.round((whole + Number(match[3])) * this.rate_hz);
  }

  /** Return the marks of the ruler, at least `least` samples apart: { step, at(index) → sample }. */
  ruler(least) {
    const seconds = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
    if (this.hasFrames && least > 1) {
      const frame = (this.rate_hz * this.exact[1]) / this.exact[0];
      const half = this.nominal % 2 ? this.nominal / 5 : this.nominal / 2;
      const counts = [1, 2, half, ...seconds.map((each) => each * this.nominal)];
      const count = counts.find((each) => each * frame >= least) || counts.at(-1);
      if (least >= frame / 5) return { step: count * frame, at: (index) => this.frameStart(this.start_frames + index * count) };
    }
    const steps = [1, 10, 100, 480, 4800, ...seconds.map((each) => each * this.rate_hz)];
    const step = steps.find((each) => each >= least) || steps.at(-1);
    return { step, at: (index) => index * step };
  }
}
