/** Gives Node what jax-js starts its threads with: a Worker as browsers have it, from the address of a blob. Import it before jax-js. */
import { resolveObjectURL } from 'node:buffer';
import { Worker as Thread } from 'node:worker_threads';

const PRELUDE = `
const { parentPort } = require('node:worker_threads');
globalThis.self = globalThis;
globalThis.postMessage = (message) => parentPort.postMessage(message);
parentPort.on('message', (data) => self.onmessage({ data }));
`;

globalThis.Worker = class {
  #thread;
  #waiting = [];
  constructor(url) {
    resolveObjectURL(url)
      .text()
      .then((script) => {
        this.#thread = new Thread(PRELUDE + script, { eval: true });
        this.#thread.on('message', (data) => this.onmessage?.({ data }));
        this.#thread.on('error', (error) => this.onerror?.(error));
        for (const message of this.#waiting) this.#thread.postMessage(message);
      });
  }
  postMessage(message) {
    if (this.#thread) this.#thread.postMessage(message);
    else this.#waiting.push(message);
  }
  terminate() {
    this.#thread?.terminate();
  }
};
