// The worker that holds the socket: it writes what comes into the ring, and says how far the page has played.
import { CAPACITY, LIVE, READ, UNDERRUNS, WRITTEN, views } from "./ring.js";

const TICK_MS = 6;
const START = 4096; // 85 ms at 48 kHz
const LEAST = 1536;
const MOST = 16384;
const STEP = 512;
const QUIET_S = 8; // without an underrun for this long, the latency shrinks by a step

let ring, socket, base, played, lastRead, target, waiting, lastUnderruns, quietSince;

function connect(url) {
  socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => (typeof data === "string" ? onText(JSON.parse(data)) : onBlock(data));
  socket.onclose = ({ code }) => {
    Atomics.store(ring.counters, LIVE, 0);
    postMessage({ type: "closed", code });
  };
}

function onText(message) {
  if (message.type === "hello") {
    const { counters } = ring;
    Atomics.store(counters, READ, Atomics.load(counters, WRITTEN));
    lastRead = Atomics.load(counters, READ);
    base = played = message.position;
    target = START;
    lastUnderruns = Atomics.load(counters, UNDERRUNS);
    quietSince = performance.now();
    sendCredit();
    waiting.splice(0).forEach(sendAct);
    message.read = lastRead >>> 0;
  }
  postMessage(message);
}

function onBlock(data) {
  const view = new DataView(data);
  const count = view.getUint32(8, true);
  const { counters, channels } = ring;
  const written = Atomics.load(counters, WRITTEN);
  const audio = data.byteLength > 12 ? new Float32Array(data.slice(12)) : null;
  channels.forEach((channel, number) => {
    for (let index = 0; index < count; index += 1) {
      channel[(written + index) & (CAPACITY - 1)] = audio ? audio[number * count + index] : 0;
    }
  });
  Atomics.store(counters, WRITTEN, (written + count) | 0);
  if (!Atomics.load(counters, LIVE) && fill() >= target) Atomics.store(counters, LIVE, 1);
}

const fill = () => (Atomics.load(ring.counters, WRITTEN) - Atomics.load(ring.counters, READ)) | 0;

function sendCredit() {
  const read = Atomics.load(ring.counters, READ);
  played += (read - lastRead) | 0;
  lastRead = read;
  socket.send(`{"type":"credit","played":${played},"target":${target}}`);
}

function sendAct(act) {
  socket.send(JSON.stringify({ type: "act", ...act }));
}

function adapt() {
  const underruns = Atomics.load(ring.counters, UNDERRUNS);
  const now = performance.now();
  if (underruns !== lastUnderruns) {
    target = Math.min(MOST, target + 2 * STEP);
    quietSince = now;
    lastUnderruns = underruns;
  } else if (now - quietSince > QUIET_S * 1000) {
    target = Math.max(LEAST, target - STEP);
    quietSince = now;
  }
  postMessage({ type: "state", target, underruns, played });
}

setInterval(() => {
  if (socket?.readyState === WebSocket.OPEN && base !== undefined) sendCredit();
}, TICK_MS);
setInterval(() => {
  if (socket?.readyState === WebSocket.OPEN && base !== undefined) adapt();
}, 250);

onmessage = ({ data }) => {
  if (data.type === "start") {
    ring = views(data.ring);
    waiting = [];
    connect(data.url);
  } else if (data.type === "connect") {
    base = undefined;
    connect(data.url);
  } else if (data.type === "samples") {
    if (socket?.readyState === WebSocket.OPEN && base !== undefined) socket.send(data.samples);
  } else if (socket?.readyState === WebSocket.OPEN && base !== undefined) {
    sendAct(data.act);
  } else {
    waiting?.push(data.act);
  }
};
