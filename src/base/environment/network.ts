/** The network as the runtime sees it: ordered links that carry whole frames until they close. */

export interface Link {
  /** What the other end is called in logs, such as `127.0.0.1:51234`. */
  readonly remote: string;
  /** Queues one frame. False once the link's buffer is above its high water; wait for `drained` before the next. */
  send(frame: Uint8Array): boolean;
  /** Resolves when the buffer has fallen below its low water, and when the link closes. */
  drained(): Promise<void>;
  /** Set once by the owner, before the first frame is read. The frame belongs to the callee. */
  onFrame: (frame: Uint8Array) => void;
  /** Called exactly once, when the link has ended for whatever reason. `code` is a WebSocket close code. */
  onClose: (reason: { readonly code: number; readonly text: string }) => void;
  /** The names in the certificate that the peer has shown; undefined where links are not made with certificates. */
  readonly certificateNames?: readonly string[] | undefined;
  /** Called once the peer has proved who it is: until then the adapter bounds the link tightly. */
  admit?(): void;
  /** Called where the peer failed to prove it: too many such, and the adapter takes none from its address for a while. */
  blame?(): void;
  /** Ends the link. Frames already queued are still sent if the peer reads them. */
  close(code: number, text: string): void;
}

/** What somebody says who asks for a link, before there is one. */
export interface LinkRequest {
  readonly remote: string;
  /** The IP address that it comes from. */
  readonly address: string;
  /** The name and the port that it has asked for, as its `Host` says. */
  readonly host: string;
  /** The page that asks, where a browser does. */
  readonly origin: string | undefined;
  /** A secret: never logged. */
  readonly token: string | undefined;
}

/** What a listener shows of itself over TLS, as Node's TLS takes it; replaced while it listens. */
export interface ServerCertificates {
  readonly material: {
    readonly cert: Buffer;
    readonly key: Buffer;
    readonly ca: Buffer | undefined;
    readonly minVersion: 'TLSv1.3';
  };
  /** Looks whether there are others. */
  refresh(): Promise<boolean>;
  /** Tells of each replacement until what it returns is called. */
  onReplaced(tell: () => void): () => void;
}

/** How clients are let in, where a listener is for them and not for nodes. */
export interface ClientAdmission {
  /** Says with an HTTP status what becomes of the request: 101 for a link. It must not reject. */
  admit(request: LinkRequest): Promise<number>;
  /** Connections at once, those that are not let in yet among them. */
  readonly connectionsMax: number;
  /** Addresses of proxies, behind which everybody is: they are never shut out. */
  readonly proxies: readonly string[];
  /** For TLS, where the address is `wss://`. Clients are asked for no certificates. */
  readonly certificates?: ServerCertificates | undefined;
}

export interface Listener {
  /** The address that was bound, with its real port: `ws://127.0.0.1:7001`. */
  readonly address: string;
  /** Stops accepting; links that are open stay open. */
  close(): Promise<void>;
}

export interface ListenRequest {
  readonly address: string;
  /** @param request who asked, where `clients` was given */
  readonly onLink: (link: Link, request: LinkRequest) => void;
  /** Given where clients are listened for. */
  readonly clients?: ClientAdmission | undefined;
}

export interface Network {
  /** @throws ListenFailed when the address cannot be bound. */
  listen(options: ListenRequest): Promise<Listener>;
  /** @throws DialFailed when no link could be opened within `timeoutMs`. */
  dial(options: {
    readonly address: string;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal | undefined;
  }): Promise<Link>;
}
