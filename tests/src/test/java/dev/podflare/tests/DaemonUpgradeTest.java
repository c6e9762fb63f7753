package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.COUNT;
import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.EventStream;
import dev.podflare.client.EventsFrom;
import dev.podflare.client.Language;
import dev.podflare.client.LifecycleEvent;
import dev.podflare.client.NetworkPolicy;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SnapshotOptions;
import dev.podflare.client.SpaceInfo;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A daemon is upgraded: that of an earlier commit starts sandboxes and Spaces, today's takes them
 * over, with its records, its machines and its checkpoint store, as if it had made them itself.
 */
@OnPlatform
@Order(89)
class DaemonUpgradeTest {
  /**
   * The first one that leaves its machines to the next daemon, in any case; what is written by it
   * must be understood for ever, or a change must say how it is not. To be set forward only with a
   * note in the change log that an upgrade from before it ends sandboxes.
   */
  private static final String EARLIER = "7e88c6b214b0ea52cb8848e93a94aff1223848b1";

  @TempDir Path data;

  private record Made(
      String running,
      String call,
      int seen,
      String paused,
      String frozen,
      String plain,
      long events) {}

  @ParameterizedTest
  @ValueSource(strings = {"killed", "told to leave them running"})
  void todaysDaemonGoesOn(String end) throws Exception {
    EarlierDaemon earlier = EarlierDaemon.of(EARLIER);
    Made made;
    try (DaemonProcess first = DaemonProcess.start(earlier.program(), data, "--on-stop", "keep");
        Podflare client = first.client()) {
      made = make(client, first, end.equals("killed"));
    }
    try (DaemonProcess next = DaemonProcess.start(earlier.today(), data);
        Podflare client = next.client()) {
      check(client, next, made);
      assertThat(next.terminate()).isEqualTo(143);
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  private static Made make(Podflare client, DaemonProcess daemon, boolean kill) throws Exception {
    Sandbox frozen = client.create(SandboxOptions.builder().persistent(true).build());
    python(frozen, "x = 'frozen'");
    bash(frozen, "echo frozen > /root/file");
    frozen.freeze();
    Sandbox plain = client.create();
    python(plain, "x = 'plain'");
    plain.freeze();

    Sandbox running = client.create(SandboxOptions.builder().metadata(Map.of("a", "b")).build());
    python(
        running,
        """
        import threading, time
        x, beats = 7, 0
        def beat():
            global beats
            while True:
                beats += 1
                time.sleep(0.01)
        threading.Thread(target=beat, daemon=True).start()
        f = open('/root/f', 'w'); f.write('buffered')
        """);
    running.setNetwork(NetworkPolicy.shut());
    running.snapshot(SnapshotOptions.named("kept"));
    Sandbox paused = running.fork(1).getFirst();
    paused.pause();
    String call = running.start(RunRequest.of(COUNT, Language.PYTHON));
    List<String> seen = new CopyOnWriteArrayList<>();
    Thread joined = Thread.ofVirtual().start(() -> join(running, call, seen));
    Awaitility.await().atMost(TestPlatform.PATIENCE).until(() -> seen.size() > 20);
    long events = events(client, EventsFrom.oldest()).getLast().id();
    if (kill) {
      daemon.kill();
    } else {
      assertThat(daemon.terminate()).isEqualTo(143);
    }
    assertThat(joined.join(TestPlatform.PATIENCE)).isTrue();
    return new Made(running.id(), call, seen.size(), paused.id(), frozen.id(), plain.id(), events);
  }

  private static void join(Sandbox sandbox, String exec, List<String> seen) {
    try {
      RunListener keeping =
          new RunListener() {
            @Override
            public void stdout(byte[] bytes) {
              seen.add("");
            }
          };
      RunResult ignored = sandbox.join(exec, 0, keeping);
    } catch (RuntimeException cutOff) {
      // By the end of the daemon.
    }
  }

  private static List<LifecycleEvent> events(Podflare client, EventsFrom from) {
    List<LifecycleEvent> all = new ArrayList<>();
    try (EventStream stream = client.events(from.untilNow())) {
      for (Optional<LifecycleEvent> next = stream.next(); next.isPresent(); next = stream.next()) {
        all.add(next.get());
      }
    }
    return all;
  }

  private static void check(Podflare client, DaemonProcess daemon, Made made) {
    Sandbox running = client.sandbox(made.running());
    Sandbox paused = client.sandbox(made.paused());
    assertThat(running.info().state()).as(daemon.log()).isEqualTo("ready");
    assertThat(paused.info().state()).as(daemon.log()).isEqualTo("paused");
    assertThat(running.info().metadata()).containsEntry("a", "b");
    assertThat(running.network().fallback()).isEqualTo("deny");

    assertThat(bash(running, "touch /root/stop; echo beside")).isEqualTo("beside");
    RunResult whole = running.join(made.call(), 0, new RunListener() {});
    assertThat(whole.reason()).isEqualTo("exited");
    List<String> lines = whole.stdout().lines().toList();
    assertThat(lines)
        .hasSizeGreaterThanOrEqualTo(made.seen())
        .isEqualTo(IntStream.range(0, lines.size()).mapToObj(Integer::toString).toList());

    assertGoesOn(running);
    paused.resume();
    assertGoesOn(paused);
    assertThat(paused.network().fallback()).isEqualTo("deny");

    Sandbox child = running.fork(1).getFirst();
    assertThat(python(child, "print(x)")).isEqualTo("7");
    running.mergeInto(child);
    assertThat(python(running, "print(x)")).isEqualTo("7");
    running.freeze();
    running.resume();
    assertThat(python(running, "print(x)")).isEqualTo("7");

    // Saved by the earlier one, opened by today's.
    assertThat(client.sandbox(made.frozen()).info().state()).isEqualTo("frozen");
    assertThat(python(client.sandbox(made.frozen()), "print(x)")).isEqualTo("frozen");
    assertThat(bash(client.sandbox(made.frozen()), "cat /root/file")).isEqualTo("frozen");
    SpaceInfo space =
        client.spaces().list().stream()
            .filter(it -> it.sandboxId().equals(made.plain()))
            .findAny()
            .orElseThrow();
    Sandbox resumed = client.spaces().resume(space.id());
    assertThat(python(resumed, "print(x)")).isEqualTo("plain");
    Sandbox copy = client.create(SandboxOptions.builder().snapshot("kept").build());
    assertGoesOn(copy);
    running.rollback("kept");
    assertGoesOn(running);

    List<LifecycleEvent> since = events(client, EventsFrom.after(made.events()));
    assertThat(since)
        .as("no event says that anything had ended before it was ended here")
        .isNotEmpty()
        .noneMatch(event -> event.data().containsValue("host_shutdown"))
        .noneMatch(event -> event.data().containsValue("guest_crashed"));
    for (Sandbox sandbox : List.of(running, paused, resumed, copy, client.sandbox(made.frozen()))) {
      assertUsable(sandbox);
      sandbox.delete();
    }
  }

  /** Its thread beats, and what it had not written to its file yet is there. */
  private static void assertGoesOn(Sandbox sandbox) {
    assertThat(python(sandbox, "f.flush(); print(x, open('/root/f').read())"))
        .isEqualTo("7 buffered");
    String before = python(sandbox, "print(beats)");
    assertThat(python(sandbox, "time.sleep(0.1); print(beats > " + before + ")")).isEqualTo("True");
  }
}
