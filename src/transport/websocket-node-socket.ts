/** The WebSocket of clients in Node, whose own is not in every version that runs this. */
import { WebSocket } from 'ws';
import { isTrustProblem } from './certificates.ts';
import { clientLimits } from './client-limits.ts';
import { DialFailed } from './errors.ts';
import type { OpenSocket, Socket } from './websocket-socket.ts';

export const openNodeSocket: OpenSocket = (address, protocols, failed) => {
  const socket = new WebSocket(address, protocols, {
    maxPayload: clientLimits.linkFrameBytesMax,
    perMessageDeflate: false,
    followRedirects: false,
  });
  socket.on('error', (error) => {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (isTrustProblem(code)) failed(untrusted(address, code, error));
  });
  return socket as unknown as Socket;
};

function untrusted(address: string, code: string, cause: Error): DialFailed {
  const help =
    'start this process with NODE_EXTRA_CA_CERTS=authority.pem where its authority is your own, and give the server a certificate ' +
    'that is valid now and for the name in the address';
  return new DialFailed('untrusted', `the certificate of ${address} is not trusted (${code}); ${help}`, { cause });
}
