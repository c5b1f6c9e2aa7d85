/** The defaults and bounds of the test kit, each with its reason. */
export const limits = {
  /** Turns after which actors that keep each other busy count as endless: a second or so of nothing else. */
  turnsMax: 1_000_000,
  /** Turns before timers and sockets of the machine get theirs, so that a test's own timeout still fires. */
  turnsPerPass: 1_000,
  /** How long, in real ms, a test waits for a handler that waits for the outside: ample for a file, short for a person. */
  outsideMs: 1_000,
  /** Passes of the event loop in which nothing happened before the wait sleeps between them. */
  passesBeforeSleep: 20,

  /** How long, in real ms, a probe beside worker threads or nodes waits for a message unless it says otherwise. */
  expectMs: 1_000,
  /** How long, in real ms, such a probe listens for silence unless it says otherwise. */
  silenceMs: 50,

  /** Messages, log lines or dead letters that are kept for a test; further ones are only counted. */
  keptMax: 65_536,
  /** Elements that wait in a stream of a probe for its reader. */
  streamElementsMax: 65_536,
  /** Of what came instead, so much of its text is shown in an error. */
  shownCharactersMax: 500,
  /** Bytes that wait in one direction of a connection through the chaos proxy before it reads no more. */
  chaosQueuedBytesMax: 1_048_576,
  /** So many log lines, dead letters or open handlers are listed in an error. */
  shownMax: 20,

  /** How long, in real ms, each answer of a source or a sink may take that is checked: ample on a busy machine. */
  contractWithinMs: 5_000,
  /** From so many of its positions a source is resumed, and so often it is asked for a batch where it may read ahead. */
  contractPositions: 8,
  /** The first batches of a source are watched for being changed later. */
  contractBatchesKept: 64,
  /** Passes of the event loop after which what a source does by itself counts as done. */
  contractTurns: 20,
} as const;
