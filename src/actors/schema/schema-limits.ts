/** The bounds of values and schemas, each with its reason. They are those of the wire, so that no place is laxer. */
export const schemaLimits = {
  /** Levels of nesting where the schema does not bound them itself (`unknown`, recursion): what the wire scan admits. */
  depthMax: 32,
  /** Values within one such part of a message: what the wire scan admits. A cycle ends at one of these two bounds. */
  itemsMax: 100_000,
  /** Digits of a bigint on the wire: reading 10,000 takes 0.25 ms, and the time grows faster than the length. */
  bigintDigitsMax: 10_000,
  /** Levels of a schema: a `z.lazy` that makes a new schema at each call would never end. */
  schemaDepthMax: 64,
} as const;
