/** What both ends of a WebSocket here are told of bounds. */
import { connectLimits } from '../limits.ts';

/** Options for `ws`. The installed one knows more of them than its types do. */
export function webSocketOptions(messageBytesMax: number = connectLimits.lineBytesMax): {
  readonly maxPayload: number;
  readonly maxFragments: number;
  readonly maxBufferedChunks: number;
  readonly perMessageDeflate: false;
  readonly closeTimeout: number;
  readonly maxPendingAutoPongs: number;
} {
  return {
    maxPayload: messageBytesMax,
    maxFragments: connectLimits.fragmentsMax,
    maxBufferedChunks: connectLimits.fragmentsMax,
    perMessageDeflate: false,
    closeTimeout: connectLimits.closeMs,
    maxPendingAutoPongs: connectLimits.pongsPendingMax,
  };
}

/** A close reason holds 123 bytes. */
export function reasonOf(text: string): string {
  return Buffer.from(text)
    .subarray(0, 120)
    .toString('latin1')
    .replaceAll(/[^ -~]/g, '?');
}
