/**
 * Who truly waits for whom, in a system of actors that a test drives: the oracle of `wait-for.test.ts`.
 *
 * It is told when calls are sent, begin and end, and knows nothing of how the runtime searches. A run may end unless one
 * of the calls that it waits for never settles; what may end is found as a least fixed point over the whole system.
 */
export type Op = 'work' | 'peek' | 'pair' | 'single' | 'note' | 'feed';

/** How many runs of an operation may be open beside others; 0 for one that holds its actor. */
export const interleaves: Readonly<Record<Op, number>> = { work: 0, note: 0, feed: 0, peek: 1_024, pair: 2, single: 1 };

export class Call {
  /** `offered` until there was room for it. */
  state: 'offered' | 'queued' | 'open' | 'over' = 'queued';
  /** What its run waits for at this moment. */
  readonly waitsFor = new Set<Call>();
  /** It would never have settled in the queue, and was let in before it. */
  admitted = false;
  /** Given up while it was queued: it takes its place there until those before it have begun. */
  dead = false;
  /** Of a stream: values that nobody has taken, and whether its handler works at the next one. */
  ahead = 0;
  producing = false;

  readonly target: number;
  readonly op: Op;
  readonly caller: Call | undefined;

  constructor(target: number, op: Op, caller: Call | undefined) {
    this.target = target;
    this.op = op;
    this.caller = caller;
  }

  get holds(): boolean {
    return interleaves[this.op] === 0 && this.op !== 'feed';
  }
}

export class WaitModel {
  /** In the order they were sent, those that are over left out. */
  calls: Call[] = [];
  readonly #highWater: number;

  constructor(highWater: number) {
    this.#highWater = highWater;
  }

  add(call: Call): Call {
    this.calls.push(call);
    return call;
  }

  remove(call: Call): void {
    call.state = 'over';
    this.calls = this.calls.filter((one) => one !== call);
  }

  /** Runs that never end, and calls that never begin, if nothing comes from outside to help them. */
  stuck(): Call[] {
    const ending = new Set<Call>();
    const beginning = new Set<Call>();
    for (let before = -1; before < ending.size + beginning.size; ) {
      before = ending.size + beginning.size;
      for (const call of this.calls) {
        if (call.state === 'open') {
          if ([...call.waitsFor].every((waited) => this.#settles(waited, ending, beginning))) ending.add(call);
        } else if (this.#begins(call, ending, beginning)) beginning.add(call);
      }
    }
    return this.calls.filter((call) => !ending.has(call) && !beginning.has(call));
  }

  /** Offers to `target` but for the last `waiting` have been let in. */
  letIn(target: number, waiting: number): void {
    const offered = this.calls.filter((call) => call.target === target && call.state === 'offered');
    for (const call of offered.slice(0, offered.length - waiting)) call.state = 'queued';
  }

  /** True when `call`, sent now by `caller`, would never settle. */
  wouldNeverSettle(call: Call, caller: Call): boolean {
    const isNew = !this.calls.includes(call);
    if (isNew) this.calls.push(call);
    const isWait = !caller.waitsFor.has(call);
    caller.waitsFor.add(call);
    const result = this.stuck().includes(caller);
    if (isNew) this.calls.pop();
    if (isWait) caller.waitsFor.delete(call);
    return result;
  }

  #settles(call: Call, ending: Set<Call>, beginning: Set<Call>): boolean {
    if (call.state === 'over') return true;
    // An offer is settled once it is queued.
    if (call.op === 'note') return call.state !== 'offered' || beginning.has(call);
    if (call.state !== 'open') return beginning.has(call);
    if (call.op !== 'feed') return ending.has(call);
    if (call.ahead > 0) return true;
    return call.producing ? ending.has(call) : this.#isFree(call.target, ending);
  }

  /** True when all that hold the actor may end. */
  #isFree(target: number, ending: Set<Call>): boolean {
    return this.calls.every((one) => one.target !== target || one.state !== 'open' || !one.holds || ending.has(one));
  }

  #begins(call: Call, ending: Set<Call>, beginning: Set<Call>): boolean {
    const mates = this.calls.filter(({ target }) => target === call.target);
    const queue = mates.filter(({ state }) => state === 'queued');
    if (call.state === 'offered') {
      const waiting = mates.filter(({ state }) => state === 'offered');
      // So many must begin before there is room for it; offers before it are as good as queued.
      const ahead = [...queue, ...waiting.slice(0, waiting.indexOf(call))];
      const count = ahead.length - this.#highWater + 1;
      return ahead.slice(0, Math.max(0, count)).every((one) => beginning.has(one));
    }
    if (call.admitted) return interleaves[call.op] === 0 || this.#mayFollow(call, mates, ending);
    const before = queue.filter((one, at) => one.admitted || at < queue.indexOf(call));
    return before.every((one) => beginning.has(one)) && (call.dead || this.#mayFollow(call, mates, ending));
  }

  #mayFollow(call: Call, mates: readonly Call[], ending: Set<Call>): boolean {
    const runsMax = interleaves[call.op];
    if (runsMax === 0) return this.#isFree(call.target, ending);
    const open = mates.filter((one) => one.state === 'open' && one.op === call.op);
    return open.length < runsMax || open.some((one) => ending.has(one));
  }
}
