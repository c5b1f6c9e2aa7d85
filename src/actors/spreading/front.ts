/** The parts of a definition that routers and pools have in common. */

import type { MailboxOptions, Signals } from '../actor.ts';
import type { ActorBehavior, Front } from '../behavior.ts';
import { compiledProtocol } from '../operation.ts';
import type { Supervise } from '../supervise.ts';
import type { Terminated } from '../watch.ts';
import type { Managed } from './routees.ts';
import { RouterControl } from './router-control.ts';

interface FrontParts {
  readonly createState: ActorBehavior['createState'];
  readonly front: Front;
  readonly internal: {};
  readonly uses: readonly [];
  readonly mailbox: MailboxOptions;
  readonly signals: Signals<unknown, unknown>;
  readonly supervise: Supervise;
  readonly strategy: undefined;
  readonly reentrant: false;
  readonly idleMs: undefined;
  readonly behaviors: readonly [];
  readonly behaviorHandlers: {};
  readonly handlers: {};
  readonly closure: true;
}

/** @param createState makes the object whose methods manage it. @param terminated Of what it watches. */
export function frontOf(
  cellClass: Front['cellClass'],
  createState: ActorBehavior['createState'],
  terminated: (state: unknown, event: Terminated, context: Managed) => void,
): FrontParts {
  const control = compiledProtocol(RouterControl);
  return {
    createState,
    front: { cellClass, control, own: [...control.operations.values()] },
    internal: {},
    uses: [],
    mailbox: {},
    signals: { terminated: (state, event, context) => terminated(state, event, context as Managed) },
    // Whom it passes on to must outlast a failure of its own.
    supervise: { directive: () => 'resume' },
    strategy: undefined,
    reentrant: false,
    idleMs: undefined,
    behaviors: [],
    behaviorHandlers: {},
    handlers: {},
    closure: true,
  };
}
