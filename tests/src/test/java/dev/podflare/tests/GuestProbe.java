package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Language;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;

/** Short ways to run code in a sandbox that is expected to end well. Stateless. */
final class GuestProbe {
  /** Python that prints numbers until there is a file {@code /root/stop}. */
  static final String COUNT =
      """
      import os, time
      i = 0
      while not os.path.exists('/root/stop'):
          print(i, flush=True)
          i += 1
          time.sleep(0.02)
      """;

  private GuestProbe() {}

  /** Bash that does the same as {@link #COUNT}, and exits with this code. */
  static String countInBash(int exitCode) {
    return inBash("i=0; until [ -e /root/stop ]; do echo $i; i=$((i + 1)); WAIT; done; ", 0.02)
        + "exit "
        + exitCode;
  }

  /**
   * Bash in which each {@code WAIT} lasts for so many seconds. It reads what never says anything: a
   * {@code sleep} is a process, and one after the other keeps an emulated guest busy.
   */
  static String inBash(String code, double seconds) {
    return "exec 9<> <(:); " + code.replace("WAIT", "read -rt " + seconds + " -u 9");
  }

  static String python(Sandbox sandbox, String code) {
    return good(sandbox, sandbox.runCode(code));
  }

  static String bash(Sandbox sandbox, String code) {
    return good(sandbox, sandbox.runCode(code, Language.BASH));
  }

  private static String good(Sandbox sandbox, RunResult result) {
    assertThat(result.exitCode()).as(() -> result + whyGone(sandbox, result)).isZero();
    return result.stdout().strip();
  }

  private static String whyGone(Sandbox sandbox, RunResult result) {
    boolean gone = result.reason().equals("sandbox_closed");
    return gone ? " " + TestPlatform.goneReason(sandbox).orElse("lives") : "";
  }

  /** Both languages answer. */
  static void assertUsable(Sandbox sandbox) {
    assertThat(python(sandbox, "print(6 * 7)")).isEqualTo("42");
    assertThat(bash(sandbox, "echo $((6 * 7))")).isEqualTo("42");
  }
}
