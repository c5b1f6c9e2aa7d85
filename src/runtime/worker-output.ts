/**
 * What a worker thread writes to its standard output and error, brought to those of the process.
 *
 * Node does that too, and loses what had not been fetched when the thread is terminated: of 300 lines before a loop that
 * held the thread the first one arrived. Here each write is posted as it is made, so what was written before the end is
 * with the process, however the thread ended. Written it is by the main thread, hence in order with what that writes, and
 * through whatever has been put in place of `process.stdout`.
 */

import type { Writable } from 'node:stream';
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';

/** The number of the stream, as of a file descriptor, and what was written to it. */
type Written = readonly [stream: 1 | 2, chunk: Uint8Array | string];

/** In the worker: everything written to its streams is posted to `port` from now on. */
export function postOutput(port: MessagePort): void {
  port.unref();
  redirect(process.stdout, (chunk) => port.postMessage([1, chunk] satisfies Written));
  redirect(process.stderr, (chunk) => port.postMessage([2, chunk] satisfies Written));
}

function redirect(stream: Writable, post: (chunk: Uint8Array | string) => void): void {
  stream._write = (chunk: Uint8Array | string, encoding, done) => {
    // A copy of bytes: what is written may lie in a large buffer, and all of that would be posted.
    if (typeof chunk !== 'string') post(new Uint8Array(chunk));
    else post(encoding === 'utf8' || encoding === 'utf-8' ? chunk : new Uint8Array(Buffer.from(chunk, encoding)));
    done();
  };
  // Chunks come one by one then, also those of a stream that was corked.
  (stream as { _writev: unknown })._writev = null;
}

/** In the main thread: writes what arrives at `port`, which does not keep the process alive. */
export class WorkerOutput {
  readonly #port: MessagePort;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', write);
    port.unref();
  }

  /**
   * Writes what has arrived and was not looked at yet; at the end of the thread, and of the process. In few writes: a pipe
   * holds only so many of them, and what a process that exits has not written then is lost.
   */
  drain(): void {
    let chunks: Uint8Array[] = [];
    let stream: Written[0] = 1;
    const flush = (): void => {
      if (chunks.length > 0) write([stream, Buffer.concat(chunks)]);
      chunks = [];
    };
    for (;;) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) break;
      const [to, chunk] = received.message as Written;
      if (to !== stream) flush();
      stream = to;
      chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    }
    flush();
  }

  /** The thread has ended: writes the rest. */
  close(): void {
    this.drain();
    this.#port.close();
  }
}

function write([stream, chunk]: Written): void {
  (stream === 1 ? process.stdout : process.stderr).write(chunk);
}
