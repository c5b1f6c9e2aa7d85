/** What is done about a failure: the directive of a definition, as far as its budget allows. */
import { describeThrown } from '../base/errors.ts';
import type { RestartBudget } from './restart-budget.ts';
import { type ActorFailure, type Directive, isDirective, type SupervisionPolicy } from './supervise.ts';

/** A directive as it is carried out, and how the log puts it. */
export interface Decision {
  readonly directive: Directive;
  readonly so: string;
}

/** What the decision needs of whoever acts on it. */
export interface Supervisor {
  /** True where there is no state to go on with, so that `resume` is a restart too. */
  readonly hasNoState: boolean;
  readonly nowMs: number;
  /** The restarts so far; asked for where there is to be one. */
  budget(): RestartBudget;
  /** How the log puts what follows. */
  consequence(directive: Exclude<Directive, 'restart'>): string;
}

export function decide(policy: SupervisionPolicy, failure: ActorFailure, supervisor: Supervisor): Decision {
  let wanted: unknown;
  try {
    wanted = policy.directive(failure);
  } catch (thrown) {
    return { directive: 'stop', so: `stops, since its directive failed as well (${describeThrown(thrown)})` };
  }
  if (!isDirective(wanted)) {
    return { directive: 'stop', so: `stops, since its directive gave ${describeThrown(wanted)}` };
  }
  const isRestart = wanted === 'restart' || (wanted === 'resume' && supervisor.hasNoState);
  if (!isRestart) return { directive: wanted, so: supervisor.consequence(wanted as Exclude<Directive, 'restart'>) };
  const { restartsMax, withinMs, exhausted } = policy;
  const used = supervisor.budget().used(supervisor.nowMs);
  const budget = `${restartsMax} restarts in ${withinMs} ms`;
  if (used < restartsMax) return { directive: 'restart', so: `restarts (${used + 1} of at most ${budget})` };
  return { directive: exhausted, so: `${supervisor.consequence(exhausted)}, since its ${budget} are used up` };
}
