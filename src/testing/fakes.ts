/** Fakes: values that actors get in place of the resources they name, checked against the registry by the compiler. */
import type { Registrable, Registry, RegistryIndex } from '../actors/registry.ts';
import type { Resource } from '../actors/resource.ts';
import { UsageError } from '../base/errors.ts';

type ResourceIn<D> = D extends Resource<infer N, infer V> ? Resource<N, V> : never;

/**
 * The fakes that a registry has places for: by name, each with the type of the resource's value. A registry that is given
 * as a URL has no types, so its fakes are checked by name alone, when the system starts.
 */
export type FakesOf<R> =
  R extends Registry<infer D>
    ? Registrable extends D[number]
      ? AnyFakes
      : { readonly [X in ResourceIn<D[number]> as X['name']]?: X extends Resource<string, infer V> ? V : never }
    : AnyFakes;

type AnyFakes = { readonly [name: string]: unknown };

/** What a fake is opened as: it is there already, and nobody closes it. */
export function withFakes(fakes: AnyFakes): (declared: Resource<string, unknown>) => Resource<string, unknown> {
  return (declared) => {
    if (!Object.hasOwn(fakes, declared.name)) return declared;
    return { kind: 'resource', name: declared.name, open: () => fakes[declared.name] };
  };
}

/** @throws UsageError for a fake that nothing would ever get: a name that was mistyped, or changed */
export function checkFakes(fakes: AnyFakes, registry: RegistryIndex): void {
  const known = new Set(
    [...registry.resources, ...registry.actors.flatMap(({ uses }) => uses)].map(({ name }) => name),
  );
  for (const name of Object.keys(fakes)) {
    if (known.has(name)) continue;
    const names = known.size === 0 ? 'it has none' : `it has ${[...known].sort().join(', ')}`;
    throw new UsageError(`testSystem: the registry has no resource "${name}" for a fake to stand for; ${names}`);
  }
}
