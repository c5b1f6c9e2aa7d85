/** The defaults and bounds of flows, each with its reason. */
export const streamLimits = {
  /** Elements one edge may have on its way or queued at its reader. Below 2,048 a remote hop waits for grants. */
  edgeWindow: 8_192,
  /** What they may weigh together, about their bytes: eight frames of the heaviest kind. */
  edgeWindowWeight: 8_388_608,
  /** Elements in one frame: throughput is flat from 256 on, and a frame of 1,024 objects stays below 256 KiB. */
  frameElementsMax: 1_024,
  /** What the elements of a frame may weigh: a quarter of the bytes that the wire admits, and 65,536 values. */
  frameWeightMax: 1_048_576,
  /** Elements an outlet queues for want of credit before its segment pauses. */
  outletHighWater: 1_024,
  /** Elements that an island's operators may hold, each at about 100 bytes beside the element itself. */
  heldMax: 1_024,
  /** Elements that a pulled iterable gives before it gives the thread back. */
  pulledPerTurn: 1_024,
  /** What one element may make in `each(…)`, which keeps it until the element is done. */
  eachOutputsMax: 10_000,
  /** Inners of one operator that begin inside of each other, at some 20 calls each: below 1,000 calls of some 10,000. */
  nestedInnersMax: 32,
  /** What `expand` with a concurrency keeps waiting: as much as one element may make in `each(…)`. */
  expandQueuedMax: 10_000,
  /** Keys of one load of `lookup(…)` by the many: what a list in a query takes everywhere. */
  lookupKeysMax: 100,
  /** The longest wait between two attempts of `each(…)`: by its backoff, and where the user says it by the error. */
  retryBackoffMaxMs: 30_000,
  retryDelayMaxMs: 300_000,
  /** Elements that a source built here hands over at a time; watermarks are given after each. */
  sourceBatch: 1_024,
  /** Elements taken ahead from an asynchronous iterable, which gives them one promise at a time. */
  readAheadMax: 256,
  /** How often an instance reports its counts. */
  reportMs: 200,
  /** How long a run may stand still, by what it holds itself, before it is told: longer than what retries wait for. */
  stallMs: 10_000,
  /** The window of a run's restarts, and the wait before each, unless given: as for actors. */
  restartWithinMs: 60_000,
  restartBackoff: { minMs: 100, maxMs: 5_000 },
  /** Opening a sink may take long: a database connects. */
  connectMs: 30_000,
  /** How long a cancelled stage may take to end before it is killed. */
  cancelMs: 5_000,
  /** Elements of a side output kept while nobody reads it. */
  sideOutputKept: 1_024,
  /** Elements handled between two readings of the clock within a turn. */
  elementsPerClockRead: 128,
  /** How long a segment works before it gives the thread back. */
  turnMs: 2,
  /** The unit in which keys move when a flow is rescaled, and so the most partitions a flow may have. */
  keyGroups: 128,
  /** Windows that one element may be in: each holds state, or is a part of what one result is joined from. */
  windowsPerElementMax: 4_096,
  /** Elements that `collect` keeps of a key and window unless it is told: what a frame carries. */
  collectMax: 1_024,
  /** The most that it may be told: all of them are one value of one result. */
  collectLimit: 1_000_000,
  /** Places of `topN`, which keeps them sorted: one more moves those below it. */
  topMax: 10_000,
  /** Registers of `approxCountDistinct` are 2^this many, of a byte each: an error of 1.6 % for 4 KiB. */
  sketchPrecision: 12,
  /** The relative error of `approxQuantiles` unless given, as most implementations of its sketch have it. */
  quantileError: 0.01,
  /** Items that a list keeps of a key unless it is told: what `collect` keeps. */
  listStateMax: 1_024,
  /** Entries that a map keeps of a key unless it is told: some MiB. */
  mapStateMax: 65_536,
  /** The most that they may be told: a sorted one moves its entries when one is set in the middle. */
  stateMaxLimit: 1_000_000,
  /** Timers of different names that a key may have: they are looked for one after the other. */
  timersPerKeyMax: 1_024,
  /** Timers, each set by the one before and due at once: more than the entries of a map that are given one by one. */
  timerChainMax: 1_000_000,
  /** Results of one call of a process: a map of the usual size may be given as a whole. */
  processResultsMax: 100_000,
  /** Keys that one instance keeps of a table unless it is told: some hundred MiB. */
  tableEntriesMax: 1_000_000,
  /** Entries of one answer of a table unless it is told, and at most: ten messages. */
  tableRange: 100,
  tableRangeMax: 10_000,
  /** Readers for which an instance keeps what held when they asked, for how long, and how many versions for the slowest. */
  tableReadersMax: 1_024,
  tablePinMs: 30_000,
  tablePinnedMax: 100_000,
  /** How often a reader begins anew when what it asked for had to be let go of. */
  tableAttempts: 3,
  /** How long a partition may take to answer: it may have to wait for event time, and for its turn. */
  tableMs: 10_000,
  /** After this long without an element a source counts as idle: longer than a pause of a live source that is well. */
  idleMs: 5_000,
  /** Splits that the user's function names and that are waited for at once, some MiB; and the characters of a name. */
  splitsMax: 10_000,
  splitCharactersMax: 256,
  /** How often event time goes on by the clock, and so how much later than due a window may close by it. */
  clockTickMs: 100,
} as const;

