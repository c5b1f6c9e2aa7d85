/** Every default and bound that is not an option of its own, each with its reason. */
export const limits = {
  /** How often an actor may be restarted within how long, unless it says otherwise; then it stops. */
  restartsMax: 5,
  restartsWithinMs: 60_000,
  /** The largest budget: each restart of the window is remembered. */
  restartsMaxAllowed: 10_000,
  /** How often one message may be handed out again, at most: an actor does nothing else meanwhile. */
  poisonRetriesMax: 1_000,
  /** How long the children of an actor that restarts may take to stop, each; then they are killed. */
  childStopMs: 5_000,
  /** An actor that goes on after its failures logs one at most this often. */
  failureLogMs: 10_000,

  /** Names that were used to send to, remembered with who has them; the one that came first is forgotten, and looked up again. */
  namesRemembered: 16_384,

  /** Routees of one router, workers of one pool: a call may look at all of them. */
  routeesMax: 1_024,
  /** Points of one routee on the ring of a consistent hash: shares then differ by about a tenth. */
  ringPointsPerRoutee: 128,
  /** A child of a router or pool that ended for good is replaced after this, so that what keeps ending costs little. */
  childReplaceMs: 1_000,
  /** How often a pool that may shrink looks for workers that had nothing to do. */
  poolIdleMs: 10_000,
  /** A sender in another place that a router told to slow down, for a routee in a third place, goes on after this. */
  routerRoomMs: 20,
  /** Subscribers of one topic: each message is copied for each. */
  topicSubscribersMax: 65_536,
  /** Services of one node, and actors under each: a listing of them is one message. */
  serviceKeysMax: 65_536,
  serviceEntriesMax: 1_024,

  /** Messages of one reliable producer that are under way at once, unless it says otherwise, and at most. */
  deliveryWindow: 64,
  deliveryWindowMax: 1_024,
  /** Messages that wait for the window, or for a worker, unless it says otherwise, and at most: each is held in memory. */
  deliveryWaiting: 1_024,
  deliveryWaitingMax: 65_536,
  /** Producers that one consumer remembers, and outcomes of theirs that are not confirmed yet, all together. */
  deliveryProducersMax: 1_024,
  deliveryOutcomesMax: 65_536,
  /** A producer that was silent for so long may be forgotten, where there is no room for another one. */
  deliveryForgetMs: 600_000,
  /** How soon what was lost on the way is sent again, and how rarely at last. */
  deliveryRetryMinMs: 50,
  deliveryRetryMaxMs: 1_000,
  /** For how long a consumer may be out of reach before its producer gives up, unless it says otherwise. */
  deliveryGiveUpMs: 60_000,
  /** For how long a worker of a queue may be out of reach before what it may have done is given to another. */
  workerLostMs: 10_000,
  /** Messages of one worker at once, unless the queue says otherwise. */
  perWorker: 1,
  /** Workers that one message is given to before it is given up: it may be what ends them. */
  workAttempts: 3,
  workAttemptsMax: 1_000,
  /** Characters of the name by which a consumer knows its producer. */
  producerIdCharactersMax: 64,
  /** Of what is remembered of a failure, for who asks again. */
  deliveryFailureCharactersMax: 1_024,

  /** Names travel in frames and stand in paths and logs. */
  nameCharactersMax: 128,
  /** An actor's path below its place: its own name and its parents'. */
  branchCharactersMax: 2_048,

  /** A mailbox above this tells its senders to slow down: one full turn's worth of a busy sender. */
  mailboxHighWater: 1_024,
  /** The hard end of a mailbox; beyond it messages are refused. 64 Ki entries are about 1 MiB of queue. */
  mailboxCapacity: 65_536,
  /** Messages an actor may handle in one turn before others run; 64 made the queues grow six-fold, measured. */
  messagesPerTurnMax: 4_096,
  /** How long a slice of the run queue lasts before timers and sockets get their turn. */
  sliceMs: 2,
  /** The clock is read at least this often within a slice, counted in messages; adapts down to 1 for slow handlers. */
  messagesPerClockReadMax: 64,
  /** The first so many messages of each pass of the event loop are timed one by one: a thread with little to do knows. */
  messagesTimedPerPass: 8,
  /** After a stall that could be anybody's, every message is timed for so long, so that the next one is known. */
  closeLookMs: 10_000,

  /** From how long on a thread that was held is a stall: what a person notices. */
  stallMs: 100,
  /** The least that may be asked for: a slice and what belongs to it are no stall. */
  stallMsMin: 10,
  stallMsMax: 60_000,
  /** A thread's heart beats at least this often: rarer, and one that is held would be noticed late. */
  beatMsMax: 250,
  /** After so many beats without a turn of an actor it beats more rarely, … */
  busyBeats: 20,
  /** … since each beat wakes the thread: half of `heldFirstMs`. */
  beatMsResting: 500,
  /** Stalls of one operation are logged at most this often, but for the first. */
  stallLogMs: 10_000,
  /** Operations whose stalls are summed up at once; those of further ones are logged one by one. */
  stallKeysMax: 1_024,
  /** Stalls kept for a reader that has not taken them yet. */
  stallsBuffered: 1_024,
  /** Ends of code outside of turns that are kept between two heartbeats: more than a few name nobody. */
  suspectsKept: 16,
  /** How often the main thread looks at the beats of the others, and when it tells of one that is held first. */
  heldCheckMs: 500,
  heldFirstMs: 1_000,
  /** An actor starves others that has so much of a thread's time, for so long, in pieces of at least so much. */
  starvingShare: 0.8,
  starvingWhileMs: 3_000,
  starvingSliceMs: 10,

  /** Priority lanes of one mailbox: each is a queue, and all are looked at for the next message. */
  lanesMax: 32,
  /** Messages an actor may set aside unless it says otherwise: as many as its queue holds before it signals. */
  stashMax: 1_024,
  /** How deep `ctx.become` may stack: whoever reaches this forgot an `unbecome`. */
  behaviorsStackedMax: 64,

  /** How long an ask or offer waits unless it says otherwise. */
  askTimeoutMs: 5_000,
  /** The longest wait that an ask may name: what fits a timer. */
  askTimeoutMsMax: 2_147_483_647,
  /** How much longer than its offer a sender waits for the other place to say that the message was not taken. */
  offerAnswerMs: 100,
  /** How long another place may take over a spawn, or over a stop beyond its own deadline: what opens a database. */
  controlTimeoutMs: 60_000,
  /** Deadlines are swept this often; an ask settles at most about this late. */
  deadlineSweepMs: 10,

  /** Elements a reader of an actor's stream may be ahead by; half of it is granted again at a time. */
  streamWindow: 256,
  /** Elements that a reader in another place may grant ahead: more is a lie, or a memory attack on itself. */
  streamGrantMax: 65_536,
  /** Open streams of one actor. */
  streamsPerActorMax: 1_024,
  /** Senders waiting for room in one mailbox. */
  offersWaitingMax: 65_536,
  /** Runs of one interleaving operation that one actor may have open: what `readonly` allows without `concurrent`. */
  interleavedRunsMax: 1_024,
  /** Runs that the search for a deadlock follows before it gives up, and leaves the call to its deadline. */
  waitForRunsMax: 10_000,
  /** Below so many it is not worth looking for those among them that gave up. */
  offersSweptMin: 64,
  /** Once no more may wait, those that gave up are looked for with the first that is refused, and then with each so many. */
  offersSweptEach: 64,
  /** Queued messages that it looks at to find what a message behind them waits for. */
  waitForQueuedMax: 1_024,
  /** Refs an actor keeps rebound for itself before the cache starts anew. */
  reboundRefsMax: 1_024,
  /** Addresses of actors of one place that are remembered before those that nobody holds are looked for. */
  targetsSwept: 1_024,
  /** A refused connection is logged at most this often, and so is a node that was not let in. */
  refusalLogMs: 1_000,
  /** Links of nodes that end, and sessions that break, logged within that time: each matters, a thousand do not. */
  linkLinesMax: 16,
  /** Dead letters kept for a reader that has not taken them yet. */
  deadLettersBuffered: 1_024,
  /** A worker posts its dead letters to its main thread at most this often. */
  deadLetterPostMs: 50,
  /** A dead letter is logged at most this often for each reason. */
  deadLetterLogMs: 1_000,

  /** Messages of one session that may be on their way, unacknowledged. 2,048 and more is free, measured. */
  sessionWindow: 16_384,
  /** Messages that wait for credit in a session before its senders are told to slow down, and its hard end. */
  outboxHighWater: 4_096,
  outboxCapacity: 65_536,
  /**
   * Items of every kind that may wait in a session, answers and grants among them, which cannot be refused: more than all
   * calls of both directions can leave when they end at once. Beyond it the other side does not read.
   */
  outboxItemsMax: 655_360,
  /** Messages in one frame: posting or writing a frame costs about 15 µs, which 128 messages share too dearly. */
  frameMessagesMax: 512,
  /** While fewer than so many frames are under way, … */
  framesEarly: 4,
  /** … so many messages are enough for one: else two sides that ask and answer would take turns at working. */
  frameMessagesEarly: 16,
  /** A frame beyond this is sent in halves, so that it delays others little. */
  frameBytesMax: 262_144,
  /** The same where large bytes lie beside it: these are not copied, so they delay others less than a post more would. */
  frameBesideBytesMax: 1_048_576,
  /**
   * Binary values from so many bytes on are posted beside their frame and transferred. Posting a buffer costs about 3 µs;
   * through the codec it is copied three times, which for 16 KiB takes longer.
   */
  besideBytesMin: 16_384,
  /** A large message between nodes goes in chunks of so much: what others wait for in between, at 100 Mbit/s for 5 ms. */
  chunkBytes: 65_536,
  /**
   * Chunks of one session that are on their way and not received: what others find before them in sockets and loops. An ask
   * waits for about that much, and a large message goes no faster than that in each round trip.
   */
  chunkBytesWindow: 524_288,
  /** Bytes of one session on their way and not received: what a thread works off in some ms, and a stuck one holds. */
  sessionBytesWindow: 16_777_216,
  /** Bytes that wait in a session before its senders are told to slow down, and before messages are refused. */
  outboxBytesHighWater: 16_777_216,
  outboxBytesCapacity: 67_108_864,
  /** However large messages are, so many may wait before their senders are told: one frame's worth and its successor. */
  outboxSizedMin: 1_024,
  /**
   * Large binaries of another place that wait in one mailbox: above the first its senders are told to slow down, above the
   * second they are refused. A mailbox is bounded by messages, and 65,536 of 1 MiB are 64 GiB.
   */
  mailboxBytesHighWater: 16_777_216,
  mailboxBytesCapacity: 67_108_864,
  /** Messages of a frame that has so many bytes to a field are looked through for large bytes: 4 KiB a message. */
  fieldBytesWeighed: 1_024,
  /** Bytes that the reader of a stream in another place may be behind; one element more than that is always sent. */
  streamBytesWindow: 4_194_304,
  /** How often an idle session repeats its counts. */
  sessionIdleMs: 200,

  /** Texts of errors that cross a place, stack included. */
  errorTextCharactersMax: 8_192,
  /** The description of anything that was thrown, in errors and logs. */
  thrownCharactersMax: 2_000,
  /** Causes of causes that cross a place. */
  causesMax: 8,
  /** Operation names that one session may name. */
  operationNamesMax: 4_096,
  /** Operations that one thread names to the others for its activity; further ones are shown without a name. */
  operationsNamedMax: 65_536,
  /** Such a name: a protocol's, a dot and an operation's, and how it is delivered. */
  operationLabelCharactersMax: 262,
  /** Threads of another node that a session is open with: it ends them by name, and a machine has a few hundred cores. */
  placesPerNodeMax: 1_024,
  /** Routes to actors of other nodes that have moved: beyond these, messages take the way by their old place. */
  routesOfNodesMax: 16_384,
  /** Calls that one chain may hold. */
  chainLinksMax: 256,
  /** How long a call of an actor to another place is open at least before it is looked whether it waits for itself; in ms. */
  probeMs: 100,
  /** Runs and calls that probes of one node may come to on one thread, in a second and at once: one in ten that a look may take. */
  probeStepsPerSecond: 100_000,
  probeStepsBurst: 100_000,
  /** Actors that such a look goes through. */
  probePathMax: 256,
  /** How many looks of others one open call remembers to have sent on. */
  probesSentOnMax: 64,
  /** Asks, offers and streams of one session that may be open in each direction. */
  callsPerSessionMax: 262_144,
  /** Watches of one session in each direction. */
  watchesPerSessionMax: 262_144,

  /** How long an actor may take to come to rest before it moves, unless the move says otherwise: as long as an ask. */
  moveDeadlineMs: 5_000,
  /** What the new place gets beyond that deadline to open the resources of an actor and to answer. */
  moveAnswerMs: 1_000,
  /** How long a stream that moved with its actor is kept for its reader, which comes after it. */
  streamAttachMs: 10_000,
  /** How often a reader goes after a stream whose actor moves on meanwhile, before it gives up. */
  streamAttachesMax: 64,
  /** Actors that have ended, of which a place remembers how: for those who watched them elsewhere before. */
  endsRemembered: 1_024,

  /** Different `spread([…])` whose turn is remembered: they are written down in code, so there are few. */
  spreadsMax: 256,
  /** Worker threads of one process; more than a few times the cores only costs. */
  threadsMax: 256,
  /** Rules of `allow`: each is looked at for each node that joins. */
  nodeRulesMax: 256,
  /** Nodes of differing clusters refuse each other. */
  clusterId: 'troupe',
  /** What a node is called that was given no name. */
  nodeName: 'node',
  /** MB of heap of a thread. With 2 or less Node 22 and later end the whole process while the thread starts. */
  threadMemoryMbMin: 8,
  /** The most that a worker's heap may be given: 1 TiB, so that a number of bytes is noticed. */
  threadMemoryMbMax: 1_048_576,
  /** How long a worker's loop may be held before it is ended: no handler is meant to take so long. */
  threadBlockedMs: 60_000,
  /** How long a worker is kept without an actor: starting another costs about 100 ms, keeping one some 10 MiB. */
  threadIdleMs: 60_000,
  /** The wait before a worker that died is replaced: an actor that ends its thread at every start costs little then. */
  threadBackoff: { minMs: 100, maxMs: 5_000 },
  /** A worker beats at most and at least this often; in between, ten times within its `blockedMs` and its `idleMs`. */
  threadBeatMsMin: 10,
  threadBeatMsMax: 1_000,
  /** How often at most the use of a worker's loop is measured: over less, chance says most. */
  threadUseMs: 500,
  /** Workers whose loops differ in use by less than this part take turns: a busy machine alone makes a quarter of a difference. */
  threadUseAlike: 0.5,
  /** What a worker that is ended for want of actors may take to close its resources and to be heard to the last. */
  threadRetireMs: 5_000,
  /** Ids of workers that were ended for want of actors, kept for spawns that meant them. */
  threadsRetiredKept: 64,
  /** How long a worker may live on after it was ended for being blocked, in code that is not JavaScript. */
  threadEndMs: 1_000,
  /** How often a spawn is sent elsewhere, where its thread was being ended meanwhile. */
  threadPicksMax: 3,
  /** What a worker gets beyond its deadline to report what is left. */
  workerGraceMs: 500,
  /** How long a registry module may take to load: a large program through tsx on a busy machine takes a few seconds. */
  registryLoadMs: 60_000,

  /** Between attempts to join a lost node again; doubles from the first to the last. */
  rejoinMsMin: 100,
  rejoinMsMax: 5_000,
  /** The same at most while its sessions wait for it: several attempts fit into the window. */
  rejoinMsAway: 1_000,
  /**
   * How long sessions wait for a node whose link was cut before they end: what a switch that restarts, or a laptop that changes
   * its network, takes; longer than an ask, so that callers decide first. And longer than a heartbeat: where one side alone was
   * told of the cut, and only the other can dial, it waits until that one has noticed, for up to 15 s.
   */
  resumeMs: 20_000,
  /** Nodes that are away at once; beyond it the one that came first is given up, so that peers that come and go cost little. */
  nodesAwayMax: 1_024,
  /** The most that may be asked for: beyond ten minutes what waits is old news. */
  resumeMsMax: 600_000,

  /** How often a node says what it has to do: placement looks at it, and a spawn may take as long. */
  loadEveryMs: 1_000,
  /** A use of the loop that differs by less than this is not worth a word. */
  loadUseAlike: 0.05,
  /** Actors that are looked at to say how much waits. */
  loadActorsMax: 4_096,
  /** Nodes that are looked for at once: refs to actors of so many unknown nodes have come. */
  searchesMax: 256,
  /** The same where others are told to look: a peer cannot have more dialled than this. */
  searchesForOthersMax: 64,
  /** How long a node is looked for: as long as a dial may take. */
  searchMs: 5_000,
  /** Rounds of asking and dialling, and what is between the first two; it doubles. The node that knows may just be learning it. */
  searchRounds: 4,
  searchRoundMs: 100,
  /** Linked nodes that are asked where another is. */
  nodesAskedMax: 64,
  /** Addresses of one node that are tried: each comes from a peer that may be wrong. */
  addressesTriedMax: 4,
  /** Dials at once for nodes that are looked for, and how long each counts at least: 64 a second, whatever peers tell to dial. */
  searchDialsMax: 16,
  searchDialMs: 250,
  /** A node that was lost, or looked for in vain, is not looked for before that time has passed. */
  searchAgainMs: 5_000,
  /** Places of nodes that there was no link to yet: messages may name as many as they like. What goes beyond leads nowhere. */
  placesUnreachedMax: 2_048,
  /** Nodes of which that is remembered. */
  searchesRemembered: 1_024,

  /** A timer of this length holds the process while somebody waits; its length means nothing. */
  keepAliveMs: 60_000,

  /** How long `shutdown` may take as a whole unless it says otherwise. */
  shutdownMs: 5_000,
  /** Messages in quarantine on one thread: each may hold a whole state. */
  quarantinedMax: 128,
  /** How long a worker may take to list its actors. */
  treeAnswerMs: 1_000,
  /** How often it is looked whether timers of actors are all that keeps a process, and among how many actors. */
  forgottenMs: 5_000,
  forgottenActorsMax: 1_000,
  /** Names that one log line lists. */
  namesInText: 5,
  /** How often a place that leaves looks whether others have received everything. */
  flushPollMs: 5,
  /** After an orderly shutdown by a signal, a process that lives on says what holds it. */
  heldMs: 1_000,
  /** Actors that one listing of a place names: more is nothing for people. */
  treeActorsMax: 10_000,
  /** How long the first connection to another node may take, hello included. */
  joinMs: 5_000,
} as const;
