/**
 * What two nodes say to each other beside session frames, each in a fixed layout behind its byte of kind
 * (docs/wire-protocol.md): where another node is, and how much there is to do.
 *
 * None of it is needed for what is under way, so whoever does not read is told nothing more.
 */
import { UsageError } from '../base/errors.ts';
import { isNodeId } from './hello.ts';
import { transportLimits } from './limits.ts';

/** Where is that node? */
export interface WhereAside {
  readonly kind: 'where';
  /** The id of a node, or its name. */
  readonly question: string;
  /** Whether that node is to be told where the one is that asks: it could not be reached. */
  readonly tellIt: boolean;
}

/** That node is there. To a node that has not asked: it is looked for by that node. */
export interface NodeAtAside {
  readonly kind: 'node-at';
  readonly question: string;
  /** Its id; empty where no such node is known. */
  readonly nodeId: string;
  /** The address that it announces; empty where it announces none. */
  readonly address: string;
}

/** How much the sender's main thread has to do. */
export interface LoadAside {
  readonly kind: 'load';
  /** The use of its event loop lately, from 0 to 1. */
  readonly use: number;
  /** Messages that wait there for its actors. */
  readonly queued: number;
  /** True once it takes no more actors. */
  readonly isLeaving: boolean;
}

export type NodeAside = WhereAside | NodeAtAside | LoadAside;

const whereKind = 0x20;
const nodeAtKind = 0x21;
const loadKind = 0x22;
const loadBytes = 8;
const useParts = 1_000;
const queuedMax = 0xffff_ffff;

/** True for an address as it may be announced: printable ASCII, and a WebSocket's. */
export function isAnnouncedAddress(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= transportLimits.profileTextCharactersMax &&
    /^wss?:\/\/[\x21-\x7e]+$/.test(value)
  );
}

/** @throws UsageError for a text outside its grammar */
export function encodeAside(aside: NodeAside): Uint8Array {
  switch (aside.kind) {
    case 'where':
      return bytesOf(whereKind, aside.tellIt ? 1 : 0, ...named(aside.question));
    case 'node-at': {
      const { question, nodeId, address } = aside;
      if (address !== '' && !isAnnouncedAddress(address)) throw new UsageError(`${address} is no address of a node`);
      const id = nodeId === '' ? [0] : named(nodeId);
      return bytesOf(nodeAtKind, ...named(question), ...id, ...Buffer.from(address, 'latin1'));
    }
    case 'load': {
      const bytes = new Uint8Array(loadBytes);
      const view = new DataView(bytes.buffer);
      view.setUint8(0, loadKind);
      view.setUint8(1, aside.isLeaving ? 1 : 0);
      view.setUint16(2, Math.round(Math.min(1, Math.max(0, aside.use)) * useParts));
      view.setUint32(4, Math.min(queuedMax, aside.queued));
      return bytes;
    }
    default:
      throw new UsageError(`no aside: ${String(aside satisfies never)}`);
  }
}

/** The aside in `bytes`; or the field that is wrong. */
export function decodeAside(bytes: Uint8Array): NodeAside | { readonly kind: 'malformed'; readonly field: string } {
  switch (bytes[0]) {
    case whereKind: {
      const question = readName(bytes, 2);
      if (bytes[1]! > 1) return malformed('where.flags');
      if (question === undefined || bytes.length !== 3 + question.length) return malformed('where.question');
      return { kind: 'where', question, tellIt: bytes[1] === 1 };
    }
    case nodeAtKind:
      return decodeNodeAt(bytes);
    case loadKind: {
      if (bytes.length !== loadBytes) return malformed('load.length');
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const [flags, parts] = [view.getUint8(1), view.getUint16(2)];
      if (flags > 1) return malformed('load.flags');
      if (parts > useParts) return malformed('load.use');
      return { kind: 'load', use: parts / useParts, queued: view.getUint32(4), isLeaving: flags === 1 };
    }
    default:
      return malformed('kind');
  }
}

function decodeNodeAt(bytes: Uint8Array): ReturnType<typeof decodeAside> {
  const question = readName(bytes, 1);
  if (question === undefined) return malformed('node-at.question');
  const at = 2 + question.length;
  const nodeId = bytes[at] === 0 ? '' : readName(bytes, at);
  if (nodeId === undefined) return malformed('node-at.nodeId');
  const address = Buffer.from(bytes.subarray(at + 1 + nodeId.length)).toString('latin1');
  if (address !== '' && (nodeId === '' || !isAnnouncedAddress(address))) return malformed('node-at.address');
  return { kind: 'node-at', question, nodeId, address };
}

function bytesOf(...bytes: readonly number[]): Uint8Array {
  return Uint8Array.from(bytes);
}

function named(text: string): readonly number[] {
  if (!isNodeId(text))
    throw new UsageError(`${JSON.stringify(text.slice(0, 64))} is neither the id nor the name of a node`);
  return [text.length, ...Buffer.from(text, 'latin1')];
}

/** The length and the name at `at`; undefined where they break the grammar or reach beyond the end. */
function readName(bytes: Uint8Array, at: number): string | undefined {
  const length = bytes[at] ?? 0;
  const end = at + 1 + length;
  if (end > bytes.length) return undefined;
  const text = Buffer.from(bytes.subarray(at + 1, end)).toString('latin1');
  return isNodeId(text) ? text : undefined;
}

function malformed(field: string): { readonly kind: 'malformed'; readonly field: string } {
  return { kind: 'malformed', field };
}
