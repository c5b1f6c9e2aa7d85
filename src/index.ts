/**
 * Troupe: actors and backpressured streams for TypeScript, from one thread to many machines.
 *
 * The public face: everything here keeps its name and its meaning. Flows are in `troupe/streams`.
 */
export {
  type ActorDefinition,
  type ActorOptions,
  actor,
  type BehaviorsArgument,
  type ClosureActorOptions,
  closureActor,
  type DefinitionOptions,
  type LaneArguments,
  type MailboxOptions,
  type Signals,
} from './actors/actor.ts';
export type {
  ActorContext,
  ChildSpawnOptions,
  Context,
  Handlers,
  ObserveOptions,
  RunFailure,
  TimerOptions,
} from './actors/context.ts';
export type { DeadLetter, DeadLetterReason, LostWithPlace } from './actors/dead-letters.ts';
export type { Deliveries, DeliveryOutcome, ProducerRecord } from './actors/delivery/deliveries.ts';
export { DeliveryFailed } from './actors/delivery/errors.ts';
export {
  type AnyReliable,
  type Delivery,
  deliveryOf,
  type OperationsOf,
  type ReliableMethod,
  type ReliableMethods,
  type ReliableOutcome,
} from './actors/delivery/methods.ts';
export { type Reliable, type ReliableOptions, reliable } from './actors/delivery/reliable.ts';
export {
  addWorker,
  removeWorker,
  type WorkersFrom,
  type WorkQueue,
  type WorkQueueOptions,
  workersOf,
  workQueue,
} from './actors/delivery/work-queue.ts';
export {
  InvalidAddress,
  LinkedActorFailed,
  LookupFailed,
  MoveRefused,
  RoutingRefused,
  SpawnFailed,
  StashFull,
} from './actors/errors.ts';
export type { Receptionist } from './actors/finding/receptionist.ts';
export { type ServiceKey, serviceKey } from './actors/finding/service-key.ts';
export type { GuardianOptions } from './actors/guardian.ts';
export type { Isolation } from './actors/isolation.ts';
export {
  type DataOf,
  dataOf,
  type MachineContext,
  type MachineHandlers,
  type MachineOptions,
  type MachineState,
  type MachineStates,
  machine,
  type StateHandlers,
  type StateOptions,
} from './actors/machine.ts';
export {
  ActorFailed,
  Cancelled,
  DeclaredError,
  type DeclaredFailure,
  InvalidMessage,
  Lagged,
  NotDelivered,
  type Outcome,
  OutcomeUnknown,
  Rejected,
  type RuntimeFailure,
  type StreamFailure,
} from './actors/outcomes.ts';
export type { Suspect } from './actors/outside-turns.ts';
export { PlaceLost, type PlaceLostReason } from './actors/place-lost.ts';
export type { ThreadPlace, Where } from './actors/placed/where.ts';
export {
  type AnyProtocol,
  type AnyRef,
  type AskOperation,
  ask,
  type CallOptions,
  type OperationRef,
  type Protocol,
  protocol,
  type Ref,
  type Stream,
  type StreamOperation,
  type StreamOptions,
  stream,
  type TellOperation,
  tell,
} from './actors/protocol.ts';
export type { Quarantined, QuarantineView } from './actors/quarantine.ts';
export type { IdleEvent } from './actors/receive-timeout.ts';
export { type Registrable, type Registry, registry } from './actors/registry.ts';
export { type Resource, resource } from './actors/resource.ts';
export { bytes } from './actors/schema/bytes.ts';
export { move } from './actors/schema/given-away.ts';
export { refOf, refTo } from './actors/schema/ref-schema.ts';
export { type SharedBytes, share, sharedBytes } from './actors/schema/shared-bytes.ts';
export { type PoolArguments, type PoolOptions, pool } from './actors/spreading/pool.ts';
export { type ChildrenOf, type RouterArguments, type RouterOptions, router } from './actors/spreading/router.ts';
export { addRoutee, removeRoutee, resize, routees } from './actors/spreading/router-control.ts';
export {
  broadcast,
  consistentHash,
  leastMailbox,
  type RoutedCall,
  random,
  roundRobin,
  type Strategy as RoutingStrategy,
  scatterGatherFirst,
} from './actors/spreading/strategy.ts';
export { type TopicOperations, type TopicProtocol, topic } from './actors/spreading/topic.ts';
export type { ActorFailure, Directive, Strategy, Supervise } from './actors/supervise.ts';
export type { StopOptions } from './actors/target.ts';
export type { ActorStatus, ActorTree, ActorView, PlaceTree } from './actors/tree.ts';
export { kill, pathOf, sameRef, stop } from './actors/verbs.ts';
export type { Terminated } from './actors/watch.ts';
export { TroupeError, UsageError } from './base/errors.ts';
export type { ActorSystem, ClientsView, MoveOptions, PlaceStatistics, SpawnOptions } from './runtime/actor-system.ts';
export { RemoteError } from './runtime/cause-codec.ts';
export { type AllowOptions, allow, type ClientAccess, type ClientIdentity } from './runtime/clients/client-access.ts';
export type { ClientAsking, ClientsOptions } from './runtime/clients/client-options.ts';
export type { ClientStatistics } from './runtime/clients/client-port.ts';
export { createSystem } from './runtime/create-system.ts';
export type { RunnableFlow } from './runtime/flow-definition.ts';
export { RegistryLoadFailed, WorkerEntryMissing } from './runtime/load-failed.ts';
export type { NodeRule } from './runtime/node-rules.ts';
export { here, node, spread, thread } from './runtime/placement.ts';
export {
  type LiveSecrets,
  type MutualTls,
  mtls,
  type SecretFile,
  type SecretReader,
  secret,
} from './runtime/security.ts';
export type { ShutdownEvent, ShutdownHook, ShutdownHookOptions, ShutdownOptions } from './runtime/shutdown.ts';
export type {
  FailedHook,
  PhaseReport,
  ShutdownPhase,
  ShutdownReason,
  ShutdownReport,
  UnclosedResource,
  UndeliveredTo,
} from './runtime/shutdown-report.ts';
export type { Stall, StallKind } from './runtime/stall.ts';
export type { SystemOptions } from './runtime/system-options.ts';
export type { ThreadOptions, ThreadRestarts } from './runtime/thread-options.ts';
