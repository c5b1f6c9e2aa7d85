/** The other thread of the bare limits: adds up what is posted to it, and posts the total when it is asked. */
import { parentPort } from 'node:worker_threads';

let total = 0;
parentPort.on('message', (message) => {
  if (message.type === 'inc') total += message.n;
  else parentPort.postMessage(total);
});
