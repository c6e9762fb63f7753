package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.COUNT;
import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.client.Language;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxInfo;
import dev.podflare.client.SandboxOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/**
 * The daemon's process stands still, as under SIGSTOP, a debugger, or on a host that has no
 * processor for it; its guests run on, and the records, the store and its callers do. When it goes
 * on, what had ended has ended as it did, what is due is done, and nobody is taken for dead who had
 * answered. With a PostgreSQL and an S3 store, as a big installation has them.
 */
@OnPlatform
@ResourceLock(SharedServers.LOCK)
@Order(90)
class StoppedDaemonTest {
  /** Longer than barriers, statements of the database and calls of webhooks may take. */
  private static final Duration USUAL = Duration.ofSeconds(20);

  /** Longer than anything may take that a caller waits for, silent connections included. */
  private static final Duration LONG = Duration.ofSeconds(70);

  private static final Duration STOPPED = LongRun.wanted() ? LONG : USUAL;

  @TempDir Path folder;
  private final SharedServers servers = new SharedServers();
  private final ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor();

  @AfterEach
  void stop() {
    callers.shutdownNow();
    servers.close();
  }

  private static <T> T answer(Future<T> call) throws Exception {
    return call.get(TestPlatform.PATIENCE.toSeconds(), TimeUnit.SECONDS);
  }

  /** Some of what is under way, in the moment in which the daemon stops. */
  private record UnderWay(
      Future<RunResult> counted,
      Future<Sandbox> created,
      Future<List<Sandbox>> forked,
      Future<?> frozen) {}

  @Test
  void itGoesOnAsIfNothingHadBeen() throws Exception {
    Path data = folder.resolve("a");
    try (DaemonProcess daemon = servers.daemon(data, "a");
        Podflare client = daemon.client()) {
      Sandbox busy = client.create();
      Sandbox parent = client.create();
      Sandbox lasting = client.create(SandboxOptions.builder().persistent(true).build());
      Sandbox paused = client.create();
      python(parent, "x = 3");
      python(lasting, "x = 4");
      paused.pause();
      Instant pausedUntil = paused.info().expiresAt().orElseThrow();
      Sandbox called =
          client.create(SandboxOptions.builder().idleTimeout(STOPPED.dividedBy(2)).build());
      python(called, "x = 5");
      Sandbox over = client.create(SandboxOptions.builder().timeout(STOPPED.dividedBy(2)).build());
      String inTime = start(busy, "sleep 5; echo in time", STOPPED.dividedBy(2));
      String late = start(busy, "sleep 1000", STOPPED.dividedBy(2));
      String count = busy.start(RunRequest.of(COUNT, Language.PYTHON));
      UnderWay underWay =
          new UnderWay(
              callers.submit(() -> busy.join(count, 0, new RunListener() {})),
              callers.submit((Callable<Sandbox>) client::create),
              callers.submit(() -> parent.fork(2)),
              callers.submit(lasting::freeze));
      Thread.sleep(ThreadLocalRandom.current().nextInt(400));

      daemon.stop();
      DaemonProcess same = servers.launch(folder.resolve("same"), "a");
      try {
        Thread.sleep(STOPPED.dividedBy(4));
        Future<String> heardLater = callers.submit(() -> python(called, "print(x)"));
        Thread.sleep(STOPPED.dividedBy(4).multipliedBy(3));
        assertThat(heardLater).isNotDone();
        assertThat(same.log()).doesNotContain("listening");
        daemon.goOn();

        assertThat(answer(heardLater))
            .as("it was called while it was idle for long")
            .isEqualTo("5");
        called.delete(); // it will soon be idle for too long in earnest
        check(busy, inTime, late, underWay);
        assertThat(answer(underWay.frozen())).isNotNull();
        assertThat(python(lasting, "print(x)")).isEqualTo("4");
        await()
            .atMost(TestPlatform.PATIENCE)
            .until(() -> TestPlatform.goneReason(over).equals(Optional.of("timeout")));
        SandboxInfo still = paused.info();
        assertThat(still.state()).isEqualTo("paused");
        assertThat(still.expiresAt().orElseThrow()).isEqualTo(pausedUntil);
        paused.resume();
        for (Sandbox sandbox : List.of(busy, parent, lasting, paused)) {
          assertUsable(sandbox);
          sandbox.delete();
        }
        assertThat(same.process.waitFor(TestPlatform.PATIENCE.toSeconds(), TimeUnit.SECONDS))
            .isTrue();
        assertThat(same.log()).contains("another daemon of the name a");
      } finally {
        daemon.goOn(); // else it could not end
        same.close();
      }
      daemon.awaitPool(client);
      assertThat(daemon.terminate()).as(daemon.log()).isEqualTo(143);
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  private static String start(Sandbox sandbox, String code, Duration timeout) {
    return sandbox.start(RunRequest.of(code, Language.BASH).withTimeout(timeout));
  }

  private static void check(Sandbox busy, String inTime, String late, UnderWay underWay)
      throws Exception {
    RunResult ended = busy.join(inTime, 0, new RunListener() {});
    assertThat(ended.reason()).as("it had ended before its time was over").isEqualTo("exited");
    assertThat(ended.stdout()).isEqualTo("in time\n");
    assertThat(busy.join(late, 0, new RunListener() {}).reason()).isEqualTo("timeout");
    assertThat(busy.info().state()).isEqualTo("ready");
    assertThat(bash(busy, "touch /root/stop")).isEmpty();
    RunResult counted = answer(underWay.counted());
    assertThat(counted.reason()).isEqualTo("exited");
    List<String> lines = counted.stdout().lines().toList();
    assertThat(lines)
        .hasSizeGreaterThan(100)
        .isEqualTo(IntStream.range(0, lines.size()).mapToObj(Integer::toString).toList());
    Sandbox created = answer(underWay.created());
    assertUsable(created);
    created.delete();
    for (Sandbox child : answer(underWay.forked())) {
      assertThat(python(child, "print(x)")).isEqualTo("3");
      child.delete();
    }
  }
}
