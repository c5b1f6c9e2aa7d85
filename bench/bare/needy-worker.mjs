/** A worker that loads the two packages that every actor in a worker needs, and says that it runs. */
import { parentPort } from 'node:worker_threads';
import 'msgpackr';
import 'zod';

parentPort.postMessage('ready');
