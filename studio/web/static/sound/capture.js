// The audio thread's part of the microphone: it hands on what it hears, in pieces.
const PIECE = 512;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Float32Array(PIECE);
    this.held = 0;
  }

  process([input]) {
    const heard = input[0];
    for (let index = 0; heard && index < heard.length; index += 1) {
      this.piece[this.held] = heard[index];
      this.held += 1;
      if (this.held === PIECE) {
        this.port.postMessage(this.piece.slice());
        this.held = 0;
      }
    }
    return true;
  }
}

registerProcessor("capture", Capture);
