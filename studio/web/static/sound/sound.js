// The sound of this tab: it starts with the first gesture, plays what the server renders, and sends acts.
import { address } from "../api.js";
import { newRing } from "./ring.js";

export const RATE_HZ = 48000;
const AGAIN_MS = 1000;
const CODES = {
  4404: "This tab's session has ended. Reload the page.",
  4409: "This session already plays in another tab.",
  4429: "Too many tabs play. Close one, then press Sound.",
};

export class Sound extends EventTarget {
  constructor() {
    super();
    this.state = "off";
    this.context = this.node = this.analyser = this.worker = null;
    this.target = this.underruns = this.played = 0;
    this.nextId = 1;
    this.pending = new Map();
  }

  /** Start the sound. Browsers allow it only after a gesture of the person. */
  start() {
    this.starting ??= this.begin();
    if (this.context?.state === "suspended") this.context.resume();
    return this.starting;
  }

  async begin() {
    if (!crossOriginIsolated) throw new Error("This browser does not allow shared memory, which the sound needs.");
    this.change("wait");
    this.context = new AudioContext({ sampleRate: RATE_HZ, latencyHint: "interactive" });
    await this.context.audioWorklet.addModule("/static/sound/worklet.js");
    const ring = newRing();
    this.node = new AudioWorkletNode(this.context, "player", {
      numberOfInputs: 0, outputChannelCount: [2], processorOptions: ring,
    });
    this.analyser = new AnalyserNode(this.context, { fftSize: 2048, smoothingTimeConstant: 0.5 });
    this.volume = new GainNode(this.context);
    this.node.connect(this.analyser);
    this.node.connect(this.volume).connect(this.context.destination);
    this.worker = new Worker("/static/sound/worker.js", { type: "module" });
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.postMessage({ type: "start", ring, url: this.url() });
    await this.context.resume();
  }

  url() {
    return `ws://${location.host}${address("/sound")}`;
  }

  change(state, problem = "") {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, problem } }));
  }

  receive(data) {
    if (data.type === "hello") {
      this.base = data.position;
      this.baseRead = data.read;
      this.change("on");
    } else if (data.type === "state") {
      Object.assign(this, { target: data.target, underruns: data.underruns, played: data.played });
      this.dispatchEvent(new CustomEvent("level"));
    } else if (data.type === "closed") {
      this.change("lost", CODES[data.code] || "");
      for (const { reject } of this.pending.values()) reject(new Error("the sound was lost"));
      this.pending.clear();
      if (!CODES[data.code]) setTimeout(() => this.worker.postMessage({ type: "connect", url: this.url() }), AGAIN_MS);
    } else if (data.type === "applied" || data.type === "refused") {
      const waiting = this.pending.get(data.id);
      this.pending.delete(data.id);
      if (data.type === "applied") waiting?.resolve(data);
      else waiting?.reject(new Error(data.problem));
    }
  }

  /** Send an act, and return when and as which take it was applied. See studio/web/sound/acts.py. */
  async act(act) {
    await this.start();
    const id = this.nextId;
    this.nextId += 1;
    const applied = new Promise((resolve, reject) => this.pending.set(id, { resolve, reject }));
    this.worker.postMessage({ type: "act", act: { ...act, id } });
    return applied;
  }

  strike(to, text, value = 1, key = 0, at = undefined) {
    return this.act({ to, control: "strike", text, value, key, at });
  }

  release(to = "all", key = -1) {
    return this.state === "on" ? this.act({ to, control: "release", key }) : Promise.resolve();
  }

  /** Send the microphone to the server, unchanged; return a function that ends it. */
  async microphone() {
    await this.start();
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 },
    });
    await this.context.audioWorklet.addModule("/static/sound/capture.js");
    const source = this.context.createMediaStreamSource(stream);
    const capture = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0 });
    capture.port.onmessage = ({ data }) => this.worker.postMessage({ type: "samples", samples: data });
    source.connect(capture);
    return () => {
      source.disconnect();
      for (const track of stream.getTracks()) track.stop();
    };
  }

  /** Seconds from a gesture to its sound: ahead in the ring, and in the device. */
  get latencyS() {
    return this.context ? this.target / RATE_HZ + this.context.baseLatency + (this.context.outputLatency || 0) : 0;
  }

  /** Call a listener with every block that the audio thread plays, until it is called with null. */
  tap(listener) {
    this.node.port.onmessage = listener && (({ data }) => listener(data));
    this.node.port.postMessage({ tap: Boolean(listener) });
  }
}
