/** The other thread of the bare limits: adds up what is posted to it, and answers what asks. */
import { parentPort } from 'node:worker_threads';
import { fib } from '../fib.mjs';

let total = 0;
parentPort.on('message', (message) => {
  switch (message.type) {
    case 'inc':
      total += message.n;
      break;
    case 'add':
      total += message.message.n;
      parentPort.postMessage({ id: message.id, answer: total });
      break;
    case 'fib':
      parentPort.postMessage({ id: message.id, answer: fib(message.n) });
      break;
    default:
      parentPort.postMessage({ id: message.id, answer: total });
  }
});
