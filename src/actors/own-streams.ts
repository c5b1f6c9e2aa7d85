import type { Slice } from '../base/environment/scheduler.ts';
import { isA } from '../base/thrown.ts';
import type { Cell } from './cell.ts';
import type { CellExtension } from './cell-extension.ts';
import { settleDeclared } from './declared-failure.ts';
import { InterleavedRun } from './interleaved-run.ts';
import { isThenable } from './lifecycle.ts';
import { Status } from './mailbox.ts';
import { ActorFailed, Lagged } from './outcomes.ts';
import type { Run } from './run.ts';
import { RunsBeside } from './runs-beside.ts';
import { type StreamHost, type StreamRequest, StreamRun } from './stream-request.ts';

export abstract class OwnStreams extends RunsBeside implements StreamHost {
  protected answerStream(request: StreamRequest, message: unknown): boolean {
    request.message = message;
    const run = new InterleavedRun(this as unknown as Cell);
    run.envelope = request;
    request.run = run;
    try {
      this.openStream(request, this.call(run, request, message), run);
    } catch (error) {
      const failure = settleDeclared(error, request);
      if (failure !== undefined) {
        this.failed(failure.thrown, request, message, run);
        return false;
      }
      this.extra?.forget(run);
    }
    request.origin?.settled();
    return true;
  }

  protected openStream(request: StreamRequest, result: unknown, run: Run): void {
    if (this.isOver) throw new ActorFailed(`${this.path()} has ended`);
    const iterable = result as AsyncIterable<unknown> | undefined;
    if (typeof iterable?.[Symbol.asyncIterator] !== 'function') {
      // A rejection of an `async` function in place of an `async function*` is part of the same mistake.
      if (isThenable(result)) result.then(undefined, () => undefined);
      throw new TypeError(
        `the handler of ${request.operation.label} must return an AsyncIterable, such as an async generator`,
      );
    }
    const stream = new StreamRun(this, request, iterable, run);
    const { extension } = this;
    extension.streams.add(stream);
    extension.beside.beginStream(run);
    request.onGivenUp = () => {
      run.abort('the reader has gone');
      stream.close();
      this.streamEnded(stream);
    };
    // At once, and so at its place in the order: what it observes is observed from before the next message on.
    extension.beside.calling = run;
    stream.pump();
    extension.beside.calling = undefined;
  }

  wantsPull(stream: StreamRun): void {
    if (this.isOver) return;
    this.extension.pulls.push(stream);
    // What cannot begin for want of room keeps the messages behind it, and no stream.
    if (this.status === Status.idle || (this.status === Status.suspended && !this.isClosed)) this.makeReady();
  }

  streamEnded(stream: StreamRun): void {
    this.extension.endStream(stream);
  }

  streamLeft(stream: StreamRun): void {
    this.extra?.beside.end(stream.run);
  }

  streamFailed(stream: StreamRun, error: unknown): void {
    this.streamEnded(stream);
    // A reader that is too slow is no failure of the actor.
    if (isA(error, Lagged)) stream.request.fail(error);
    else {
      const failure = settleDeclared(error, stream.request);
      if (failure === undefined) return;
      stream.request.fail(this.failureOf(stream.request.operation.label, failure.thrown));
      this.failed(failure.thrown);
    }
  }

  protected pumpStreams({ pulls, beside }: CellExtension, slice: Slice): void {
    for (let left = pulls.size; left > 0; left -= 1) {
      const stream = pulls.shift();
      if (stream === undefined) break;
      if (slice.isClose) this.mark(stream.request.operation);
      beside.calling = stream.run;
      stream.pump();
      // Counted like a message, so that its time is not taken for that of the next.
      slice.spent(1);
    }
    beside.calling = undefined;
  }

  streamWentOn({ request }: StreamRun): void {
    this.host.outsideTurns?.note(this, request.operation.label);
  }
}
