/**
 * Why a run does not go on: a walk from its sources, along what is full, to the instance that holds everything.
 *
 * An instance that stands still for want of room points at the readers that give it no credit. The first on the way
 * that does not is the one that holds the others, and says by what: an operator whose elements wait for time or I/O, a
 * sink whose write has not ended, an input that does not come, or work.
 */
import type { Condition, Holding, Writing } from './condition.ts';
import type { Plan } from './plan.ts';
import { wiringOf } from './wiring.ts';

/** One instance on the way. */
export interface ExplainedStep {
  /** The name of the stage that its segment begins with. */
  readonly stage: string;
  /** Which segment of the flow, from 0. */
  readonly segment: number;
  /** Which of its instances, from 0. */
  readonly partition: number;
  /** Path of its actor. */
  readonly path: string;
}

/** What holds a run. */
export interface Explanation {
  /**
   * `held`: an operator. `sink`: a write. `side-output`: nobody reads it fast enough. `source`: it has not answered.
   * `input`: an input of a join is empty while another is full. `work`: it is busy, so all goes on at its pace.
   * `ended`: nothing is left to do.
   */
  readonly kind: 'held' | 'sink' | 'side-output' | 'source' | 'input' | 'work' | 'ended';
  /** From a source to what holds it. */
  readonly steps: readonly ExplainedStep[];
  /** In words: the stage, the operator or sink, since when. */
  readonly text: string;
}

export interface Situation extends ExplainedStep {
  readonly condition: Condition;
}

/** One explanation for each instance of a source, those that come to the same left out. */
export function explain(plan: Plan, situations: readonly Situation[]): readonly Explanation[] {
  const found = new Map<string, Explanation>();
  for (const situation of situations) {
    if (plan.segments[situation.segment]!.head.kind !== 'source') continue;
    const explanation = walk(plan, situations, situation);
    if (!found.has(explanation.text)) found.set(explanation.text, explanation);
  }
  return [...found.values()];
}

function walk(plan: Plan, situations: readonly Situation[], source: Situation): Explanation {
  const steps: Situation[] = [];
  let at = source;
  for (;;) {
    if (steps.includes(at)) break;
    steps.push(at);
    const { outputs } = wiringOf(plan, at.segment, at.partition);
    const full = at.condition.waitsFor === 'room' ? at.condition.fullOutputs : [];
    const joint = full.map((output) => outputs[output]).find((one) => one !== undefined);
    const next =
      joint && situations.find(({ segment, partition }) => segment === joint.segment && partition === joint.partition);
    if (next === undefined) break;
    at = next;
  }
  return { ...causeOf(plan, situations, at), steps: steps.map(stepOf) };
}

function stepOf({ stage, segment, partition, path }: Situation): ExplainedStep {
  return { stage, segment, partition, path };
}

function causeOf(plan: Plan, situations: readonly Situation[], at: Situation): Omit<Explanation, 'steps'> {
  const { waitsFor, fullOutputs, emptyInputs, holding, writing, sourceMs } = at.condition;
  const where = `at ${at.path}`;
  const oldest = holding.filter(({ held, heldMax }) => held >= heldMax).sort((a, b) => b.oldestMs - a.oldestMs)[0];
  if (waitsFor === 'room' && oldest !== undefined) return { kind: 'held', text: `${textOfHolding(oldest)} ${where}` };
  const longest = [...writing].sort((a, b) => b.sinceMs - a.sinceMs)[0];
  if (waitsFor === 'room' && longest !== undefined) return { kind: 'sink', text: `${textOfWriting(longest)} ${where}` };
  const { inputs, outputs } = wiringOf(plan, at.segment, at.partition);
  if (waitsFor === 'room' && fullOutputs.some((output) => output >= outputs.length)) {
    return { kind: 'side-output', text: `a side output of stage '${at.stage}' ${where} is not read fast enough` };
  }
  if (waitsFor === 'source') {
    const text = `source '${at.stage}' ${where} has given nothing for ${seconds(sourceMs)}; everything behind waits for it`;
    return { kind: 'source', text };
  }
  if (waitsFor === 'input' && emptyInputs.length > 0 && emptyInputs.length < inputs.length) {
    const missing = emptyInputs.map((input) => {
      const { segment, partition } = inputs[input]!;
      return situations.find((one) => one.segment === segment && one.partition === partition)?.stage ?? 'an input';
    });
    const names = [...new Set(missing)].map((name) => `'${name}'`).join(', ');
    const text = `stage '${at.stage}' ${where} waits for elements of ${names}, and is full of those of its other inputs`;
    return { kind: 'input', text };
  }
  if (waitsFor === 'ended') return { kind: 'ended', text: `stage '${at.stage}' ${where} has ended` };
  return { kind: 'work', text: `stage '${at.stage}' ${where} is at work; the run goes on at its pace` };
}

function textOfHolding({ stage, operator, held, heldMax, oldestMs, key }: Holding): string {
  const what = `stage '${stage}': ${operator} holds ${held} elements, and may hold ${heldMax}`;
  return `${what}; the oldest${key === undefined ? '' : `, of key '${key}',`} for ${seconds(oldestMs)}`;
}

function textOfWriting({ stage, sink, elements, sinceMs }: Writing): string {
  return `stage '${stage}': sink '${sink}' has not finished its write of ${elements} elements for ${seconds(sinceMs)}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
