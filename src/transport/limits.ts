/** Every bound of the transport, each with its reason. Sizes are bytes: 1_048_576 is 1 MiB. */
export const transportLimits = {
  /** The largest WebSocket message between nodes; beyond it the reader would have to hold too much at once. */
  linkFrameBytesMax: 4_194_304,
  /** The largest session frame: what fits a link frame behind its header. */
  frameBytesMax: 4_194_240,
  /** The fields of a large message without its large binaries: what fits a frame with a header and little else. */
  largeFieldsBytesMax: 4_193_280,
  /** All binaries of one large message: more is a file, and a stream carries it. */
  largeBytesMax: 268_435_456,
  /** Binaries of large messages that one node has sent in part, over all its threads: two of the largest. */
  assembledBytesMax: 536_870_912,
  /** Values in one frame. A batch of 128 messages has about 1,000; the rest is for large payloads. */
  itemsMax: 100_000,
  /** How deep the value of one item may nest; decoding recurses. 32 levels of a message, in the list that a tell holds. */
  depthMax: 33,
  /** A single string; longer text belongs into binary, which is not decoded. */
  stringBytesMax: 1_048_576,
  /** Keys of one map. Larger tables are arrays of pairs. */
  keysMax: 1_024,

  /** `send` answers false above this many buffered bytes. */
  bufferHighBytes: 1_048_576,
  /** `drained` resolves below this many buffered bytes. */
  bufferLowBytes: 262_144,
  /** Fragments of one WebSocket message; our own side never fragments. */
  fragmentsMax: 16,
  /** Pieces in which one WebSocket frame may arrive: a 4 MiB frame in segments of 256 bytes. */
  chunksMax: 16_384,
  /** What a link may receive before its peer has proved itself: hello, proof and the WebSocket framing. */
  pendingBytesMax: 16_384,
  /**
   * Links and half-finished requests whose peer has not proved itself yet. Beyond it the oldest of the address that has the most
   * of them is cut for the next: a node proves itself in a few ms, and who means harm comes again and again.
   */
  pendingMax: 64,
  /** Proofs that an address may fail within `failuresWithinMs` before it is shut out: a node with a wrong secret tries as often. */
  failuresMax: 10,
  failuresWithinMs: 60_000,
  /** For how long: a mistake that is mended costs its node no more than this. */
  banMs: 60_000,
  /** An address is not shut out as long after the last link of a node from there: it may be that of a router. */
  provedMs: 600_000,
  /** Addresses with failures that are remembered, and as many with nodes: about 100 bytes each. */
  addressesMax: 4_096,
  /** Open connections of one listener. */
  connectionsMax: 1_024,
  /** Open connections from one address; several nodes may share an address behind one router. */
  connectionsPerAddressMax: 256,
  /** The request line and the headers of an upgrade: it needs about 300 bytes. */
  headerBytesMax: 8_192,
  /** Headers of an upgrade: it needs about 8. */
  headersMax: 64,
  /** How long a client may take over the headers of its request. */
  headersTimeoutMs: 5_000,
  /** How often the secret is read again: whoever replaces it waits for that on each node, so seconds. */
  secretRefreshMs: 5_000,
  /** How often it is looked whether the certificates were replaced: they are renewed hours before they end. */
  certificatesRefreshMs: 60_000,
  /** How long a closing link waits for the peer's close frame before its socket is destroyed. */
  closeTimeoutMs: 2_000,

  /** How long a peer may take from the first byte of the hello to its profile. */
  handshakeTimeoutMs: 5_000,
  /** Fixed by the layout: 42 bytes and two names. Anything longer is no hello. */
  helloBytesMax: 4_096,
  nodeIdBytesMax: 128,
  clusterIdBytesMax: 64,
  secretBytesMin: 32,
  /** The profile after authentication: 4,096 names with their fingerprints fit. */
  profileBytesMax: 524_288,
  profileRolesMax: 64,
  profileNamesMax: 4_096,
  profileThreadsMax: 4_096,
  profileTextCharactersMax: 256,
  /** Hexadecimal digits of a token: 128 bits, which nobody guesses and no two links share. */
  tokenCharacters: 32,
  /** Versions are counted up one by one. */
  wireVersionMax: 65_535,
  threadNameBytesMax: 16,

  /** How often a node says that it is there. */
  pingEveryMs: 5_000,
  /** Silence after which a peer counts as gone: three missed pings. */
  silenceMaxMs: 15_000,
  /** How long a ping may stay unanswered although the peer sends: it does not read what we write. */
  unansweredMaxMs: 30_000,
  /** Frames held for an owner that has not set `onFrame` yet: what one read of a socket can bring. */
  heldFramesMax: 1_024,
} as const;
