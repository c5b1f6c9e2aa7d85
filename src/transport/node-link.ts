/**
 * An authenticated link to one other node: what a `Link` becomes once the handshake is done and profiles are exchanged.
 *
 * It carries opaque session frames between threads of the two nodes, tells when a thread of the peer has ended, and
 * notices by its own heartbeat that the peer is gone. It knows no actors and decodes no session frame.
 */
import type { Clock } from '../base/environment/clock.ts';
import type { Link } from '../base/environment/network.ts';
import type { Random } from '../base/environment/random.ts';
import { type AssociationOffer, longestOffer } from './association.ts';
import { type CloseReason, closeCodes } from './close-codes.ts';
import { HandshakeFailed, type HandshakeRefusal } from './errors.ts';
import { Handshake, type HandshakeStep, type Refusal, refuse } from './handshake.ts';
import { Heartbeat, type HeartbeatTimes } from './heartbeat.ts';
import { nonceBytes, type Side } from './hello.ts';
import { transportLimits } from './limits.ts';
import { encodeAside, type NodeAside } from './node-aside.ts';
import {
  decodeEnvelope,
  encodeFrame,
  encodePing,
  encodePlaceDown,
  encodePong,
  encodeProfileEnvelope,
} from './node-envelope.ts';
import { decodeProfile, encodeProfile, type NodeProfile, profileDigest } from './node-profile.ts';
import type { Secret, SecretKey } from './secret.ts';
import { agreedVersion, unsaidWireVersion } from './wire-version.ts';

export type { NodeProfile } from './node-profile.ts';

export interface NodeLinkOptions {
  /** Owned by the node link from here on: it sets the handlers, and closes it when the handshake fails. */
  readonly link: Link;
  readonly side: Side;
  readonly profile: NodeProfile;
  readonly clusterId: string;
  /** Undefined: no proof is asked for or given. For listeners on a loopback address only; the caller sees to that. */
  readonly secret: Secret | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether a node of this id is linked already; such a peer is refused with 4004. */
  readonly isLinked?: (nodeId: string) => boolean;
  /**
   * Asked about a peer that has proved itself, and again once it has said its roles: why it may not join, or undefined. What it
   * says of itself must be sealed then.
   */
  readonly refuses?: ((peer: ProvenPeer) => string | undefined) | undefined;
  /** What is said to that peer, once it has proved itself, of what could go on from an earlier link. */
  readonly offer?: (nodeId: string) => AssociationOffer;
  readonly limits?: HeartbeatTimes & { readonly handshakeTimeoutMs: number };
}

/** What is known of a peer that has proved itself. */
export interface ProvenPeer {
  readonly nodeId: string;
  /** Undefined as long as it has not said. */
  readonly roles: readonly string[] | undefined;
  /** The names in its certificate; undefined where it needs none. */
  readonly certificateNames: readonly string[] | undefined;
}

export interface NodeLink {
  readonly peer: NodeProfile;
  /** The live secrets that it has proved. */
  readonly provedBy: readonly SecretKey[];
  /** The names in its certificate. */
  readonly certificateNames: readonly string[] | undefined;
  /** The wire version that both sides go on with. */
  readonly wire: number;
  /** What the peer was told by `offer`. */
  readonly offered: AssociationOffer | undefined;
  /** The address of the peer, for logs. */
  readonly remote: string;
  /**
   * Sends one session frame from our thread `source` to the peer's thread `target` (1 to 16 of a-z 0-9). The frame is
   * copied. False: wait for `drained()` before the next, or the link is closed.
   * @throws FrameRefused `bytes` for a frame above 4 MiB − 64.
   */
  send(source: string, target: string, frame: Uint8Array): boolean;
  drained(): Promise<void>;
  /**
   * A session frame of the peer. Set it soon, in one turn with the other handlers: until then what arrives is held,
   * and past 1,024 frames the link is closed. The frame is a view into a buffer that may hold other frames too: copy it
   * before transferring it.
   */
  onFrame: (source: string, target: string, frame: Uint8Array) => void;
  /** Tells the peer that one of our threads has ended. False as for `send`. */
  sendPlaceDown(thread: string): boolean;
  /** The peer says that one of its threads has ended. */
  onPlaceDown: (thread: string) => void;
  /** Says something beside the sessions, to a peer whose profile tells that it listens. False as for `send`. */
  sendAside(aside: NodeAside): boolean;
  /** The peer says something beside the sessions. */
  onAside: (aside: NodeAside) => void;
  /** Called exactly once, at the end of the link for whatever reason, the loss of the heartbeat included. */
  onClose: (reason: CloseReason) => void;
  close(code: number, text: string): void;
}

