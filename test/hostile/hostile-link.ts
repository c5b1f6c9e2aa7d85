/** A node that has proved itself and then says whatever it likes: bytes, envelopes, session frames. */
import { randomBytes } from 'node:crypto';
import type { CloseReason } from '../../src/transport/close-codes.ts';
import { strictCodec } from '../../src/transport/frame-codec.ts';
import { Handshake } from '../../src/transport/handshake.ts';
import { transportLimits } from '../../src/transport/limits.ts';
import {
  decodeEnvelope,
  encodeFrame,
  encodePing,
  encodePong,
  encodeProfileEnvelope,
} from '../../src/transport/node-envelope.ts';
import { encodeProfile, type NodeProfile } from '../../src/transport/node-profile.ts';
import { Secret } from '../../src/transport/secret.ts';
import { type LiveNode, secretText } from './live-node.ts';
import { RawClient } from './raw-client.ts';

/** Packs what the other side must refuse. */
export const generous = strictCodec({
  ...transportLimits,
  depthMax: 4_000,
  stringBytesMax: 4_194_304,
  keysMax: 100_000,
  itemsMax: 4_000_000,
});
const secret = new Secret(Buffer.from(secretText));
let links = 0;

export class HostileLink {
  readonly nodeId: string;
  readonly client: RawClient;
  /** The node at the other end. */
  peerId = '';
  /** Called with the fields of each session frame that comes. */
  onFields: ((source: string, fields: readonly unknown[]) => void) | undefined;
  #pings = 0x8000_0000;
  #ponged = 0;

  private constructor(client: RawClient, nodeId: string) {
    this.client = client;
    this.nodeId = nodeId;
  }

  /** Dials, proves the secret and says who it is, sealed where it `seals`; with another message in the place of its profile, where one is given. */
  static async open(
    live: LiveNode,
    {
      nodeId = `evil~${links++}`,
      profile,
      seals = false,
    }: { nodeId?: string; profile?: Uint8Array; seals?: boolean } = {},
  ): Promise<HostileLink> {
    const client = await RawClient.upgraded(live);
    const side = 'dialer';
    const handshake = new Handshake({ side, nodeId, clusterId: 'troupe', secret, nonce: randomBytes(32) });
    const link = new HostileLink(client, nodeId);
    let isOpen = false;
    client.onMessage = (bytes) => {
      if (link.peerId !== '') {
        isOpen = true;
        link.#receive(bytes);
        return;
      }
      const step = handshake.receive(bytes);
      if (step.kind === 'refused') throw new Error(step.detail);
      if (step.kind === 'continue') client.send(step.send);
      else link.peerId = step.peerId;
    };
    client.send(handshake.start()!);
    await client.until(() => link.peerId !== '' || client.closed !== undefined, 'the proof of the node');
    const own: NodeProfile = { nodeId, roles: [], fingerprints: {}, threads: 1 };
    const association = { token: randomBytes(16).toString('hex'), resume: undefined };
    const said = seals
      ? encodeProfile({ ...own, association }, (digest) => handshake.sealProfile(digest))
      : encodeProfile(own);
    client.send(profile ?? encodeProfileEnvelope(said));
    if (profile === undefined) await client.until(() => isOpen || client.closed !== undefined, 'its profile');
    return link;
  }

  get closed(): CloseReason | undefined {
    return this.client.closed;
  }

  /** Whole messages, as they are. */
  send(...messages: readonly Uint8Array[]): void {
    this.client.send(...messages);
  }

  /** A session frame from a thread of this node. */
  frame(source: string, fields: readonly unknown[]): void {
    this.send(encodeFrame(source, 'main', generous.pack(fields)));
  }

  /** Resolves once everything that was sent before was dealt with, or the node has closed the link. */
  async answered(): Promise<CloseReason | undefined> {
    this.#pings = (this.#pings + 1) >>> 0;
    const number = this.#pings;
    this.send(encodePing(number));
    await this.client.until(() => this.#ponged === number || this.closed !== undefined, 'an answer');
    return this.closed;
  }

  /** How the node ends the link. */
  ended(): Promise<CloseReason> {
    return this.client.ended();
  }

  close(): void {
    this.client.socket.destroy();
  }

  #receive(bytes: Uint8Array): void {
    const envelope = decodeEnvelope(bytes);
    if (envelope.kind === 'ping') this.send(encodePong(envelope.number));
    else if (envelope.kind === 'pong') this.#ponged = envelope.number;
    else if (envelope.kind === 'frame') this.onFields?.(envelope.target, generous.unpack(envelope.frame));
  }
}

/** The header of a session frame that is in order, with the items after it. */
export function ordered(sequence: number, ...items: readonly (readonly unknown[])[]): unknown[] {
  return [sequence, 0, 0, 16_384, false, ...items.flat()];
}
