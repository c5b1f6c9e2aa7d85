package nexmark;

import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.binary.BinaryStringData;

/** As bench/nexmark/texts.ts: slices of two pools of letters, which are not copied. */
final class Texts {
  private static final int POOL_LENGTH = 1 << 20;
  private static final int LENGTH_MAX = 1 << 10;
  private final Draws draws;
  private final byte[] words;
  private final byte[] letters;

  Texts(int seed, Draws draws) {
    this.draws = draws;
    this.words = pool(seed, true);
    this.letters = pool(seed + 1, false);
  }

  BinaryStringData words(int lengthMax) {
    int length = 3 + draws.below(lengthMax - 3);
    int from = draws.below(POOL_LENGTH - LENGTH_MAX);
    int end = from + length;
    while (from < end && words[from] == ' ') from++;
    while (from < end && words[end - 1] == ' ') end--;
    return BinaryStringData.fromBytes(words, from, end - from);
  }

  StringData padding(int size, int wanted) {
    if (size > wanted) return BinaryStringData.EMPTY_UTF8;
    int missing = wanted - size;
    int spread = (int) Math.round(missing * 0.2);
    int length = missing - spread + (spread == 0 ? 0 : draws.below(2 * spread));
    return BinaryStringData.fromBytes(letters, draws.below(POOL_LENGTH - LENGTH_MAX), length);
  }

  private static byte[] pool(int seed, boolean blanks) {
    Draws chance = new Draws(seed);
    chance.of(0);
    byte[] bytes = new byte[POOL_LENGTH];
    for (int at = 0; at < POOL_LENGTH; at++) {
      bytes[at] = blanks && chance.below(13) == 0 ? (byte) ' ' : (byte) ('a' + chance.below(26));
    }
    return bytes;
  }
}
