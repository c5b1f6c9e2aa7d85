import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/platform/seeded-random.ts';
import { Handshake, type HandshakeOptions, type HandshakeStep } from '../../src/transport/handshake.ts';
import { decodeHello, encodeHello, isNodeId } from '../../src/transport/hello.ts';
import { Secret } from '../../src/transport/secret.ts';
import { bytesOf } from './support.ts';

const random = seededRandom(1);
const secretOf = (letter: string, next?: string): Secret =>
  new Secret(Buffer.from(letter.repeat(32)), next === undefined ? undefined : Buffer.from(next.repeat(32)));
const shared = secretOf('s');

function side(side: 'dialer' | 'listener', options: Partial<HandshakeOptions> = {}): Handshake {
  const nodeId = side === 'dialer' ? 'n1~aa' : 'n2~bb';
  return new Handshake({ side, nodeId, clusterId: 'c1', secret: shared, nonce: random.bytes(32), ...options });
}

interface Run {
  readonly dialer: HandshakeStep;
  readonly listener: HandshakeStep;
  readonly messages: readonly Uint8Array[];
}

/** Runs both sides against each other until both are done or one refuses. */
function run(dialer: Handshake, listener: Handshake): Run {
  const messages = [dialer.start()!];
  let dialerStep: HandshakeStep = { kind: 'continue', send: messages[0]! };
  let listenerStep: HandshakeStep = dialerStep;
  for (let turn = 0; turn < 4; turn += 1) {
    const isListenersTurn = turn % 2 === 0;
    const step = (isListenersTurn ? listener : dialer).receive(messages.at(-1)!);
    if (isListenersTurn) listenerStep = step;
    else dialerStep = step;
    if (step.kind === 'refused' || step.send === undefined) break;
    messages.push(step.send);
  }
  return { dialer: dialerStep, listener: listenerStep, messages };
}

const authentication = { kind: 'refused', code: 4001, text: 'authentication refused' };
const malformed = { kind: 'refused', code: 4003, text: 'malformed handshake' };