/**
 * Runs the handshake on `link` and exchanges profiles.
 * @throws HandshakeFailed with its reason; the link is closed by then. UsageError for an id outside its grammar,
 *   FrameRefused for a profile beyond its limits.
 */
export async function openNodeLink(options: NodeLinkOptions): Promise<NodeLink> {
  const { link, side, profile, clusterId, secret, clock, isLinked, refuses } = options;
  const { certificateNames } = link;
  const nonce = options.random.bytes(nonceBytes);
  const identity = { side, nodeId: profile.nodeId, clusterId, secret, nonce };
  const handshake = new Handshake(isLinked === undefined ? identity : { ...identity, isLinked });
  // Whether it can be sent is known before anything is.
  closingOnError(link, () => encodeProfile(options.offer ? { ...profile, association: longestOffer } : profile));
  const timeoutMs = options.limits?.handshakeTimeoutMs ?? transportLimits.handshakeTimeoutMs;

  return new Promise((resolve, reject) => {
    let proven: Extract<HandshakeStep, { kind: 'done' }> | undefined;
    let offered: AssociationOffer | undefined;
    let isSettled = false;
    const tellsLast = side === 'listener' && refuses !== undefined;

    const cancelTimeout = clock.timer(timeoutMs, () => {
      fail(refuse('timeout', closeCodes.authentication, `no handshake within ${timeoutMs} ms`));
    });

    function fail({ reason, code, text, detail }: Refusal): void {
      if (isSettled) return;
      isSettled = true;
      cancelTimeout();
      if (blamed.has(reason)) link.blame?.();
      link.close(code, text);
      reject(new HandshakeFailed(reason, code, `no link with ${link.remote}: ${detail}`));
    }

    function continueHandshake(frame: Uint8Array): void {
      const step = handshake.receive(frame);
      if (step.kind === 'refused') {
        fail(step);
        return;
      }
      const why =
        step.kind === 'done' ? refuses?.({ nodeId: step.peerId, roles: undefined, certificateNames }) : undefined;
      if (why !== undefined) {
        fail(refuse('not-allowed', closeCodes.notAllowed, why));
        return;
      }
      if (step.kind === 'done') link.admit?.();
      if (step.send !== undefined) link.send(step.send);
      if (step.kind !== 'done') return;
      proven = step;
      // Where rules look at roles, a node learns nothing of a listener before it is allowed, and does not take itself for joined.
      if (!tellsLast) sayProfile(step.peerId);
    }

    function sayProfile(nodeId: string): void {
      offered = options.offer?.(nodeId);
      const said = offered === undefined ? profile : { ...profile, association: offered };
      link.send(encodeProfileEnvelope(encodeProfile(said, (digest) => handshake.sealProfile(digest))));
    }

    function finish(frame: Uint8Array, { peerId: nodeId, provedBy }: NonNullable<typeof proven>): void {
      const envelope = decodeEnvelope(frame);
      const peer = envelope.kind === 'profile' ? decodeProfile(envelope.bytes, nodeId) : { field: 'profile.kind' };
      if ('field' in peer) {
        fail(refuse('profile', closeCodes.protocol, `node ${nodeId} sent a malformed ${peer.field}`));
        return;
      }
      const isSealed =
        peer.seal === undefined ? refuses === undefined : handshake.isSealed(profileDigest(peer), peer.seal);
      if (secret !== undefined && !isSealed) {
        const what = `what node ${nodeId} says of itself was not sealed with our secret, or was changed on the way`;
        fail(refuse('proof', closeCodes.authentication, what));
        return;
      }
      const why = refuses?.({ nodeId, roles: peer.roles, certificateNames });
      if (why !== undefined) {
        fail(refuse('not-allowed', closeCodes.notAllowed, why));
        return;
      }
      const [theirs, ours] = [peer.wire ?? unsaidWireVersion, profile.wire ?? unsaidWireVersion];
      const wire = agreedVersion(theirs, ours);
      if (wire === undefined) {
        const detail = `node ${nodeId} speaks wire version ${theirs}, this one ${ours} and the one before it`;
        fail({ ...refuse('version', closeCodes.version, detail), text: `wire version ${ours} is spoken here` });
        return;
      }
      if (tellsLast) sayProfile(nodeId);
      isSettled = true;
      cancelTimeout();
      resolve(new AuthenticatedLink(link, { peer, wire, provedBy, offered }, clock, options.limits));
    }

    link.onClose = ({ code, text }) => {
      const isRefusal = refusalCodes.has(code);
      const detail = `the other end closed it with ${code}${text === '' ? '' : `, ${JSON.stringify(text)}`}`;
      fail(refuse(isRefusal ? 'refused-by-peer' : 'closed', code, detail));
    };
    link.onFrame = (frame) => {
      if (isSettled) return;
      if (proven === undefined) continueHandshake(frame);
      else finish(frame, proven);
    };
    const first = handshake.start();
    if (first !== undefined) link.send(first);
  });
}

