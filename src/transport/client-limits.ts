/** Every bound of the links of clients, each with its reason. A client is trusted with less than a node. */
import { limits as base } from '../base/limits.ts';
import type { SessionBounds } from './session.ts';

export const clientLimits = {
  /** The largest WebSocket message: what a form or a picture needs, and no film. */
  linkFrameBytesMax: 1_048_576,
  /** The largest session frame: what fits behind the byte of kind. */
  frameBytesMax: 1_048_512,
  /** Values in one frame. */
  itemsMax: 20_000,
  depthMax: 33,
  stringBytesMax: 1_048_576,
  keysMax: 1_024,

  /** Clients of one system, those away among them, unless it says otherwise: about 20 KiB each while idle. */
  clientsMax: 10_000,
  clientsMaxAllowed: 1_000_000,
  /** Connections that are not let in yet. */
  pendingMax: 64,
  /** How long the program may take to say who somebody is, and a client to say hello afterwards. */
  authenticateMs: 5_000,
  helloMs: 5_000,
  /** What a token may have: it travels in a header. */
  tokenBytesMax: 4_096,
  /** How often clients of one address may ask to be let in: as many as an office has that comes back at once. */
  upgradesPerSecond: 50,
  upgradesBurst: 256,
  /** Of one proxy, or of this machine itself: all clients come back that way at once, after a restart. */
  proxyUpgradesPerSecond: 500,
  proxyUpgradesBurst: 10_000,
  proxiesMax: 256,
  /** Addresses whose pace is remembered: about 200 bytes each. */
  upgradeAddressesMax: 4_096,
  /** Messages of one client a second, and as many at once: ten times what a person's program says in a hurry. */
  messagesPerSecond: 1_000,
  messagesPerSecondMax: 1_000_000,
  /** WebSocket messages of one link: of ours one for each batch, and one for what streams were granted. A flood of beats is more. */
  linkMessagesPerSecond: 10_000,
  linkMessagesBurst: 20_000,
  /** What a program may call a client. */
  identityCharactersMax: 256,
  /** How long what is under way to a client waits for it when its link was cut. */
  resumeMs: 10_000,
  /** Hexadecimal digits of a token of a session. */
  sessionTokenCharacters: 32,

  /** Asks and offers of one client that are open: more than a person's program has. */
  callsMax: 256,
  /** Open streams of one client. Each may hold one window of elements. */
  streamsMax: 64,
  /** Elements of a stream that a client may ask for ahead. */
  streamGrantMax: 256,
  /** Bytes of messages of one client that have not been taken by their actors; a client sends 1 MiB and one frame. */
  unsettledBytesMax: 4_194_304,
  /** How long a message of a client waits for room in a mailbox: then it is refused, so that its window moves on. */
  tellWaitMs: 30_000,
  /** Addresses of actors that are remembered for all clients. */
  addressesMax: 1_024,

  /** Between attempts of a client to link again; doubles from the first to the last, half more or less by chance. */
  redialMsMin: 100,
  redialMsMax: 5_000,
  /** How long one attempt may take until the WebSocket is open and the server has answered. */
  dialMs: 10_000,
  /** How long `close` waits for what was sent to be taken. */
  closeMs: 1_000,
  /** How often a browser is asked whether it has sent what it was given: it does not say so. */
  drainPollMs: 20,
  /** Messages below this are counted and not weighed. */
  weighedBytesMin: 1_024,
} as const;

/** What a session with a client may hold, on either side. */
export const clientBounds: SessionBounds = {
  window: 256,
  frameMessagesMax: 64,
  bytesWindow: 1_048_576,
  outboxHighWater: 1_024,
  outboxCapacity: 4_096,
  outboxBytesHighWater: 1_048_576,
  outboxBytesCapacity: 8_388_608,
  outboxSizedMin: 64,
  // Answers and ends of all that is open, and grants.
  outboxItemsMax: 16_384,
  outboxBytesMax: 33_554_432,
  grantsBy: 'settled',
};

/** Frames beyond this go in halves. */
export const clientBesideBytesMax: number = base.frameBytesMax;
