/** Who may be a client of a system, and what clients may do. */
import * as z from 'zod';
import { limits } from '../../base/limits.ts';
import { clientLimits } from '../../transport/client-limits.ts';
import { isLoopback } from '../../transport/websocket-network.ts';
import type { ClientAccess, ClientIdentity } from './client-access.ts';

/** What is known of somebody who asks to be let in. */
export interface ClientAsking {
  /** The address that the connection comes from: the proxy's, where there is one. */
  readonly remote: string;
  /** The page that asks, where a browser does: one of `origins`. */
  readonly origin: string | undefined;
}

/** The option `clients` of `createSystem`. */
export interface ClientsOptions {
  /**
   * `ws://127.0.0.1:8080`, or `wss://…` with `tls`, optionally with a path; port 0 takes a free one. What is reached from other
   * machines needs TLS, of its own or of a proxy before it, since tokens pass.
   */
  readonly listen: string;
  /**
   * Paths of PEM files, for TLS 1.3: the certificate of this server, followed by those between it and its authority, and its
   * private key. They are looked at every minute, and used once they are replaced.
   */
  readonly tls?: { readonly cert: string; readonly key: string };
  /**
   * Says who somebody is, by the token that was shown at the upgrade, or `undefined` where nobody is let in. It has 5 s. What
   * it throws lets nobody in, and the client tries again.
   */
  authenticate(
    token: string | undefined,
    asking: ClientAsking,
  ): ClientIdentity | undefined | Promise<ClientIdentity | undefined>;
  /** What clients may say, and to whom: what `allow(protocol, { … })` gives. Nothing else is reachable. */
  readonly allow: readonly ClientAccess[];
  /** Pages that may ask, such as `https://app.example.org`; none unless given. Programs that are no browsers name no page. */
  readonly origins?: readonly string[];
  /** Names by which this server may be asked for (`Host`); needed beyond this machine, whose own names are taken unless given. */
  readonly hosts?: readonly string[];
  /** Clients at once, those away among them: 10,000 unless given. */
  readonly max?: number;
  /**
   * Messages that each client may have handled in a second, and as many at once: 1,000 unless given. What it says beyond that is
   * not lost; it is slowed down, as by an actor that is slow.
   */
  readonly messagesPerSecond?: number;
  /**
   * Addresses of proxies before it, such as `10.0.0.5`: everybody comes from there, so wrong tokens never shut one out, and it
   * may ask ten times as often. This machine's own addresses are among them always.
   */
  readonly proxies?: readonly string[];
  /** How long what is under way to a client waits when its link was cut, in ms; 10,000 unless given, 0 for not at all. */
  readonly resumeMs?: number;
}

export const clientsOptionsSchema: z.ZodType = z
  .strictObject({
    listen: z.string().regex(/^wss?:\/\//, 'an address as ws://127.0.0.1:8080 is needed'),
    tls: z.strictObject({ cert: z.string().min(1), key: z.string().min(1) }).optional(),
    authenticate: z.custom((given) => typeof given === 'function', 'a function is needed'),
    allow: z.array(z.unknown()),
    origins: z
      .array(z.string().regex(/^[a-z][a-z0-9+.-]*:\/\/[^/]+$/, 'as https://app.example.org, without a path'))
      .optional(),
    hosts: z.array(z.string().min(1)).min(1).optional(),
    max: z.int().min(1).max(clientLimits.clientsMaxAllowed).optional(),
    messagesPerSecond: z.int().min(1).max(clientLimits.messagesPerSecondMax).optional(),
    proxies: z
      .array(z.union([z.ipv4(), z.ipv6()], 'an IP address such as 10.0.0.5'))
      .max(clientLimits.proxiesMax)
      .optional(),
    resumeMs: z.number().min(0).max(limits.resumeMsMax).optional(),
  })
  .refine(({ listen, tls }) => listen.startsWith('wss:') === (tls !== undefined), {
    path: ['tls'],
    message: 'give tls: { cert, key } with wss://, and none with ws://',
  })
  .refine(({ listen, hosts }) => hosts !== undefined || isLoopback(listen), {
    path: ['hosts'],
    message: 'give the names by which it is asked for, such as ["app.example.org"], or listen on 127.0.0.1',
  });

/** By which this machine is asked for. */
export const ownHosts: readonly string[] = ['127.0.0.1', 'localhost', '[::1]'];
