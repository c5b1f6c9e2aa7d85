/** A worker that does nothing but say that it runs. */
import { parentPort } from 'node:worker_threads';

parentPort.postMessage('ready');
