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
  /** Elements that a source built here hands over at a time; watermarks are given after each. */
  sourceBatch: 1_024,
  /** Elements taken ahead from an asynchronous iterable, which gives them one promise at a time. */
  readAheadMax: 256,
  /** How often an instance reports its counts. */
  reportMs: 200,
  /** How long a run may stand still, by what it holds itself, before it is told: longer than what retries wait for. */
  stallMs: 10_000,
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
} as const;
