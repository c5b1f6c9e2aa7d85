/**
 * Which function handles which operation, by the operation's number. Made once per definition.
 *
 * The base table has a handler for every operation. A behavior is a partial table over it, which `ctx.become` puts in
 * place: what it leaves out falls back to the base. A definition without behaviors pays nothing for them, since a cell
 * always calls the one table of its definition, and only where behaviors are declared does that look up the present one.
 */
import { UsageError } from '../base/errors.ts';
import type { Operation } from './operation.ts';

export type HandlerFunction = (state: unknown, message: unknown, context: unknown) => unknown;
export type HandlerTable = readonly HandlerFunction[];
type Given = Readonly<Record<string, unknown>>;

/** What a context says of its actor's present behavior. */
interface Behaving {
  /** The table that `ctx.become` has put in place; undefined for the base. */
  readonly table: HandlerTable | undefined;
}

/** One handler for each operation. @throws UsageError where one is missing */
export function baseTable(handlers: Given, operations: Iterable<Operation>): HandlerFunction[] {
  return [...operations].map((operation) => {
    const handler = Object.hasOwn(handlers, operation.name) ? handlers[operation.name] : undefined;
    if (typeof handler === 'function') return handler as HandlerFunction;
    throw new UsageError(`${operation.label} has no handler; give the actor a function named "${operation.name}"`);
  });
}

/** Handlers of a closure actor: its state holds them. */
export function closureTable(operations: Iterable<Operation>): HandlerFunction[] {
  return [...operations].map(
    ({ name }) =>
      (state, message, context) =>
        (state as Record<string, (message: unknown, context: unknown) => unknown>)[name]!(message, context),
  );
}

/**
 * The tables of the declared behaviors, by name.
 *
 * @throws UsageError where a name is declared without handlers or the other way round, and for handlers of no operation
 */
export function behaviorTables(
  actorName: string,
  names: readonly string[],
  given: Readonly<Record<string, Given>>,
  base: HandlerTable,
  operations: ReadonlyMap<string, Operation>,
): ReadonlyMap<string, HandlerTable> {
  const tables = new Map<string, HandlerTable>();
  for (const name of names) {
    const handlers = Object.hasOwn(given, name) ? given[name] : undefined;
    if (typeof handlers !== 'object' || handlers === null) {
      throw new UsageError(
        `${actorName}: the behavior "${name}" has no handlers; give them as the fourth argument of actor(…)`,
      );
    }
    tables.set(name, overlay(`${actorName}: the behavior "${name}"`, handlers, base, operations));
  }
  for (const name of Object.keys(given)) {
    if (tables.has(name)) continue;
    throw new UsageError(`${actorName}: "${name}" is not among its \`behaviors\`; declare it there`);
  }
  return tables;
}

/** `handlers` where it has any, `base` elsewhere. @throws UsageError for a handler of no operation */
function overlay(
  what: string,
  handlers: Given,
  base: HandlerTable,
  operations: ReadonlyMap<string, Operation>,
): HandlerTable {
  const table = [...base];
  for (const [name, handler] of Object.entries(handlers)) {
    const operation = operations.get(name);
    if (operation === undefined) throw new UsageError(`${what} handles "${name}", which is no operation of the actor`);
    if (typeof handler !== 'function')
      throw new UsageError(`${what}: the handler of ${operation.label} is no function`);
    table[operation.index] = handler as HandlerFunction;
  }
  return table;
}

/** A table that calls the present one of its actor; `base` unless it has become something else. */
export function presentTable(base: HandlerTable): HandlerFunction[] {
  return base.map(
    (handler, index) => (state, message, context) =>
      ((context as Behaving).table?.[index] ?? handler)(state, message, context),
  );
}
