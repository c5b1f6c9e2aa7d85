/**
 * A message that an actor has accepted for another one: how it gets there, to a cell of this place or to another place.
 *
 * To a cell it goes as it is, with its envelope, so that the cell answers and settles it. To another place a tell is
 * settled when it is in the next session, which accounts for it from there; a request is relayed.
 */
import { Cell } from '../cell.ts';
import type { Envelope } from '../mailbox.ts';
import type { Operation } from '../operation.ts';
import type { Request } from '../request.ts';
import type { StreamRequest } from '../stream-request.ts';
import type { Target } from '../target.ts';
import { judgeCall } from '../wait-for.ts';
import { relayAsk, relayRun, relayStream } from './relay.ts';

/** @returns false where its sender should slow down */
export function passOn(front: Cell, target: Target, envelope: Envelope, message: unknown): boolean {
  if (envelope.request !== undefined) {
    passRequest(front, target, envelope.request, message);
    return true;
  }
  if (target instanceof Cell) return handTo(target, envelope, message);
  const { operation } = envelope;
  let hasRoom = false;
  try {
    hasRoom = target.tell(operation, message);
  } catch {
    // It was valid here, and holds what its next place cannot be sent.
    diesHere(front, operation, message, 'invalid');
  }
  envelope.origin?.settled();
  return hasRoom;
}

export function passRequest(front: Cell, target: Target, request: Request, message: unknown): void {
  const { operation } = request;
  if (target instanceof Cell) handRequest(front, target, request, message);
  else if (operation.kind === 'stream') {
    const run = relayRun(front, request);
    void relayStream(request as StreamRequest, target.stream(operation, message, undefined, run), run);
  } else relayAsk(front, request, (asked, options, owner) => target.ask(asked, message, options, owner));
}

/** Puts a message into the mailbox of another actor of this place, with its refs for that one. */
export function handTo(cell: Cell, envelope: Envelope, message: unknown): boolean {
  const { input } = envelope.operation;
  const own = input.plain ? message : input.rebind(message, cell);
  const { request } = envelope;
  if (request === undefined || !request.isAdmitted) return cell.accept(envelope, own);
  cell.acceptFirst(request, own);
  return true;
}

/** A message that goes no further becomes a dead letter of the actor that accepted it. */
export function diesHere(
  front: Cell,
  operation: Operation,
  message: unknown,
  reason: 'failed' | 'invalid' | 'unreachable',
  path: string = front.path(),
): false {
  front.host.counters.refused += 1;
  const letter = front.host.letterOf(operation.input, message);
  front.host.deadLetters.add({
    path,
    operation: operation.label,
    reason,
    message: letter,
    target: front,
    of: operation,
  });
  return false;
}

export function refuse(request: Request, error: Error): void {
  request.fail(error);
  request.origin?.settled();
}

function handRequest(front: Cell, cell: Cell, request: Request, message: unknown): void {
  const { operation } = request;
  try {
    request.isAdmitted = operation.kind === 'ask' && judgeCall(cell, relayRun(front, request), operation) === 'admit';
  } catch (cycle) {
    refuse(request, cycle as Error);
    return;
  }
  handTo(cell, request, message);
}