/** What only a stranger does, or who has the wrong secret. A cut link, and a proxy that looks whether the port is open, do not. */
const blamed: ReadonlySet<HandshakeRefusal> = new Set(['malformed', 'side', 'cluster', 'mode', 'proof', 'timeout']);

const refusalCodes: ReadonlySet<number> = new Set([
  closeCodes.authentication,
  closeCodes.version,
  closeCodes.protocol,
  closeCodes.nodeIdentity,
  closeCodes.notAllowed,
]);

/** Nobody else knows of the link yet, so a failure here must close it. */
function closingOnError<T>(link: Link, make: () => T): T {
  try {
    return make();
  } catch (error) {
    link.close(closeCodes.limit, 'this node cannot say what it is');
    throw error;
  }
}

type FrameHandler = NodeLink['onFrame'];

class AuthenticatedLink implements NodeLink {
  readonly peer: NodeProfile;
  readonly provedBy: readonly SecretKey[];
  readonly certificateNames: readonly string[] | undefined;
  readonly wire: number;
  readonly offered: AssociationOffer | undefined;
  readonly remote: string;
  onPlaceDown: (thread: string) => void = ignore;
  onAside: (aside: NodeAside) => void = ignore;

  readonly #link: Link;
  readonly #heartbeat: Heartbeat;
  #onFrame: FrameHandler | undefined;
  #onClose: ((reason: CloseReason) => void) | undefined;
  /** What arrived before the owner set `onFrame`; undefined afterwards. */
  #held: Uint8Array[] | undefined = [];
  #closed: CloseReason | undefined;
  #isBlocked = false;
  /** The latest ping that is answered only once the buffer has drained; 0 for none. */
  #pongOwed = 0;
  /** A pong waits in the full buffer; the next is only remembered. */
  #pongBuffered = false;

  constructor(
    link: Link,
    { peer, wire, provedBy, offered }: Pick<NodeLink, 'peer' | 'wire' | 'provedBy' | 'offered'>,
    clock: Clock,
    times: HeartbeatTimes | undefined,
  ) {
    this.peer = peer;
    this.provedBy = provedBy;
    this.certificateNames = link.certificateNames;
    this.wire = wire;
    this.offered = offered;
    this.remote = link.remote;
    this.#link = link;
    const options = {
      clock,
      sendPing: (number: number) => void this.#write(encodePing(number)),
      onDead: (why: 'silent' | 'too-slow') => {
        if (why === 'silent') this.close(closeCodes.silent, 'nothing was heard from the peer');
        else this.close(closeCodes.tooSlow, 'the peer does not read what is sent to it');
      },
    };
    this.#heartbeat = new Heartbeat(times === undefined ? options : { ...options, times });
    link.onFrame = (frame) => this.#receive(frame);
    link.onClose = (reason) => this.#end(reason);
  }

