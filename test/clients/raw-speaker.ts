/** Somebody who speaks the protocol of clients word by word, and says exactly what a test tells it to. */
import type { Link } from '../../src/base/environment/network.ts';
import { decodeClientEnvelope, encodeClientFrame, encodeClientHello } from '../../src/transport/client-envelope.ts';
import { plainCodec } from '../../src/transport/plain-codec.ts';

export class RawSpeaker {
  readonly link: Link;
  readonly codec = plainCodec();
  /** Every message of the server, as it came. */
  readonly messages: Uint8Array[] = [];
  /** The fields of its session frames, counts first. */
  readonly frames: unknown[][] = [];
  token: string | undefined;
  resumes: boolean | undefined;
  closed: { readonly code: number; readonly text: string } | undefined;
  /** Messages that it has sent. */
  sent = 0;

  constructor(link: Link) {
    this.link = link;
    link.onClose = (reason) => {
      this.closed = reason;
    };
    link.onFrame = (bytes) => {
      this.messages.push(bytes);
      const envelope = decodeClientEnvelope(bytes);
      if (envelope.kind === 'frame') this.frames.push(this.codec.unpack(envelope.frame));
      if (envelope.kind === 'welcome') {
        this.token = envelope.token;
        this.resumes = envelope.resumes;
      }
    };
  }

  hello(resume?: string): void {
    this.link.send(encodeClientHello(resume));
  }

  /** The resume frame that comes first over every link. */
  resume(received = 0, granted = 10_000): void {
    this.frame([-1, received, 0, granted, false]);
  }

  /** A frame of items, under the sequence that is due. */
  say(...items: readonly (readonly unknown[])[]): void {
    this.frame([this.sent, 0, 0, 10_000, false, ...items.flat()]);
    this.sent += items.length;
  }

  frame(fields: readonly unknown[]): void {
    this.link.send(encodeClientFrame(this.codec.pack(fields)));
  }

  /** What it was told, items only, flat. */
  get told(): unknown[] {
    return this.frames.flatMap((fields) => fields.slice(5));
  }
}
