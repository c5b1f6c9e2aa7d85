/** How many actors the programs have, and how many messages make a burst. */
export const sizes = {
  ringMembers: 503,
  countingBurst: 1_000,
  fanInSenders: 10,
  fanInBurst: 100,
  producers: 8,
  bufferItems: 4,
  pingers: 100,
  creatures: 100,
};
