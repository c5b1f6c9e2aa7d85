/**
 * Where clients come in: each shows at the upgrade who it is, says hello, and is then one session over as many links as it
 * takes.
 *
 * A browser is not told why an upgrade was refused. So whoever has a wrong token gets its WebSocket, which is closed with
 * 4001 before anything is read from it; who comes from a wrong page or by a wrong name gets none.
 */
import type { Owner } from '../../actors/target.ts';
import type { Cancel } from '../../base/environment/clock.ts';
import type { Environment } from '../../base/environment/environment.ts';
import type { Link, LinkRequest, Listener } from '../../base/environment/network.ts';
import { describeThrown } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Logger } from '../../base/logger.ts';
import { newToken } from '../../transport/association.ts';
import { Certificates } from '../../transport/certificates.ts';
import { decodeClientEnvelope, encodeWelcome } from '../../transport/client-envelope.ts';
import { clientLimits } from '../../transport/client-limits.ts';
import { ClientLink } from '../../transport/client-link.ts';
import { type CloseReason, closeCodes } from '../../transport/close-codes.ts';
import { type FrameCodec, strictCodec } from '../../transport/frame-codec.ts';
import { isLoopback } from '../../transport/websocket-network.ts';
import { Audit } from '../audit.ts';
import { goingAway, isFinal } from '../node-peer.ts';
import { type RefusalLine, refusalLog } from '../refusal-log.ts';
import { ActorAddresses, type FindActor } from './actor-addresses.ts';
import { type ClientIdentity, ClientRights } from './client-access.ts';
import { type ClientsOptions, ownHosts } from './client-options.ts';
import { ClientSession } from './client-session.ts';
import { UpgradePace } from './upgrade-pace.ts';

export interface ClientPortOptions {
  readonly environment: Environment;
  readonly clients: ClientsOptions;
  readonly owner: Owner;
  readonly find: FindActor;
  readonly log: Logger;
}

/** What has become of those who asked, so far. */
export interface ClientStatistics {
  /** Clients that have a link now. */
  readonly open: number;
  /** Clients whose link was cut, and that are waited for. */
  readonly away: number;
  /** Links so far. */
  readonly admitted: number;
  /** Links among these that went on with what was open. */
  readonly resumed: number;
  /** Those who were not let in: by their token, their page, their `Host`, for want of room, or since they ask too often. */
  readonly refused: number;
  /** Messages that said what their client may not. */
  readonly forbidden: number;
  /** How often a client was held back since it says more messages a second than it may; counted once a second for each. */
  readonly slowed: number;
  /** Clients that were ended for what they sent, or did not read. */
  readonly broken: number;
}

interface Known {
  readonly token: string;
  readonly session: ClientSession;
  link: ClientLink | undefined;
  endWait: Cancel;
}

type Verdict = ClientIdentity | 'refused' | 'failed';

export class ClientPort {
  readonly #options: ClientPortOptions;
  readonly #rights: ClientRights;
  readonly #addresses: ActorAddresses;
  readonly #codec: FrameCodec = strictCodec({ ...clientLimits });
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #max: number;
  readonly #resumeMs: number;
  readonly #known = new Map<string, Known>();
  readonly #admitted = new WeakMap<LinkRequest, ClientIdentity>();
  /** Links that have not said hello. */
  readonly #opening = new Set<Link>();
  readonly #pace: UpgradePace;
  readonly #audit: Audit;
  readonly #failed: RefusalLine;
  readonly #counts = { admitted: 0, resumed: 0, refused: 0, forbidden: 0, slowed: 0, broken: 0 };
  /** How many have a link. */
  #linked = 0;
  #listener: Listener | undefined = undefined;
  #isClosing = false;

  /** @throws UsageError for rights that make no sense */
  constructor(options: ClientPortOptions) {
    this.#options = options;
    const { clients, environment, log } = options;
    this.#rights = new ClientRights(clients.allow);
    this.#addresses = new ActorAddresses(options.find);
    this.#hosts = new Set((clients.hosts ?? ownHosts).map((host) => host.toLowerCase()));
    this.#origins = new Set(clients.origins ?? []);
    this.#max = clients.max ?? clientLimits.clientsMax;
    this.#resumeMs = clients.resumeMs ?? clientLimits.resumeMs;
    this.#pace = new UpgradePace(environment.clock, clients.proxies ?? []);
    this.#audit = new Audit(environment.clock, log);
    this.#failed = refusalLog(environment.clock, (fields, text) => log.error(fields, text));
  }

  /** The address that clients connect to, with its real port. */
  get address(): string {
    return this.#listener?.address ?? this.#options.clients.listen;
  }

