/**
 * The cell of an actor that passes its messages on, and whose own mailbox takes only how it is managed.
 *
 * Refs of it look like any other's: `ref.ts` calls a target, and this one knows somebody to call. So a message goes to
 * its receiver on the sender's turn, and the router is no queue that all of them pass (Proto.Actor's routers).
 */
import { Cell } from '../cell.ts';
import type { Operation } from '../operation.ts';

export abstract class FrontCell extends Cell {
  /** True for a message about the router, and not for its routees: it waits in the mailbox as any actor's does. */
  protected isOwn(operation: Operation): boolean {
    return this.behavior.front!.own[operation.index] === operation;
  }
}
