package nexmark;

/** As bench/nexmark/draws.ts: the same draws for a seed and an id. */
final class Draws {
  private static final int GOLDEN = 0x9e3779b9;
  private final int seed;
  private int state;

  Draws(int seed) {
    this.seed = mixed(seed);
  }

  void of(long id) {
    state = mixed((int) id ^ mixed(seed + (int) (id >>> 32)));
  }

  double fraction() {
    state += GOLDEN;
    return (mixed(state) & 0xffffffffL) / 4294967296.0;
  }

  int below(int bound) {
    return (int) (fraction() * bound);
  }

  private static int mixed(int value) {
    int bits = value ^ (value >>> 16);
    bits *= 0x21f0aaad;
    bits ^= bits >>> 15;
    bits *= 0x735a2d97;
    return bits ^ (bits >>> 15);
  }
}
