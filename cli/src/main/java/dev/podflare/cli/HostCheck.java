package dev.podflare.cli;

/**
 * One thing that a host must or should have.
 *
 * @param found what is there
 * @param advice what to do; empty when all is well
 */
record HostCheck(String name, Verdict verdict, String found, String advice) {
  /** BAD: Podflare cannot run here. WEAK: it runs, but worse than it could. */
  enum Verdict {
    GOOD,
    WEAK,
    BAD
  }

  static HostCheck good(String name, String found) {
    return new HostCheck(name, Verdict.GOOD, found, "");
  }

  static HostCheck weak(String name, String found, String advice) {
    return new HostCheck(name, Verdict.WEAK, found, advice);
  }

  static HostCheck bad(String name, String found, String advice) {
    return new HostCheck(name, Verdict.BAD, found, advice);
  }
}