  statistics(): ClientStatistics {
    return { open: this.#linked, away: this.#known.size - this.#linked, ...this.#counts };
  }

  /** @throws ListenFailed, CertificatesFailed */
  async listen(): Promise<void> {
    const { environment, clients, log } = this.#options;
    const certificates = await this.#certificates();
    if (certificates === undefined && !isLoopback(clients.listen)) {
      log.warn(
        { listen: clients.listen },
        `clients reach ${clients.listen} without TLS, and show their tokens; let nobody but a proxy with TLS reach it`,
      );
    }
    this.#listener = await environment.network.listen({
      address: clients.listen,
      clients: {
        admit: (request) => this.#admit(request),
        connectionsMax: this.#max + clientLimits.pendingMax,
        proxies: clients.proxies ?? [],
        certificates,
      },
      onLink: (link, request) => this.#hello(link, request),
    });
  }

  async #certificates(): Promise<Certificates | undefined> {
    const { clients, log } = this.#options;
    const { tls } = clients;
    if (tls === undefined) return undefined;
    const certificates = await Certificates.read(tls, ({ message }) =>
      log.error(
        { event: 'certificates-kept', cert: tls.cert },
        `the certificate for clients was changed, and the one before stays in use: ${message}`,
      ),
    );
    for (const warning of certificates.warnings) log.warn({ key: tls.key }, warning);
    certificates.onReplaced(() => {
      const text = 'the certificate for clients was replaced, and is shown from now on';
      this.#audit.line('certificates-replaced', { cert: tls.cert }, text);
    });
    return certificates;
  }

  /** Takes no more clients; those whose link was cut cannot come back. */
  async refuse(): Promise<void> {
    this.#isClosing = true;
    for (const one of [...this.#known.values()]) if (one.link === undefined) this.#end(one);
    await this.#listener?.close();
  }

  /** Has what was answered reach the clients, as long as there is time. */
  async flush(deadlineMs: number): Promise<void> {
    const { clock } = this.#options.environment;
    const endMs = clock.monotonicMs() + deadlineMs;
    const waits = (): boolean => [...this.#known.values()].some(({ session }) => session.undelivered > 0);
    while (waits() && clock.monotonicMs() < endMs) {
      for (const { session } of this.#known.values()) session.hurry();
      await new Promise<void>((resolve) => clock.wake(limits.flushPollMs, resolve));
    }
  }

  close(): void {
    for (const link of this.#opening) link.close(goingAway, leaving);
    for (const one of [...this.#known.values()]) {
      one.link?.close(goingAway, leaving);
      this.#end(one);
    }
    this.#addresses.close();
  }

  // ── who comes in ──

  async #admit(request: LinkRequest): Promise<number> {
    if (!this.#pace.mayAsk(request.address)) return this.#refuse(request, 429, 'too many from its address have asked');
    const what = this.#wrongWith(request);
    if (what !== undefined) return this.#refuse(request, 403, what);
    const isFull = this.#linked >= this.#max;
    if (this.#isClosing || isFull) return this.#refuse(request, 503, isFull ? 'too many clients' : leaving);
    const verdict = await this.#authenticate(request);
    if (verdict === 'failed') return this.#refuse(request, 503, 'it could not be found out who it is');
    if (verdict === 'refused') this.#refuse(request, 101, 'its token was refused');
    else this.#admitted.set(request, verdict);
    return 101;
  }

  #wrongWith({ host, origin }: LinkRequest): string | undefined {
    const name = host.replace(/:\d+$/, '').toLowerCase();
    if (!this.#hosts.has(name)) return 'it asked for another host';
    return origin === undefined || this.#origins.has(origin) ? undefined : 'its page is none of those that may ask';
  }

  #refuse({ remote }: LinkRequest, status: number, what: string): number {
    this.#counts.refused += 1;
    this.#audit.line('client-refused', { remote, what }, `a client at ${remote} was not let in: ${what}`, what);
    return status;
  }

  /** In time, and whatever the program does. */
  #authenticate({ remote, origin, token }: LinkRequest): Promise<Verdict> {
    const { environment, clients } = this.#options;
    const failed = (why: string): 'failed' => {
      this.#failed({ remote }, `clients.authenticate: ${why}; nobody is let in by that`);
      return 'failed';
    };
    return new Promise((resolve) => {
      const { authenticateMs } = clientLimits;
      const cancel = environment.clock.timer(authenticateMs, () =>
        resolve(failed(`nothing within ${authenticateMs} ms`)),
      );
      const settle = (verdict: Verdict): void => {
        cancel();
        resolve(verdict);
      };
      // A token must not get into the log by the text of an error.
      const thrown = (error: unknown): void => settle(failed(`it threw ${nameOf(error)}`));
      try {
        Promise.resolve(clients.authenticate(token, { remote, origin })).then((who) => {
          if (who === undefined || who === null) settle('refused');
          else if (isIdentity(who)) settle(who);
          else settle(failed('it gave no { id } of 1 to 256 characters'));
        }, thrown);
      } catch (error) {
        thrown(error);
      }
    });
  }

  #hello(link: Link, request: LinkRequest): void {
    const who = this.#admitted.get(request);
    if (who === undefined || this.#isClosing) {
      if (who === undefined) {
        link.close(closeCodes.authentication, 'authentication refused');
        link.blame?.();
      } else link.close(goingAway, leaving);
      return;
    }
    const { clock } = this.#options.environment;
    this.#opening.add(link);
    const cancel = clock.timer(clientLimits.helloMs, () => link.close(closeCodes.authentication, 'no hello in time'));
    link.onClose = () => {
      cancel();
      this.#opening.delete(link);
    };
    link.onFrame = (bytes) => {
      const envelope = decodeClientEnvelope(bytes);
      if (envelope.kind !== 'hello') {
        link.close(closeCodes.protocol, 'malformed handshake');
        return;
      }
      cancel();
      this.#opening.delete(link);
      link.admit?.();
      this.#welcome(link, who, envelope.resume);
    };
  }

  #welcome(link: Link, who: ClientIdentity, resume: string | undefined): void {
    const held = resume === undefined ? undefined : this.#known.get(resume);
    const goesOn = held !== undefined && held.session.who.id === who.id;
    const one = goesOn ? held : this.#begin(who);
    if (one === undefined) {
      link.close(closeCodes.limit, 'too many clients');
      return;
    }
    this.#counts.admitted += 1;
    if (goesOn) {
      this.#counts.resumed += 1;
      const old = one.link;
      this.#suspend(one);
      old?.close(closeCodes.nodeIdentity, 'this client has linked anew');
      one.endWait();
      one.session.who = who;
    }
    link.send(encodeWelcome(one.token, goesOn, this.#resumeMs));
    const opened = new ClientLink({
      link,
      clock: this.#options.environment.clock,
      rate: { perSecond: clientLimits.linkMessagesPerSecond, burst: clientLimits.linkMessagesBurst },
      onFrame: (frame) => {
        if (one.link === opened) one.session.onFrame(frame);
      },
      onFlood: (what) => this.#brokeOff(one, what),
      onClose: (reason) => {
        if (one.link === opened) this.#lost(one, reason);
      },
    });
    one.link = opened;
    this.#linked += 1;
    one.session.attach(opened);
  }

  /** Nothing is held of that client; undefined where there is no room for it. */
  #begin(who: ClientIdentity): Known | undefined {
    if (this.#known.size >= this.#max) {
      const longest = [...this.#known.values()].find(({ link }) => link === undefined);
      if (longest === undefined) return undefined;
      this.#end(longest);
    }
    const { environment, owner } = this.#options;
    const session = new ClientSession({
      who,
      environment,
      codec: this.#codec,
      rights: this.#rights,
      addresses: this.#addresses,
      owner,
      messagesPerSecond: this.#options.clients.messagesPerSecond ?? clientLimits.messagesPerSecond,
      onSlowed: () => {
        this.#counts.slowed += 1;
        const text = `client ${shown(who.id)} says more messages a second than it may, and is held back`;
        this.#audit.line('client-slowed', { client: who.id }, text);
      },
      onForbidden: (actor, operation) => {
        this.#counts.forbidden += 1;
        const said = { client: who.id, actor: shown(actor), operation: shown(operation) };
        this.#audit.line(
          'client-denied',
          said,
          `client ${shown(who.id)} may not say ${said.operation} to ${said.actor}`,
        );
      },
      onBroken: (what, code) => {
        this.#brokeOff(one, what);
        const { link } = one;
        this.#end(one);
        link?.close(code, what);
      },
    });
    const one: Known = { token: newToken(environment.random), session, link: undefined, endWait: () => undefined };
    this.#known.set(one.token, one);
    return one;
  }

  // ── the end of a link ──

  #lost(one: Known, { code }: CloseReason): void {
    if (isFinal(code) || code === closeCodes.left || this.#resumeMs === 0 || this.#isClosing) {
      this.#end(one);
      return;
    }
    this.#suspend(one);
    one.endWait = this.#options.environment.clock.timer(this.#resumeMs, () => this.#end(one));
  }

  /** It is ended for what it did. */
  #brokeOff({ session }: Known, what: string): void {
    const { id } = session.who;
    this.#counts.broken += 1;
    this.#audit.line('client-ended', { client: id, what }, `client ${shown(id)} was ended: ${what}`);
  }

  #suspend(one: Known): void {
    this.#unlink(one);
    one.session.suspend();
    // Those that have been away for longest come first.
    this.#known.delete(one.token);
    this.#known.set(one.token, one);
  }

  #unlink(one: Known): void {
    if (one.link !== undefined) this.#linked -= 1;
    one.link = undefined;
  }

  #end(one: Known): void {
    this.#known.delete(one.token);
    this.#unlink(one);
    one.endWait();
    one.session.end();
  }
}

const leaving = 'the server is shutting down';

function isIdentity(who: unknown): who is ClientIdentity {
  const id = (who as { readonly id?: unknown }).id;
  return typeof id === 'string' && id.length >= 1 && id.length <= clientLimits.identityCharactersMax;
}

/** What a stranger has named, fit for a line. */
function shown(text: string): string {
  return JSON.stringify(text);
}

/** What kind of thing was thrown, without a word of what it says. */
function nameOf(thrown: unknown): string {
  return /^[A-Za-z]+(?=:)/.exec(describeThrown(thrown))?.[0] ?? 'something';
}
