package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Language;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.Optional;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Much output, much code, long lines: all of it passes, and the daemon holds little of it. */
@OnPlatform
@Order(50)
class FloodTest {
  private static final int MEGABYTE = 1_000_000;
  private static final long HELD_AT_MOST = 64L << 20;

  private final TestPlatform platform;
  private final Sandbox sandbox;

  FloodTest(TestPlatform platform) {
    this.platform = platform;
    this.sandbox = platform.create();
  }

  @AfterEach
  void delete() {
    sandbox.delete();
  }

  @Test
  void aFloodThatNobodyReadsHoldsBackTheGuest() throws Exception {
    long before = heldAfterCollection();
    try (RawStream stream =
        RawStream.exec(
            platform, sandbox.id(), Map.of("code", flood("fast"), "framing", "chunks"))) {
      assertThat(stream.event().get("type").stringValue()).isEqualTo("started");
      Thread.sleep(5000); // time in which an unbounded daemon would take in all of it
      assertThat(heldAfterCollection() - before).isLessThan(HELD_AT_MOST);
      assertThat(GuestProbe.bash(sandbox, "echo beside")).isEqualTo("beside");
      long bytes = 0;
      for (Optional<String> line = stream.line(); line.isPresent(); line = stream.line()) {
        String text = line.get();
        bytes +=
            text.startsWith("{\"type\":\"stdout\"")
                ? text.chars().filter(c -> c == 'x').count()
                : 0;
      }
      assertThat(bytes).isEqualTo(100L * MEGABYTE);
    }
    assertThat(heldAfterCollection() - before).isLessThan(HELD_AT_MOST);
  }

  @Test
  void emptyLinesThatNobodyReadsHoldBackTheGuest() throws Exception {
    long before = heldAfterCollection();
    try (RawStream stream =
        RawStream.exec(platform, sandbox.id(), Map.of("code", "yes ''", "language", "bash"))) {
      stream.event();
      Thread.sleep(5000); // time in which millions of them would have come
      assertThat(heldAfterCollection() - before).isLessThan(HELD_AT_MOST);
      assertThat(GuestProbe.python(sandbox, "print('beside')")).isEqualTo("beside");
    }
  }

  @Test
  void aFloodInTheBackgroundIsForgottenButItsEnd() {
    long before = heldAfterCollection();
    String exec = sandbox.start(RunRequest.of(flood("lost"), Language.PYTHON));
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .until(() -> sandbox.execution(exec).state().equals("ended"));
    assertThat(heldAfterCollection() - before).isLessThan(HELD_AT_MOST);
    RunResult rest = sandbox.join(exec, 0, new RunListener() {});
    assertThat(rest.exitCode()).isZero();
    assertThat(rest.stdout()).endsWith("lost\n");
    assertThat(rest.stdout().length()).isLessThan(8 * MEGABYTE);
  }

  /** 100 MB without a newline, then a word. */
  private static String flood(String last) {
    return "import sys\nfor i in range(100): sys.stdout.write('x' * 1_000_000)\nprint('\\n"
        + last
        + "')";
  }

  @Test
  void aLineOf30MegabytesIsOneOrMoreWholeEvents() throws Exception {
    for (String framing : new String[] {"lines", "chunks"}) {
      try (RawStream stream =
          RawStream.exec(
              platform,
              sandbox.id(),
              Map.of("code", "print('Z' * 30_000_000)", "framing", framing))) {
        long length = 0;
        String last = "";
        for (Optional<String> line = stream.line(); line.isPresent(); line = stream.line()) {
          last = line.get();
          length += last.contains("\"stdout\"") ? last.chars().filter(c -> c == 'Z').count() : 0;
        }
        assertThat(length).isEqualTo(30L * MEGABYTE);
        assertThat(last).contains("\"exit\"");
      }
    }
    GuestProbe.assertUsable(sandbox);
  }

  @Test
  void fiveMegabytesOfCodeRun() {
    String text = "z".repeat(5 * MEGABYTE);
    RunResult python =
        sandbox.run(
            RunRequest.of("print(len('" + text + "'))", Language.PYTHON), new RunListener() {});
    assertThat(python.stdout()).isEqualTo("5000000\n");
    RunResult bash =
        sandbox.run(RunRequest.of(": " + text + "\necho ran", Language.BASH), new RunListener() {});
    assertThat(bash.stdout()).isEqualTo("ran\n");
  }

  private static long heldAfterCollection() {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 3; i++) {
      System.gc();
      least = Math.min(least, ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
    }
    return least;
  }
}
