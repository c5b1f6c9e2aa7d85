/**
 * What stands above an actor that was placed here by a parent elsewhere: the deputy of that parent.
 *
 * It is no actor that anybody could send to. It gives its child the path that its parent has, hands a failure that
 * escalates on to the parent, and sees to it that no child outlives its stand-in: one whose stand-in has ended, or was
 * lost with its place, is stopped.
 */
import * as z from 'zod';
import { limits } from '../../base/limits.ts';
import { ActorBehavior } from '../behavior.ts';
import { Cell } from '../cell.ts';
import type { HostedBehavior } from '../hosted-behavior.ts';
import { Status } from '../mailbox.ts';
import { protocol } from '../protocol.ts';
import { takeDown } from '../restart.ts';
import type { Watcher } from '../target.ts';
import type { PlaceOwner } from './placement.ts';

export class Deputy extends Cell {
  readonly standIn: PlaceOwner;
  /** Gives the generation that its child then waits for. */
  private goingDown: Promise<number> | undefined = undefined;

  constructor(hosted: HostedBehavior, id: number, standIn: PlaceOwner) {
    super(hosted, undefined, id, undefined);
    this.standIn = standIn;
    this.status = Status.idle;
  }

  /** That of the parent. */
  override branch(): string {
    const { branch } = this.standIn;
    return branch.slice(0, branch.lastIndexOf('/'));
  }

  override path(): string {
    return `troupe://${this.standIn.placeId}${this.branch()}`;
  }

  /** Ends `child` when its stand-in has ended. */
  minds(child: Cell): void {
    const { standIn } = this;
    const watcher: Watcher = {
      terminated: () => {
        child.stop(false, { deadlineMs: limits.childStopMs }).catch(() => {
          // It was killed then: it has ended all the same.
        });
      },
    };
    child.watch({ terminated: () => standIn.unwatch(watcher) });
    standIn.watch(watcher);
  }

  /** The child restarts together with its siblings elsewhere: it goes down now, and comes up again when it is told to. */
  takeDown(child: Cell): void {
    this.goingDown ??= takeDown(child);
  }

  /** Makes its state anew. */
  async restart(child: Cell): Promise<void> {
    const down = this.goingDown ?? takeDown(child);
    this.goingDown = undefined;
    const generation = await down;
    if (child.awaitsRestart(generation)) await child.rebuild(generation);
  }

  override get standInOfChild(): string {
    return this.standIn.path;
  }

  override childEscalates(error: unknown): void {
    this.standIn.escalated(error);
  }

  /** The parent fails, which is elsewhere. */
  protected override failed(): void {
    // It was told by `childEscalates`.
  }
}

/** The definition of all deputies. */
export const deputy: ActorBehavior = new ActorBehavior(protocol('troupe.deputy', {}), {
  args: z.object({}),
  name: 'deputy',
  createState: () => undefined,
  internal: {},
  uses: [],
  mailbox: {},
  idleMs: undefined,
  signals: {},
  supervise: {},
  strategy: undefined,
  reentrant: false,
  handlers: {},
  behaviors: [],
  behaviorHandlers: {},
  closure: true,
}) as unknown as ActorBehavior;
