/**
 * The contract of a registry: what its protocols say to each other, as plain data for a lock file.
 *
 * Nodes of two versions run side by side while the one replaces the other. So a change fits only where both read what
 * the other writes: the code before the messages of the code after, and the reverse.
 */
import { compiledProtocol, type Operation } from '../operation.ts';
import type { AnyProtocol } from '../protocol.ts';
import { misfits } from './accepts.ts';
import { type Shape, shapeOf } from './shape.ts';

/** What one operation takes and gives. */
export interface OperationContract {
  readonly kind: 'tell' | 'ask' | 'stream';
  readonly input: Shape;
  readonly output?: Shape;
  readonly errors?: Readonly<Record<string, Shape>>;
}

/** By protocol, then by operation. */
export type Contract = Readonly<Record<string, Readonly<Record<string, OperationContract>>>>;

/** One difference between two contracts. */
export interface ContractChange {
  /** `protocol` or `protocol.operation`. */
  readonly where: string;
  /** `breaking`: nodes with the code before and after misunderstand each other. `compatible`: they do not. */
  readonly effect: 'breaking' | 'compatible';
  readonly what: string;
}

export function contractOf(protocols: Iterable<AnyProtocol>): Contract {
  const contract: Record<string, Record<string, OperationContract>> = {};
  for (const protocol of [...protocols].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const { operations } = compiledProtocol(protocol);
    const byName = [...operations.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    contract[protocol.name] = Object.fromEntries(
      byName.map((operation) => [operation.name, operationContract(operation)]),
    );
  }
  return contract;
}

function operationContract({ kind, declared }: Operation): OperationContract {
  const input = shapeOf(declared.input);
  if (declared.kind === 'tell') return { kind, input };
  const errors = Object.entries(declared.errors)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([code, schema]) => [code, shapeOf(schema)] as const);
  return {
    kind,
    input,
    output: shapeOf(declared.output),
    ...(errors.length === 0 ? {} : { errors: Object.fromEntries(errors) }),
  };
}

/** What has changed from `before` to `after`, protocol by protocol. */
export function changesBetween(before: Contract, after: Contract): readonly ContractChange[] {
  return namesOf(before, after).flatMap((protocol) => {
    const [was, is] = [own(before, protocol), own(after, protocol)];
    if (was === undefined) return [{ where: protocol, effect: 'compatible' as const, what: 'is new' }];
    if (is === undefined) return [{ where: protocol, effect: 'breaking' as const, what: 'is gone' }];
    return namesOf(was, is).flatMap((name) => operationChanges(`${protocol}.${name}`, own(was, name), own(is, name)));
  });
}

function operationChanges(
  where: string,
  before: OperationContract | undefined,
  after: OperationContract | undefined,
): readonly ContractChange[] {
  if (before === undefined) {
    return [{ where, effect: 'compatible', what: 'is new: nodes with the code before answer Rejected(version) to it' }];
  }
  if (after === undefined) return [{ where, effect: 'breaking', what: 'is gone' }];
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (before.kind !== after.kind) {
    return [{ where, effect: 'breaking', what: `was ${article(before.kind)} and is ${article(after.kind)}` }];
  }
  const broken = [
    ...bothWays('input', before.input, after.input),
    ...(before.output === undefined || after.output === undefined
      ? []
      : bothWays('output', before.output, after.output)),
    ...errorChanges(before.errors ?? {}, after.errors ?? {}),
  ];
  if (broken.length === 0) {
    return [{ where, effect: 'compatible', what: 'has changed, and both versions read each other' }];
  }
  return broken.map((what) => ({ where, effect: 'breaking' as const, what }));
}

function errorChanges(
  before: Readonly<Record<string, Shape>>,
  after: Readonly<Record<string, Shape>>,
): readonly string[] {
  return namesOf(before, after).flatMap((code) => {
    const [was, is] = [own(before, code), own(after, code)];
    if (was === undefined) return [`error ${code} is new: callers with the code before do not know it`];
    if (is === undefined) return [`error ${code} is gone: callers with the code after do not know it`];
    return bothWays(`error ${code}`, was, is);
  });
}

function bothWays(what: string, before: Shape, after: Shape): readonly string[] {
  const say = (reader: string, path: readonly string[], why: string): string =>
    `${[what, ...path].join('.')} ${why} by the code ${reader}`;
  return [
    ...misfits(before, after).map((one) => say('before', one.path, one.what)),
    ...misfits(after, before).map((one) => say('after', one.path, one.what)),
  ];
}

function article(kind: OperationContract['kind']): string {
  return kind === 'ask' ? 'an ask' : `a ${kind}`;
}

function namesOf(one: object, other: object): readonly string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
}

function own<T>(of: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined;
}
