// MIDI by the browser: keys strike, and controllers move what they learned.

const STORED = "pisada.midi";

export class Midi extends EventTarget {
  constructor() {
    super();
    this.map = JSON.parse(localStorage.getItem(STORED) || "{}");
    this.learning = null;
    this.ports = [];
  }

  get possible() {
    return Boolean(navigator.requestMIDIAccess);
  }

  /** Listen to all ports. */
  async begin() {
    if (!this.possible) throw new Error("This browser has no MIDI. Chromium, Chrome, Edge and Firefox have it.");
    this.access ??= await navigator.requestMIDIAccess();
    const listen = () => {
      this.ports = [...this.access.inputs.values()];
      for (const port of this.ports) port.onmidimessage = ({ data }) => this.receive(data);
      this.dispatchEvent(new Event("ports"));
    };
    this.access.onstatechange = listen;
    listen();
  }

  /** The next controller that moves will move this control; null ends learning. */
  learn(control) {
    this.learning = control;
    this.dispatchEvent(new Event("learning"));
  }

  /** Forget what a control learned. */
  forget(control) {
    this.map = Object.fromEntries(Object.entries(this.map).filter(([, each]) => each !== control));
    this.store();
  }

  store() {
    localStorage.setItem(STORED, JSON.stringify(this.map));
  }

  receive([status, first, second]) {
    const kind = status & 0xf0;
    if (kind === 0x90 && second) this.say("strike", { key: 64 + first, velocity: second / 127 });
    else if (kind === 0x80 || kind === 0x90) this.say("release", { key: 64 + first });
    else if (kind === 0xb0) {
      const number = `${status & 0x0f}.${first}`;
      if (this.learning) {
        this.forget(this.learning);
        this.map[number] = this.learning;
        this.store();
        this.learn(null);
      }
      if (this.map[number]) this.say("control", { control: this.map[number], part: second / 127 });
    }
  }

  say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