  get onFrame(): FrameHandler {
    return this.#onFrame ?? ignore;
  }

  set onFrame(handler: FrameHandler) {
    const isFirst = this.#onFrame === undefined;
    this.#onFrame = handler;
    // After the owner's present turn, so that its other handlers are set too.
    if (isFirst) void Promise.resolve().then(() => this.#release());
  }

  get onClose(): (reason: CloseReason) => void {
    return this.#onClose ?? ignore;
  }

  set onClose(handler: (reason: CloseReason) => void) {
    const isLate = this.#closed !== undefined && this.#onClose === undefined;
    this.#onClose = handler;
    if (isLate) handler(this.#closed!);
  }

  send(source: string, target: string, frame: Uint8Array): boolean {
    return this.#write(encodeFrame(source, target, frame));
  }

  drained(): Promise<void> {
    return this.#link.drained();
  }

  sendPlaceDown(thread: string): boolean {
    return this.#write(encodePlaceDown(thread));
  }

  sendAside(aside: NodeAside): boolean {
    if (this.peer.address === undefined) return true;
    return this.#write(encodeAside(aside));
  }

  close(code: number, text: string): void {
    if (this.#closed !== undefined) return;
    this.#link.close(code, text);
    this.#end({ code, text });
  }

  #write(bytes: Uint8Array): boolean {
    if (this.#closed !== undefined) return false;
    const hasRoom = this.#link.send(bytes);
    if (!hasRoom && !this.#isBlocked) {
      this.#isBlocked = true;
      void this.#link.drained().then(() => this.#unblock());
    }
    return hasRoom;
  }

  #unblock(): void {
    this.#isBlocked = false;
    this.#pongBuffered = false;
    const number = this.#pongOwed;
    this.#pongOwed = 0;
    if (number > 0) this.#answer(number);
  }

  #release(): void {
    const held = this.#held;
    this.#held = undefined;
    for (const frame of held ?? []) this.#receive(frame);
  }

  #receive(frame: Uint8Array): void {
    if (this.#closed !== undefined) return;
    this.#heartbeat.heard();
    if (this.#held !== undefined) {
      this.#held.push(frame);
      if (this.#held.length > transportLimits.heldFramesMax) this.close(closeCodes.limit, 'too many frames at once');
      return;
    }
    const envelope = decodeEnvelope(frame);
    switch (envelope.kind) {
      case 'frame':
        this.onFrame(envelope.source, envelope.target, envelope.frame);
        return;
      case 'ping':
        this.#answer(envelope.number);
        return;
      case 'pong':
        if (!this.#heartbeat.answered(envelope.number)) this.#refuse('pong.number');
        return;
      case 'place-down':
        this.onPlaceDown(envelope.thread);
        return;
      case 'where':
      case 'node-at':
      case 'load':
        this.onAside(envelope);
        return;
      case 'profile':
        this.#refuse('kind');
        return;
      case 'malformed':
        this.#refuse(envelope.field);
        return;
      default: {
        const never: never = envelope;
        throw new TypeError(`unknown envelope ${String(never)}`);
      }
    }
  }

  /** A pong answers all pings before it, so a peer that pings and does not read makes us hold no more than two. */
  #answer(number: number): void {
    if (this.#pongBuffered) {
      this.#pongOwed = number;
      return;
    }
    this.#write(encodePong(number));
    this.#pongBuffered = this.#isBlocked;
  }

  #refuse(field: string): void {
    this.close(closeCodes.protocol, `malformed ${field}`);
  }

  #end(reason: CloseReason): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#held = undefined;
    this.#heartbeat.stop();
    this.#onClose?.(reason);
  }
}

function ignore(): void {
  // The owner has not said yet what it does with this.
}