/** The defaults and bounds of sources and sinks that meet the outside, each with its reason. */
export const connectLimits = {
  /** Bytes of a file read at a time: some hundred lines, as a batch should be. */
  readBytes: 65_536,
  /** Bytes of one line, record or message: a page of text is 4 KiB, and one that never ends must not fill the memory. */
  lineBytesMax: 1_048_576,
  /** How often a file or a folder is looked at where the system does not say that it changed. */
  pollMs: 500,
  /** Rows of a group of a Parquet file, which is held until it is full: some MiB, and few enough groups to be read fast. */
  rowGroupRows: 65_536,
  /** Bytes of one answer that is read as a whole. */
  bodyBytesMax: 16_777_216,
  /** Bytes of one posted body; and bytes of bodies that wait for the flow, which is sixteen of them. */
  postBytesMax: 1_048_576,
  waitingBytesMax: 16_777_216,
  /** Requests that may wait for the flow; each holds a connection. */
  waitingRequestsMax: 256,
  /** Connections of one listening source or sink at once; and more of them that are told so before they are dropped. */
  connectionsMax: 1_024,
  connectionsRefusedMax: 64,
  /** Bytes of the headers of a request: twice what browsers send with all their cookies would still fit. */
  headerBytesMax: 16_384,
  /** How long a request's headers and its body may take to arrive, and how often that is looked at. */
  requestMs: 30_000,
  requestCheckMs: 5_000,
  /** What a client is told to wait before it posts again, in s: HTTP has no smaller unit. */
  retryAfterSeconds: 1,
  /** How long a server may take to begin its answer. */
  answerMs: 30_000,
  /** The first pause before a retry; it doubles up to the longest. */
  retryFirstMs: 250,
  retryLongestMs: 30_000,
  /** Retries in a row: with pauses up to 30 s, some two minutes. */
  retriesMax: 8,
  /** The longest time that a server may ask to be left alone; longer wishes count as this. */
  retryAfterMsMax: 300_000,
  /** Elements that wait for one reader of a sink that serves several. */
  readerCapacity: 1_024,
  /** Bytes on their way to one reader, above which its elements wait. */
  readerBytesHigh: 65_536,
  /** Pieces of one message: a message of 1 MiB in pieces of 4 KiB. */
  fragmentsMax: 256,
  /** Messages of one connection that wait for the flow, above which nothing more is read from it. */
  connectionAhead: 256,
  /** How often each end of a connection says that it lives: proxies give silent ones up after 60 s. */
  heartbeatMs: 30_000,
  /** Heartbeats in a row without a word from the other end, after which it counts as gone. */
  silentBeatsMax: 2,
  /** Answers to pings that may be on their way to one that reads nothing. */
  pongsPendingMax: 64,
  /** How long a server may be silent in the middle of an answer: four of its heartbeats. */
  silenceMs: 120_000,
  /** Elements of one POST. */
  postElementsMax: 256,
  /** How long open connections may take to end when a server closes, before they are cut. */
  closeMs: 1_000,
} as const;