describe('handshake', () => {
  it('lets two nodes with the same secret in after 4 messages, each knowing the other', () => {
    const { dialer, listener, messages } = run(side('dialer'), side('listener'));
    expect(dialer).toMatchObject({ kind: 'done', peerId: 'n2~bb' });
    expect(listener).toMatchObject({ kind: 'done', peerId: 'n1~aa' });
    expect(messages.map((message) => message.length)).toEqual([49, 49, 70, 70]);
  });

  it('lets two nodes in that both have no secret', () => {
    const { dialer, listener } = run(side('dialer', { secret: undefined }), side('listener', { secret: undefined }));
    expect([dialer.kind, listener.kind]).toEqual(['done', 'done']);
  });

  it.each<[string, Partial<HandshakeOptions>, string]>([
    ['another secret', { secret: secretOf('x') }, 'proof'],
    ['no secret', { secret: undefined }, 'mode'],
    ['the secret of another cluster', { clusterId: 'c2' }, 'cluster'],
    ['another cluster and another secret', { clusterId: 'c2', secret: secretOf('x') }, 'cluster'],
  ])('refuses a dialer with %s with 4001, the same text, at the third message', (_what, options, reason) => {
    const { listener, messages } = run(side('dialer', options), side('listener'));
    expect(listener).toMatchObject({ ...authentication, reason });
    expect(messages).toHaveLength(3);
  });

  it('refuses a dialer with a secret where the listener has none', () => {
    const { listener } = run(side('dialer'), side('listener', { secret: undefined }));
    expect(listener).toMatchObject({ ...authentication, reason: 'mode' });
  });

  it('refuses a listener that proves another secret', () => {
    const dialer = side('dialer');
    const hello = side('listener', { nonce: new Uint8Array(32) });
    const first = hello.receive(dialer.start()!);
    const other = side('listener', { nonce: new Uint8Array(32), secret: secretOf('x') });
    other.receive(dialer.start()!);
    if (first.kind !== 'continue') throw new Error(first.kind);
    const proof = dialer.receive(first.send);
    expect(proof.kind).toBe('continue');
    const forged = side('dialer', { nonce: new Uint8Array(32), secret: secretOf('x') }).receive(first.send);
    if (forged.kind !== 'continue') throw new Error(forged.kind);
    expect(dialer.receive(forged.send)).toMatchObject({ ...authentication, reason: 'proof' });
  });

  it.each([
    ['old', 'old and new', secretOf('o'), secretOf('o', 'n')],
    ['old and new', 'new and old', secretOf('o', 'n'), secretOf('n', 'o')],
    ['old and new', 'new', secretOf('o', 'n'), secretOf('n')],
    ['new', 'new and old', secretOf('n'), secretOf('n', 'o')],
  ])('links a node with the secrets %s and one with %s while they are rotated', (_a, _b, a, b) => {
    for (const [ours, theirs] of [
      [a, b],
      [b, a],
    ]) {
      const { dialer, listener } = run(side('dialer', { secret: ours }), side('listener', { secret: theirs }));
      expect([dialer.kind, listener.kind]).toEqual(['done', 'done']);
    }
  });

  it('refuses old beside new when nothing is common', () => {
    const { listener } = run(side('dialer', { secret: secretOf('o') }), side('listener', { secret: secretOf('n') }));
    expect(listener).toMatchObject(authentication);
  });

  it('refuses its own hello and its own proof when they are sent back to it', () => {
    const dialer = side('dialer');
    expect(dialer.receive(dialer.start()!)).toMatchObject({ ...authentication, reason: 'side' });

    const victim = side('dialer');
    const reflected = victim.start()!;
    reflected[6] = 2; // now it says that a listener wrote it
    const step = victim.receive(reflected);
    if (step.kind !== 'continue') throw new Error(step.kind);
    expect(victim.receive(step.send)).toMatchObject({ ...authentication, reason: 'proof' });
  });

  it('refuses a recorded handshake that is played again', () => {
    const { messages } = run(side('dialer'), side('listener'));
    const listener = side('listener');
    expect(listener.receive(messages[0]!).kind).toBe('continue');
    expect(listener.receive(messages[2]!)).toMatchObject(authentication);
    const dialer = side('dialer');
    dialer.start();
    expect(dialer.receive(messages[1]!).kind).toBe('continue');
    expect(dialer.receive(messages[3]!)).toMatchObject(authentication);
  });

  it('binds the proof to every byte of both hellos', () => {
    const hello = side('dialer').start()!;
    for (let at = 6; at < hello.length; at += 1) {
      const dialer = side('dialer');
      const changed = dialer.start()!;
      changed[at] = changed[at]! ^ 1;
      const listener = side('listener');
      const answer = listener.receive(changed);
      if (answer.kind === 'refused') {
        expect([4001, 4003]).toContain(answer.code);
        continue;
      }
      if (answer.kind !== 'continue') throw new Error(answer.kind);
      const proof = dialer.receive(answer.send);
      if (proof.kind !== 'continue') throw new Error(proof.kind);
      expect(listener.receive(proof.send)).toMatchObject(authentication);
    }
  });

  it('refuses hello and proof truncated at each offset with 4003', () => {
    const { messages } = run(side('dialer'), side('listener'));
    for (let size = 0; size < messages[0]!.length; size += 1) {
      expect(side('listener').receive(messages[0]!.subarray(0, size))).toMatchObject(malformed);
    }
    for (let size = 0; size < messages[2]!.length; size += 1) {
      const listener = side('listener');
      listener.receive(messages[0]!);
      expect(listener.receive(messages[2]!.subarray(0, size))).toMatchObject(malformed);
    }
  });

  it('refuses a byte too much, 5,000 bytes, and a hello where the proof belongs', () => {
    const hello = side('dialer').start()!;
    expect(side('listener').receive(bytesOf(hello, 0))).toMatchObject(malformed);
    expect(side('listener').receive(bytesOf(hello, new Uint8Array(5_000)))).toMatchObject(malformed);
    const listener = side('listener');
    listener.receive(hello);
    expect(listener.receive(hello)).toMatchObject(malformed);
    expect(listener.receive(hello)).toMatchObject(malformed);
  });

  it('answers another version with 4002 and says what it speaks', () => {
    for (const version of [0, 2, 255]) {
      const hello = side('dialer').start()!;
      hello[5] = version;
      const step = side('listener').receive(bytesOf(hello, 'whatever a later version adds'));
      expect(step).toMatchObject({ kind: 'refused', code: 4002, text: 'protocol version 1 is spoken here' });
    }
  });

  it('refuses a node that has its own id, and one whose id is linked already, only after the proof', () => {
    const twin = run(side('dialer', { nodeId: 'n2~bb' }), side('listener'));
    expect(twin.listener).toMatchObject({ kind: 'refused', code: 4004, reason: 'self' });
    const isLinked = (nodeId: string): boolean => nodeId === 'n1~aa';
    const duplicate = run(side('dialer'), side('listener', { isLinked }));
    expect(duplicate.listener).toMatchObject({ kind: 'refused', code: 4004, reason: 'duplicate' });
    const stranger = run(side('dialer', { secret: secretOf('x') }), side('listener', { isLinked }));
    expect(stranger.listener).toMatchObject(authentication);
  });

  it('accepts node ids of 1 to 128 characters of its grammar and refuses all others', () => {
    for (const good of ['a', 'n1', 'n1~k3f9', 'eu-west.1_b', 'x'.repeat(128)]) expect(isNodeId(good)).toBe(true);
    for (const bad of ['', '-a', '.', '~', 'a/b', 'a b', 'ä', 'a\n', 'x'.repeat(129)])
      expect(isNodeId(bad)).toBe(false);
    expect(() => side('dialer', { nodeId: 'a/b' })).toThrow(/node id "a\/b"/);
    const hello = {
      side: 'dialer',
      hasSecret: true,
      nonce: new Uint8Array(32),
      nodeId: 'a\0b',
      clusterId: 'c',
    } as const;
    expect(decodeHello(encodeHello(hello))).toBe('malformed');
  });
});
