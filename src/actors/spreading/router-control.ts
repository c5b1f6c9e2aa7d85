/** How routers and pools are managed: their own protocol, beside the one that they pass on, and the verbs that speak it. */
import * as z from 'zod';
import { UsageError } from '../../base/errors.ts';
import { Cell } from '../cell.ts';
import { RoutingRefused } from '../errors.ts';
import { addressOf, addressSchema } from '../finding/address.ts';
import { compiledProtocol } from '../operation.ts';
import { DeclaredError, Rejected } from '../outcomes.ts';
import {
  type AnyRef,
  type AskOperation,
  ask,
  type Protocol,
  protocol,
  type Ref,
  type TellOperation,
  tell,
} from '../protocol.ts';
import type { InternalRef } from '../ref.ts';
import { isRef, ownerOf, publicClassOf, refClassOf, targetOf } from '../ref.ts';

export interface RoutingRefusal {
  readonly reason: RoutingRefused['reason'];
  readonly text: string;
}
type Refused = { readonly refused: z.ZodType<RoutingRefusal, RoutingRefusal> };
type OneRoutee = z.ZodObject<{ address: typeof addressSchema; protocol: z.ZodString }>;

export type RouterControlProtocol = Protocol<
  'troupe.router',
  {
    readonly list: AskOperation<z.ZodVoid, z.ZodArray<typeof addressSchema>, {}>;
    readonly add: AskOperation<OneRoutee, z.ZodVoid, Refused>;
    readonly remove: AskOperation<OneRoutee, z.ZodBoolean, Refused>;
    readonly resize: AskOperation<z.ZodNumber, z.ZodVoid, Refused>;
    /** Brings the children to their number again. It tells itself. */
    readonly replace: TellOperation<z.ZodVoid>;
    /** Looks for children that have nothing to do. It tells itself. */
    readonly shrink: TellOperation<z.ZodVoid>;
  }
>;

const oneRoutee: OneRoutee = z.object({ address: addressSchema, protocol: z.string() });
const errors: Refused = {
  refused: z.object({
    reason: z.enum(['no-router', 'not-offered', 'protocol', 'cycle', 'full', 'size']),
    text: z.string(),
  }),
};

export const RouterControl: RouterControlProtocol = protocol('troupe.router', {
  list: ask({ output: z.array(addressSchema) }),
  add: ask({ input: oneRoutee, output: z.void(), errors }),
  remove: ask({ input: oneRoutee, output: z.boolean(), errors }),
  resize: ask({ input: z.number(), output: z.void(), errors }),
  replace: tell(),
  shrink: tell(),
});

/** Those that a router or pool passes messages on to now. @throws RoutingRefused for a ref of a plain actor */
export async function routees<R extends AnyRef>(router: R): Promise<readonly R[]> {
  const addresses = await manage(router, 'routees', (control) => control.list());
  const owner = ownerOf(router);
  const { protocolName } = targetOf(router);
  const RefOf = publicClassOf(router as unknown as InternalRef);
  return addresses.map((address) => new RefOf(owner.host.targetAt(address, protocolName), owner)) as never;
}

/**
 * Adds a routee to a router that was given its routees; again does nothing. It is taken out when it ends.
 *
 * @throws RoutingRefused for another kind of router, for one routee too many, and for a router that would pass on to
 * itself.
 */
export async function addRoutee<R extends AnyRef>(router: R, routee: NoInfer<R>): Promise<void> {
  await manage(router, 'addRoutee', (control) => control.add(described(routee, 'addRoutee')));
}

/** Takes a routee out; what it was sent before it still handles. @returns false where it was none */
export function removeRoutee<R extends AnyRef>(router: R, routee: NoInfer<R>): Promise<boolean> {
  return manage(router, 'removeRoutee', (control) => control.remove(described(routee, 'removeRoutee')));
}

/**
 * Gives a pool, or a router with children, another number of them. Down: those that are too many get nothing more, finish
 * what they have, and stop.
 *
 * @throws RoutingRefused for another kind of router, and for a number outside its bounds
 */
export async function resize(router: AnyRef, size: number): Promise<void> {
  await manage(router, 'resize', (control) => control.resize(size));
}

async function manage<T>(
  router: unknown,
  verb: string,
  say: (control: Ref<RouterControlProtocol>) => Promise<T>,
): Promise<T> {
  if (!isRef(router)) throw new UsageError(`${verb}(…) takes a ref of a router; it was given ${typeof router}`);
  const target = targetOf(router);
  // A plain actor of this place would take the operation for one of its own: they go by number.
  if (target instanceof Cell && target.behavior.front?.control !== compiledProtocol(RouterControl))
    throw noRouter(target.path(), verb);
  const control = new (refClassOf(RouterControl))(target, ownerOf(router)) as unknown as Ref<RouterControlProtocol>;
  try {
    return await say(control);
  } catch (error) {
    if (error instanceof DeclaredError) {
      const { reason, text } = error.data as RoutingRefusal;
      throw new RoutingRefused(reason, text);
    }
    if (error instanceof Rejected && error.reason === 'version') throw noRouter(target.path(), verb);
    throw error;
  }
}

function noRouter(path: string, verb: string): RoutingRefused {
  return new RoutingRefused('no-router', `${verb}: ${path} is no router and no pool, so it has no routees`);
}

function described(routee: unknown, verb: string): { address: [string, number, string]; protocol: string } {
  if (!isRef(routee)) throw new UsageError(`${verb}(…) takes a ref of an actor; it was given ${typeof routee}`);
  return { address: addressOf(routee), protocol: targetOf(routee).protocolName };
}
