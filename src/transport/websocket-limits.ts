/** The bounds of the WebSocket adapter, and how they are said to ws. */
import { transportLimits } from './limits.ts';

export const subprotocol = 'troupe.v1';

export type WebSocketLimits = {
  readonly [K in
    | 'linkFrameBytesMax'
    | 'bufferHighBytes'
    | 'bufferLowBytes'
    | 'fragmentsMax'
    | 'chunksMax'
    | 'pendingBytesMax'
    | 'pendingMax'
    | 'failuresMax'
    | 'failuresWithinMs'
    | 'banMs'
    | 'provedMs'
    | 'addressesMax'
    | 'connectionsMax'
    | 'connectionsPerAddressMax'
    | 'headerBytesMax'
    | 'headersMax'
    | 'headersTimeoutMs'
    | 'certificatesRefreshMs'
    | 'closeTimeoutMs']: number;
};

export const webSocketLimits: WebSocketLimits = transportLimits;

/** Options that both ends give to ws. The installed ws knows more of them than its types do. */
export function webSocketOptions(limits: WebSocketLimits): {
  readonly maxPayload: number;
  readonly maxFragments: number;
  readonly maxBufferedChunks: number;
  readonly closeTimeout: number;
  readonly perMessageDeflate: false;
} {
  return {
    maxPayload: limits.linkFrameBytesMax,
    maxFragments: limits.fragmentsMax,
    maxBufferedChunks: limits.chunksMax,
    closeTimeout: limits.closeTimeoutMs,
    perMessageDeflate: false,
  };
}
