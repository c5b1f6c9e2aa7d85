/**
 * The handshake: how two nodes prove to each other that they hold the same secret and belong to the same cluster.
 *
 * A pure state machine, bytes in and bytes or a verdict out. The dialer's hello, the listener's hello, the dialer's
 * proof, the listener's proof, in this order. A proof is an HMAC-SHA256 over both hellos, so that it fits this one
 * handshake, and over the side of its maker, so that it cannot be reflected. A wrong secret, a wrong cluster and a
 * missing secret all take the same path and get the same answer; only the local log is told which it was.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { UsageError } from '../base/errors.ts';
import { closeCodes } from './close-codes.ts';
import type { HandshakeRefusal } from './errors.ts';
import {
  decodeHello,
  decodeProof,
  encodeHello,
  encodeProof,
  type Hello,
  isClusterId,
  isNodeId,
  nonceBytes,
  profileLabel,
  proofLabel,
  protocolVersion,
  type Side,
  transcript,
} from './hello.ts';
import { macBytes, type Secret, type SecretKey } from './secret.ts';

export interface HandshakeOptions {
  readonly side: Side;
  readonly nodeId: string;
  readonly clusterId: string;
  /** Undefined: this node asks for no proof and gives none; it never links with a node that has a secret. */
  readonly secret: Secret | undefined;
  /** 32 fresh random bytes. */
  readonly nonce: Uint8Array;
  /** Whether a node of this id is linked already. Asked only about a peer that has proved itself. */
  readonly isLinked?: (nodeId: string) => boolean;
}

export interface Refusal {
  readonly kind: 'refused';
  readonly reason: HandshakeRefusal;
  readonly code: number;
  /** What the peer is told: the same for every reason that has this code. */
  readonly text: string;
  /** What the local log is told. */
  readonly detail: string;
}

export type HandshakeStep =
  | { readonly kind: 'continue'; readonly send: Uint8Array }
  | {
      readonly kind: 'done';
      readonly send: Uint8Array | undefined;
      readonly peerId: string;
      /** The live secrets that the peer has proved; none where nodes know each other otherwise, or not at all. */
      readonly provedBy: readonly SecretKey[];
    }
  | Refusal;

const refusalTexts: Readonly<Record<number, string>> = {
  [closeCodes.authentication]: 'authentication refused',
  [closeCodes.version]: `protocol version ${protocolVersion} is spoken here`,
  [closeCodes.protocol]: 'malformed handshake',
  [closeCodes.nodeIdentity]: 'this node id is linked already',
  [closeCodes.notAllowed]: 'not allowed',
};

/** A refusal with the text that its code always has. */
export function refuse(reason: HandshakeRefusal, code: number, detail: string): Refusal {
  return { kind: 'refused', reason, code, text: refusalTexts[code] ?? '', detail };
}

