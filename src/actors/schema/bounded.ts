/** Bounds values of schemas that contain themselves: zod follows a cycle, and any depth, without complaint. */
import { pathKey, within } from './errors.ts';
import { ItemBudget } from './plain-data.ts';
import { isPlainObject } from './plain-object.ts';

/** @throws InvalidValue where `value` is in a cycle, too deep, or too large. */
export function checkBounds(value: unknown): void {
  visit(value, 1, new ItemBudget());
}

function visit(value: unknown, depth: number, budget: ItemBudget): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) visitEach(value.entries(), value.length, depth, budget);
  else if (value instanceof Map) visitEach(value, 3 * value.size, depth + 1, budget);
  else if (value instanceof Set) visitEach([...value].entries(), value.size, depth, budget);
  else if (isPlainObject(value)) {
    const entries = Object.entries(value);
    visitEach(entries, entries.length, depth, budget);
  }
}

function visitEach(
  entries: Iterable<readonly [unknown, unknown]>,
  items: number,
  depth: number,
  budget: ItemBudget,
): void {
  budget.enter(depth, items);
  let at: string | number = 0;
  let index = 0;
  try {
    for (const [key, element] of entries) {
      at = pathKey(key, index++);
      visit(element, depth + 1, budget);
      if (typeof key === 'object') visit(key, depth + 1, budget);
    }
  } catch (thrown) {
    throw within(thrown, at);
  }
}
