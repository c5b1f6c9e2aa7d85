/** `troupe/client` in Node: the same, over the WebSocket of `ws`. */
import { openNodeSocket } from '../transport/websocket-node-socket.ts';
import { type Connect, connectBy } from './connect.ts';

export { ClientClosed } from './errors.ts';

/** See `index.ts`, which has its types. */
export const connect: Connect = connectBy(openNodeSocket);
