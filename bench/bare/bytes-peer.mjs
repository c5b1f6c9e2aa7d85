/**
 * The other thread of the bare limit: adds up the bytes that are transferred to it, and says how many when it is asked.
 *
 * It loads what a worker of ours has loaded: buffers make the collector run, and what that costs depends on how much
 * there is to look through (a third of a chunk's cost, measured).
 */
import { parentPort } from 'node:worker_threads';
import 'troupe';

let total = 0;
parentPort.on('message', (message) => {
  if (typeof message === 'string') parentPort.postMessage(total);
  else total += message.byteLength;
});