export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #own: Hello;
  #peer: Hello | undefined;
  #state: 'hello' | 'proof' | 'ended' = 'hello';

  /** @throws UsageError for a node or cluster id outside its grammar. */
  constructor(options: HandshakeOptions) {
    const { side, nodeId, clusterId, secret, nonce } = options;
    if (!isNodeId(nodeId)) throw new UsageError(`node id ${JSON.stringify(nodeId)}: ${grammarHelp(128)}`);
    if (!isClusterId(clusterId)) throw new UsageError(`cluster id ${JSON.stringify(clusterId)}: ${grammarHelp(64)}`);
    if (nonce.length !== nonceBytes) throw new UsageError(`a nonce of ${nonce.length} bytes, it must be ${nonceBytes}`);
    this.#options = options;
    this.#own = { side, hasSecret: secret !== undefined, nonce, nodeId, clusterId };
  }

  /** What this side sends before it has received anything: the dialer's hello; the listener stays silent. */
  start(): Uint8Array | undefined {
    return this.#own.side === 'dialer' ? encodeHello(this.#own) : undefined;
  }

  /** Takes the peer's next message. After `done` and `refused` the handshake is over and takes no more. */
  receive(bytes: Uint8Array): HandshakeStep {
    const step =
      this.#state === 'hello'
        ? this.#takeHello(bytes)
        : this.#state === 'proof'
          ? this.#takeProof(bytes, this.#peer!)
          : refuse('malformed', closeCodes.protocol, 'a message after the end of the handshake');
    this.#state = step.kind === 'continue' ? 'proof' : 'ended';
    return step;
  }

  #takeHello(bytes: Uint8Array): HandshakeStep {
    const hello = decodeHello(bytes);
    if (typeof hello === 'string') return refuseBytes(hello, 'hello');
    if (hello.side === this.#own.side) {
      return refuse('side', closeCodes.authentication, `both ends of the link are its ${hello.side}`);
    }
    this.#peer = hello;
    const send = this.#own.side === 'listener' ? encodeHello(this.#own) : this.#prove(hello);
    return { kind: 'continue', send };
  }

  #takeProof(bytes: Uint8Array, peer: Hello): HandshakeStep {
    const macs = decodeProof(bytes);
    if (typeof macs === 'string') return refuseBytes(macs, 'proof');
    const provedBy = this.#proofsOf(peer, macs);
    if (provedBy === undefined) return this.#explainRefusal(peer);
    if (peer.nodeId === this.#own.nodeId) {
      return refuse('self', closeCodes.nodeIdentity, `the node at the other end has our own id ${peer.nodeId}`);
    }
    if (this.#options.isLinked?.(peer.nodeId) === true) {
      return refuse('duplicate', closeCodes.nodeIdentity, `there is a link to a node ${peer.nodeId} already`);
    }
    const send = this.#own.side === 'listener' ? this.#prove(peer) : undefined;
    return { kind: 'done', send, peerId: peer.nodeId, provedBy };
  }

  #prove(peer: Hello): Uint8Array {
    const message = this.#transcript(this.#own.side, peer);
    return encodeProof(this.#options.secret?.sign(message) ?? openMacs(message));
  }

  /** The secrets that the peer has proved; undefined where it has proved nothing. */
  #proofsOf(peer: Hello, macs: Uint8Array): readonly SecretKey[] | undefined {
    const message = this.#transcript(peer.side, peer);
    const { secret } = this.#options;
    const keys = secret === undefined ? [] : secret.proofsIn(message, macs);
    const isSigned = secret === undefined ? timingSafeEqual(openMacs(message), macs) : keys.length > 0;
    // The MAC holds our own cluster id; what the peer's hello says must be the same, or it was changed on the way.
    const isOurs = isSigned && peer.hasSecret === this.#own.hasSecret && peer.clusterId === this.#own.clusterId;
    return isOurs ? keys : undefined;
  }

  /**
   * Two MACs over what this side says of itself after its proof, which belong to this one handshake; undefined without a
   * secret. Only after the peer's hello.
   */
  sealProfile(digest: Uint8Array): Uint8Array | undefined {
    return this.#options.secret?.sign(this.#profileTranscript(this.#own.side, digest));
  }

  /** Whether the peer has sealed what came from it. Without a secret there is nothing to seal with. */
  isSealed(digest: Uint8Array, seal: Uint8Array): boolean {
    const { secret } = this.#options;
    return secret === undefined || secret.verify(this.#profileTranscript(this.#peer!.side, digest), seal);
  }

  #profileTranscript(prover: Side, digest: Uint8Array): Uint8Array {
    return Buffer.concat([this.#transcript(prover, this.#peer!, profileLabel), digest]);
  }

  #transcript(prover: Side, peer: Hello, label: string = proofLabel): Uint8Array {
    const [dialer, listener] = this.#own.side === 'dialer' ? [this.#own, peer] : [peer, this.#own];
    return transcript(label, prover, dialer, listener, this.#own.clusterId);
  }

  #explainRefusal(peer: Hello): Refusal {
    const { authentication } = closeCodes;
    if (peer.clusterId !== this.#own.clusterId) {
      const detail = `node ${peer.nodeId} belongs to the cluster ${peer.clusterId}, not to ${this.#own.clusterId}`;
      return refuse('cluster', authentication, detail);
    }
    if (peer.hasSecret !== this.#own.hasSecret) {
      const who = peer.hasSecret
        ? `node ${peer.nodeId} has a secret, this node has none`
        : `node ${peer.nodeId} has none`;
      return refuse('mode', authentication, `${who}; give both the same secret`);
    }
    return refuse('proof', authentication, `node ${peer.nodeId} did not prove our secret; give both the same one`);
  }
}

function refuseBytes(finding: 'malformed' | 'version', what: string): Refusal {
  return finding === 'version'
    ? refuse('version', closeCodes.version, `the ${what} is of another version than ${protocolVersion}`)
    : refuse('malformed', closeCodes.protocol, `the ${what} is malformed`);
}

/** What stands for a proof between nodes without a secret: it shows a common transcript and nothing more. */
function openMacs(message: Uint8Array): Uint8Array {
  const macs = new Uint8Array(2 * macBytes);
  const mac = createHmac('sha256', '').update(message).digest();
  macs.set(mac, 0);
  macs.set(mac, macBytes);
  return macs;
}

function grammarHelp(charactersMax: number): string {
  return `it must be 1 to ${charactersMax} of A-Z a-z 0-9 . _ ~ - and begin with a letter or digit`;
}
