/** The carrier between two threads of a process: a port that takes whole frames and transfers their bytes. */
import type { Port } from '../base/environment/place.ts';
import type { Carrier } from '../transport/session.ts';
import { postFrame } from './thread-messages.ts';

/** Straight to the thread at the other end of `port`. What is in flight is bounded by the session's credit. */
export function portCarrier(port: Port): Carrier {
  return {
    send(frame, beside) {
      postFrame(port, frame, beside);
      return true;
    },
    drained: () => Promise.resolve(),
  };
}

/** By way of the main thread at the other end of `port`, over its link of that epoch to `placeId`'s node. */
export function relayCarrier(port: Port, placeId: string, epoch: number, resumes: boolean): Carrier {
  return {
    resumes,
    send(frame) {
      port.post({ kind: 'relay', placeId, frame, epoch }, [frame.buffer]);
      return true;
    },
    drained: () => Promise.resolve(),
  };
}
