/** What the compiler lets people do with reliable producers and queues of work. Compiled by `npm run types`; never run. */
import * as z from 'zod';
import {
  type ActorSystem,
  actor,
  addWorker,
  ask,
  type Deliveries,
  type DeliveryFailed,
  deliveryOf,
  protocol,
  type Ref,
  reliable,
  serviceKey,
  stream,
  tell,
  workQueue,
} from '../../src/index.ts';

const Shop = protocol('shop', {
  order: tell(z.object({ item: z.string(), count: z.int().default(1) })),
  close: tell(),
  price: ask({ input: z.string(), output: z.number(), errors: { unknown: z.object({ item: z.string() }) } }),
  prices: stream({ output: z.number() }),
});
declare const system: ActorSystem;
declare const shop: Ref<typeof Shop>;

const out = reliable(shop, { window: 8, successor: () => system.find(Shop, 'shop') });
const ordered: Promise<void> = out.order({ item: 'tea' });
const closed: Promise<void> = out.close();
const price: Promise<number> = out.price('tea');
void [ordered, closed, price];
// @ts-expect-error a message that does not fit
void out.order({ item: 1 });
// @ts-expect-error no message where there is one
void out.price();
// @ts-expect-error streams are not delivered
void out.prices;
// @ts-expect-error no such operation
void out.prize;
// @ts-expect-error no such option
reliable(shop, { windows: 1 });
// @ts-expect-error a successor of another protocol
reliable(shop, { successor: () => system.find(protocol('other', { a: tell() }), 'other') });
// @ts-expect-error no ref
reliable(Shop);

const outcome = await out.price.outcome('tea');
if (outcome.ok) outcome.value satisfies number;
else if (outcome.error.code === 'unknown') outcome.error.data.item satisfies string;
else if (outcome.error.code === 'DeliveryFailed') (outcome.error satisfies DeliveryFailed).mayHaveRun satisfies boolean;
// @ts-expect-error a tell has no outcome
void out.order.outcome;
deliveryOf(out).unconfirmed satisfies number;
// @ts-expect-error a ref is no producer
deliveryOf(shop);

const key = serviceKey('shops', Shop);
const work = workQueue(Shop, system.receptionist.subscribe(key), { perWorker: 2 });
const some = workQueue(Shop, [shop]);
work.price('tea') satisfies Promise<number>;
addWorker(some, shop);
// @ts-expect-error streams are no work
void work.prices;
declare const another: Ref<typeof Other>;
const Other = protocol('other', { a: tell() });
// @ts-expect-error a worker of another protocol
workQueue(Shop, [another]);

export const ledger = actor(
  Shop,
  { args: z.object({}), state: () => ({ deliveries: {} as Deliveries }), deliveries: (state) => state.deliveries },
  {
    order: () => undefined,
    close: () => undefined,
    price: () => 1,
    async *prices() {
      yield 1;
    },
  },
);
actor(
  Shop,
  {
    args: z.object({}),
    state: () => ({ deliveries: 7 }),
    // @ts-expect-error not where the state has it
    deliveries: (state) => state.deliveries,
  },
  { order: () => undefined, close: () => undefined, price: () => 1, prices: () => shop.prices() },
);
