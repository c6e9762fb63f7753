package dev.podflare.tests;

/** {@code ./podflare test --long} makes the same tests longer. */
final class LongRun {
  private LongRun() {}

  static boolean wanted() {
    return "1".equals(System.getenv("PODFLARE_LONG"));
  }

  static int choose(int usual, int longer) {
    return wanted() ? longer : usual;
  }
}
