/** What can go wrong in the transport, typed. */
import { TroupeError } from '../base/errors.ts';
import type { ScanFinding } from './scan.ts';

/** An address could not be bound. */
export class ListenFailed extends TroupeError<'ListenFailed'> {
  readonly reason: 'in-use' | 'forbidden' | 'unavailable' | 'bad-address';

  constructor(reason: ListenFailed['reason'], message: string, cause?: unknown) {
    super('ListenFailed', message, { cause, retryable: reason === 'in-use' });
    this.reason = reason;
  }
}

/** No link could be opened to an address. */
export class DialFailed extends TroupeError<'DialFailed'> {
  /**
   * `refused`: nobody listens there or the way is closed · `timeout` · `not-troupe`: something else answered, such as
   * TLS on a plain port · `untrusted`: TLS, and one end does not accept the other's certificate · `rejected`: the listener answered with the HTTP status in `status` · `aborted` by the caller.
   */
  readonly reason: 'refused' | 'timeout' | 'not-troupe' | 'untrusted' | 'rejected' | 'aborted' | 'bad-address';
  readonly status?: number;

  constructor(reason: DialFailed['reason'], message: string, options: { cause?: unknown; status?: number } = {}) {
    const retryable = reason === 'refused' || reason === 'timeout' || options.status === 503;
    super('DialFailed', message, { cause: options.cause, retryable });
    this.reason = reason;
    if (options.status !== undefined) this.status = options.status;
  }
}

/** A frame, or one item of it, breaks the rules of the strict codec. */
export class FrameRefused extends TroupeError<'FrameRefused'> {
  /** The rule. `bytes`: the frame is too large. `value`: msgpack has no form for a value. */
  readonly finding: ScanFinding | 'bytes' | 'value';
  /** Which item of the frame it is, where one item alone is at fault. */
  readonly index?: number;

  constructor(finding: FrameRefused['finding'], message: string, options: { index?: number; cause?: unknown } = {}) {
    super('FrameRefused', message, { cause: options.cause });
    this.finding = finding;
    if (options.index !== undefined) this.index = options.index;
  }
}

export type HandshakeRefusal =
  | 'malformed'
  | 'version'
  | 'side'
  | 'cluster'
  | 'mode'
  | 'proof'
  | 'self'
  | 'duplicate'
  | 'profile'
  | 'not-allowed'
  | 'timeout'
  | 'refused-by-peer'
  | 'closed';

/** Two nodes did not come to an authenticated link. The link is closed. */
export class HandshakeFailed extends TroupeError<'HandshakeFailed'> {
  readonly reason: HandshakeRefusal;
  /** The close code that ended the link, ours or the peer's. */
  readonly closeCode: number;

  constructor(reason: HandshakeRefusal, closeCode: number, message: string) {
    super('HandshakeFailed', message, { retryable: reason === 'timeout' || reason === 'closed' });
    this.reason = reason;
    this.closeCode = closeCode;
  }
}

/** The certificates of this node could not be read, or do not fit together. */
export class CertificatesFailed extends TroupeError<'CertificatesFailed'> {
  readonly reason: 'missing' | 'unreadable' | 'malformed' | 'mismatch';

  constructor(reason: CertificatesFailed['reason'], message: string, cause?: unknown) {
    super('CertificatesFailed', message, { cause });
    this.reason = reason;
  }
}

/** A shared secret could not be read, or is not fit to be one. */
export class SecretFailed extends TroupeError<'SecretFailed'> {
  readonly reason: 'missing' | 'unreadable' | 'too-short';

  constructor(reason: SecretFailed['reason'], message: string, cause?: unknown) {
    super('SecretFailed', message, { cause });
    this.reason = reason;
  }
}
