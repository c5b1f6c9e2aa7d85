/** What user code may throw, at its worst: a name for each, and how to make it anew. */
export const huge = 10_000_000;

const explode = (): never => {
  throw new Error('a trap was sprung');
};
const traps: ProxyHandler<object> = Object.fromEntries(
  ['get', 'has', 'getPrototypeOf', 'ownKeys', 'getOwnPropertyDescriptor', 'set', 'isExtensible'].map((trap) => [
    trap,
    explode,
  ]),
);

export const hostileThrowables: { readonly [name: string]: () => unknown } = {
  undefined: () => undefined,
  null: () => null,
  'a text': () => 'just a text',
  'a number': () => Number.NaN,
  'a symbol': () => Symbol('odd'),
  'a bigint': () => 10n ** 400n,
  'a function': () => explode,
  'an object without a prototype': () => Object.create(null),
  'a frozen error': () => Object.freeze(new Error('frozen')),
  'an error of 10 MB': () => new Error('x'.repeat(huge)),
  'an error with a name of 10 MB': () => Object.assign(new Error('named'), { name: 'n'.repeat(huge) }),
  'an error with a code of 10 MB': () => Object.assign(new Error('coded'), { code: 'c'.repeat(huge) }),
  'an error with a stack of 10 MB': () => Object.assign(new Error('stacked'), { stack: 's'.repeat(huge) }),
  'a text of 10 MB': () => 'y'.repeat(huge),
  'an error whose message is an object': () => Object.assign(new Error(), { message: { toString: explode } }),
  'an error whose message is a symbol': () => Object.assign(new Error(), { message: Symbol('message') }),
  'an error whose stack is a number': () => Object.assign(new Error('odd stack'), { stack: 7 }),
  // The stack first: it is made of the name when it is looked at.
  'getters that throw': () =>
    Object.defineProperties(
      new Error(),
      Object.fromEntries(['stack', 'name', 'message', 'code', 'cause'].map((key) => [key, { get: explode }])),
    ),
  'a cause that is itself': () => {
    const error: Error & { cause?: unknown } = new Error('round');
    error.cause = error;
    return error;
  },
  'causes without an end': () =>
    Object.defineProperty(new Error('deep'), 'cause', { get: hostileThrowables['causes without an end']! }),
  '100 causes': () => {
    let error = new Error('innermost');
    for (let n = 0; n < 100; n += 1) error = new Error(`cause ${n}`, { cause: error });
    return error;
  },
  'a proxy that throws': () => new Proxy({}, traps),
  'an error behind a proxy that throws': () => new Proxy(new Error('behind'), traps),
  'a revoked proxy': () => {
    const { proxy, revoke } = Proxy.revocable(new Error('revoked'), {});
    revoke();
    return proxy;
  },
  'a thenable that throws': () => Object.defineProperty({}, 'then', { get: explode }),
  'a toString that throws': () => ({ toString: explode, valueOf: explode, [Symbol.toPrimitive]: explode }),
  'one of our codes': () => Object.assign(new Error('not ours'), { code: 'InvalidValue', path: 7 }),
  'a declared failure that is none': () => ({ errorCode: 'x', data: 1 }),
};
