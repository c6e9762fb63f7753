package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ApiException;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code kill -9} of the daemon while sandboxes are called and taken back: the next one takes them
 * back to a moment that they were in, as many calls ago as it says, or says that it cannot.
 */
@OnPlatform
@Order(92)
class UndoKillTest {
  private static final int KEEP = 6;

  @TempDir Path data;

  private final Random random = new Random(20_260_215);

  /** Adds one in memory and one on the disk. */
  private static final String STEP =
      "x += 1; b[:] = bytes([x % 256]) * len(b); f = open('/root/x', 'w'); f.write(str(x));"
          + " f.close(); import os; os.sync()";

  private static Sandbox create(Podflare client) {
    Sandbox sandbox = client.create(SandboxOptions.builder().undo(KEEP).build());
    python(sandbox, "x = 0; b = bytearray(2_000_000); open('/root/x', 'w').write('0')");
    python(sandbox, STEP);
    return sandbox;
  }

  /** What the memory and the disk say; one more call. */
  private static int look(Sandbox sandbox) {
    String told = python(sandbox, "print(x, set(b) == {x % 256}, open('/root/x').read())");
    String[] parts = told.split(" ");
    assertThat(parts).as(told).hasSize(3);
    assertThat(parts[1]).as(told).isEqualTo("True");
    assertThat(parts[2]).as("memory and disk are of one moment").isEqualTo(parts[0]);
    return Integer.parseInt(parts[0]);
  }

  private static int available(Sandbox sandbox) {
    return sandbox.info().undo().orElseThrow().available();
  }

  @Test
  void theNextDaemonTakesBackWhatTheKilledOneKept() throws Exception {
    String id;
    try (DaemonProcess daemon = DaemonProcess.start(data);
        Podflare client = daemon.client()) {
      Sandbox sandbox = create(client);
      id = sandbox.id();
      python(sandbox, STEP);
      python(sandbox, STEP);
      sandbox.undo();
      python(sandbox, STEP);
      python(sandbox, STEP);
      assertThat(available(sandbox)).isEqualTo(5);
      daemon.kill();
    }
    try (DaemonProcess daemon = DaemonProcess.start(data);
        Podflare client = daemon.client()) {
      Sandbox sandbox = client.sandbox(id);
      assertThat(available(sandbox)).as(daemon.log()).isEqualTo(5);
      sandbox.undo();
      assertThat(look(sandbox)).isEqualTo(3);
      sandbox.undo(3);
      assertThat(available(sandbox)).isEqualTo(2);
      assertThat(look(sandbox)).isEqualTo(1);
      python(sandbox, STEP);
      sandbox.undo();
      assertThat(bash(sandbox, "cat /root/x")).isEqualTo("1");
      sandbox.delete();
      assertThat(undoFolders()).isZero();
    }
  }

  private long undoFolders() throws IOException {
    try (Stream<Path> folders = Files.list(data.resolve("undo"))) {
      return folders.count();
    }
  }

  @Test
  void atAnyMomentItIsTheRightOneOrNone() throws Exception {
    int rounds = LongRun.choose(5, 60);
    String id = null;
    for (int round = 0; round <= rounds; round++) {
      try (DaemonProcess daemon = DaemonProcess.start(data);
          Podflare client = daemon.client()) {
        Sandbox sandbox = id == null ? create(client) : client.sandbox(id);
        id = sandbox.id();
        check(sandbox, daemon);
        if (round == rounds) {
          sandbox.delete();
          return;
        }
        killAtWork(daemon, sandbox);
      }
    }
  }

  private void check(Sandbox sandbox, DaemonProcess daemon) {
    int now = look(sandbox);
    int available = available(sandbox);
    assertThat(available).as(daemon.log()).isBetween(1, KEEP);
    sandbox.undo(); // the look
    assertThat(look(sandbox)).as(daemon.log()).isEqualTo(now);
    int back = available(sandbox);
    if (back > 1) {
      sandbox.undo(2); // the look, and one that the killed daemon had
      // None, if that one was killed between keeping the moment and sending the call, or a look.
      assertThat(look(sandbox)).as(daemon.log()).isBetween(now - 1, now);
    }
  }

  /** Steps and undoes without end, and the daemon dies at a random moment of it. */
  private void killAtWork(DaemonProcess daemon, Sandbox sandbox) throws Exception {
    Thread worker = Thread.ofVirtual().start(() -> work(sandbox));
    Thread.sleep(200 + random.nextInt(2500));
    daemon.kill();
    assertThat(worker.join(TestPlatform.PATIENCE)).isTrue();
  }

  private static void work(Sandbox sandbox) {
    try {
      for (int i = 1; ; i++) {
        python(sandbox, STEP);
        if (i % 5 == 0) {
          sandbox.undo(2);
        }
      }
    } catch (ApiException | AssertionError killed) {
      // The daemon has died.
    }
  }
}
