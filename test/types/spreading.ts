/** What the compiler lets people do with keys, routers, pools and topics. Compiled by `npm run types`; never run. */
import * as z from 'zod';
import {
  type ActorSystem,
  actor,
  addRoutee,
  ask,
  broadcast,
  consistentHash,
  leastMailbox,
  node,
  pool,
  protocol,
  type Ref,
  random,
  refOf,
  registry,
  removeRoutee,
  resize,
  roundRobin,
  routees,
  router,
  scatterGatherFirst,
  serviceKey,
  stream,
  tell,
  thread,
  topic,
} from '../../src/index.ts';

const Store = protocol('store', {
  put: tell(z.object({ key: z.string(), value: z.int() })),
  get: ask({ input: z.object({ key: z.string() }), output: z.int(), errors: { missing: z.void() } }),
});
const Feed = protocol('feed', { items: stream({ output: z.int() }) });
const Listener = protocol('listener', { price: tell(z.object({ of: z.string(), now: z.number() })), closed: tell() });
const Shadowing = protocol('shadowing', { subscribe: tell() });

declare const system: ActorSystem;
declare const stored: Ref<typeof Store>;
declare const feed: Ref<typeof Feed>;
declare const listener: Ref<typeof Listener>;

const store = actor(
  Store,
  { args: z.object({ start: z.int() }), state: ({ start }) => new Map([['start', start]]) },
  { put: (state, { key, value }) => void state.set(key, value), get: (state, { key }) => state.get(key) ?? 0 },
);
const stores = serviceKey('stores', Store);
const prices = topic('prices', Listener);

export async function right(): Promise<void> {
  const spread = router(Store, { strategy: roundRobin() });
  (await system.spawn(spread)) satisfies Ref<typeof Store>;
  (await system.spawn(spread, { args: { routees: [stored] } })) satisfies Ref<typeof Store>;
  router(Store, { strategy: random(), children: { of: store, count: 4, args: { start: 1 } } });
  router(Store, { strategy: leastMailbox(), children: { of: store, count: 4, args: { start: 1 }, on: thread() } });
  pool(store, { size: 2, args: { start: 1 }, on: node({ role: 'gpu' }) });
  // @ts-expect-error a place is what thread() gives, not the function
  pool(store, { size: 2, args: { start: 1 }, on: thread });
  router(Store, { strategy: leastMailbox(), key: stores });
  router(Store, { strategy: scatterGatherFirst() });
  router(Listener, { strategy: broadcast() });
  router(Feed, { strategy: random() });
  router(Store, {
    strategy: consistentHash((operation, message) => {
      if (operation === 'put') message.value satisfies number;
      return message.key;
    }),
  });
  registry(spread, prices, pool(store, { size: 2, args: { start: 0 } }));

  const pooled = await system.spawn(pool(store, { size: 4, max: 8, args: { start: 0 }, queue: { capacity: 10 } }));
  pooled satisfies Ref<typeof Store>;
  const found = await pooled.get.outcome({ key: 'a' });
  if (!found.ok && found.error.code === 'missing') found.error.data satisfies void;
  await resize(pooled, 8);
  (await routees(pooled)) satisfies readonly Ref<typeof Store>[];
  await addRoutee(stored, stored);
  (await removeRoutee(stored, stored)) satisfies boolean;

  const topicRef = await system.spawn(prices);
  topicRef.price({ of: 'a', now: 1 }) satisfies boolean;
  await topicRef.price.offer({ of: 'a', now: 1 });
  await topicRef.subscribe({ subscriber: listener });
  (await topicRef.unsubscribe({ subscriber: listener })) satisfies boolean;
  protocol('holder', { keep: tell(z.object({ topic: refOf(prices.protocol) })) });

  await system.receptionist.register(stores, stored);
  (await system.receptionist.unregister(stores, stored)) satisfies boolean;
  (await system.receptionist.find(stores)) satisfies readonly Ref<typeof Store>[];
  for await (const listing of system.receptionist.subscribe(stores)) listing satisfies readonly Ref<typeof Store>[];
  (await system.find(Store, 'main')) satisfies Ref<typeof Store> | undefined;
  actor(
    Store,
    {
      args: z.object({}),
      state: () => ({}),
      internal: { tick: tell() },
      signals: { started: (_state, _event, ctx) => ctx.receptionist.register(stores, ctx.self) },
    },
    { put: () => undefined, get: () => 1, tick: () => undefined },
  );
}

export async function wrong(): Promise<void> {
  // @ts-expect-error a broadcast cannot ask
  router(Store, { strategy: broadcast() });
  // @ts-expect-error the first of several streams is nothing
  router(Feed, { strategy: scatterGatherFirst() });
  // @ts-expect-error children of another protocol
  router(Feed, { strategy: random(), children: { of: store, count: 2, args: { start: 1 } } });
  // @ts-expect-error children whose arguments are missing
  router(Store, { strategy: random(), children: { of: store, count: 2 } });
  // @ts-expect-error a key of another protocol
  router(Feed, { strategy: random(), key: stores });
  // @ts-expect-error a key that is no key
  router(Store, { strategy: consistentHash((_operation, message) => ({ key: message.key })) });
  // @ts-expect-error a message that has no such part
  router(Store, { strategy: consistentHash((_operation, message) => message.value) });
  // @ts-expect-error a routee of another protocol
  await system.spawn(router(Store, { strategy: random() }), { args: { routees: [feed] } });
  // @ts-expect-error a routee of another protocol
  await addRoutee(stored, feed);
  // @ts-expect-error arguments of the workers missing
  pool(store, { size: 2 });
  // @ts-expect-error arguments of the workers that do not fit
  pool(store, { size: 2, args: { start: 'x' } });
  // @ts-expect-error a topic with an ask
  topic('stored', Store);
  // @ts-expect-error a listener with an operation of the topic's own name
  topic('shadowed', Shadowing);
  const topicRef = await system.spawn(prices);
  // @ts-expect-error a listener of another protocol
  await topicRef.subscribe({ subscriber: stored });
  // @ts-expect-error a wrong message for the listeners
  topicRef.price({ of: 1 });
  // @ts-expect-error an actor of another protocol under a key
  await system.receptionist.register(stores, feed);
  // @ts-expect-error a ref of another protocol
  (await system.find(Store, 'main')) satisfies Ref<typeof Feed> | undefined;
}
