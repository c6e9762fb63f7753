package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.net.httpserver.HttpServer;
import dev.podflare.client.EventStream;
import dev.podflare.client.EventsFrom;
import dev.podflare.client.Language;
import dev.podflare.client.LifecycleEvent;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxInfo;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SnapshotInfo;
import dev.podflare.client.SnapshotOptions;
import dev.podflare.client.WebhookOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The host's clock jumps by an hour, forward and back, while sandboxes run. libfaketime gives the
 * daemon, and nobody else, a clock that can be set; its monotonic clock goes on.
 */
@OnPlatform
@Order(91)
class ClockJumpTest {
  private static final Path LIBRARY =
      Path.of("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1");
  private static final Duration HOUR = Duration.ofHours(1);
  private static final Duration SHORT = Duration.ofMinutes(20);
  private static final String CONFIG = "webhooks: {allow: [127.0.0.1]}\n";
  private static final String CREATE = "{\"timeout_seconds\": 1200}";

  @TempDir Path data;
  @TempDir Path clock;

  private final List<Long> signed = new CopyOnWriteArrayList<>();
  private final HttpServer receiver;
  private Duration set = Duration.ZERO;

  ClockJumpTest() throws IOException {
    receiver = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    receiver.createContext(
        "/",
        exchange -> {
          signed.add(Long.parseLong(exchange.getRequestHeaders().getFirst("webhook-timestamp")));
          exchange.sendResponseHeaders(204, -1);
          exchange.close();
        });
  }

  @BeforeEach
  void start() {
    receiver.start();
  }

  @AfterEach
  void stop() {
    receiver.stop(0);
  }

  private DaemonProcess daemon() throws IOException {
    return DaemonProcess.launch(
            data,
            CONFIG,
            Map.of(
                "LD_PRELOAD",
                LIBRARY.toString(),
                "DONT_FAKE_MONOTONIC",
                "1",
                "FAKETIME_FORCE_MONOTONIC_FIX", // it takes waits for over at once, and threads spin
                "0",
                "FAKETIME_NO_CACHE",
                "1",
                "FAKETIME_TIMESTAMP_FILE",
                clock.resolve("offset").toString()))
        .listening();
  }

  private void setClock(Duration offset) throws IOException {
    set = offset;
    Path next = Files.writeString(clock.resolve("next"), "%+d\n".formatted(offset.toSeconds()));
    Files.move(
        next,
        clock.resolve("offset"),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }

  /** What the daemon's clock says. */
  private Instant now() {
    return Instant.now().plus(set);
  }

  /** Sandboxes of before a jump, with what must hold of them after it. */
  private record Before(Sandbox sandbox, String state, Instant expires, Instant at) {
    static Before of(Sandbox sandbox, Instant now) {
      SandboxInfo info = sandbox.info();
      return new Before(sandbox, info.state(), info.expiresAt().orElseThrow(), now);
    }

    Duration left() {
      return Duration.between(at, expires);
    }
  }

  @Test
  void whatWasToLastForAWhileLastsAsLong() throws Exception {
    assumeTrue(Files.exists(LIBRARY), "needs the package libfaketime");
    setClock(Duration.ZERO);
    List<Before> all = new ArrayList<>();
    try (DaemonProcess daemon = daemon();
        Podflare client = daemon.client()) {
      String url = "http://127.0.0.1:" + receiver.getAddress().getPort() + "/";
      client.webhooks().add(WebhookOptions.of(URI.create(url)));
      Sandbox running = client.create(lasting(SHORT).build());
      Sandbox paused = client.create(lasting(SHORT).build());
      paused.pause();
      running.snapshot(SnapshotOptions.named("kept").withExpiresIn(SHORT));
      Sandbox made = client.sandbox(create(daemon));
      all.add(Before.of(running, now()));
      all.add(Before.of(paused, now()));
      all.add(Before.of(made, now()));

      for (Duration offset : List.of(HOUR, HOUR.negated())) {
        String call = start(running);
        Sandbox over = client.create(lasting(Duration.ofSeconds(6)).build());
        Duration jump = offset.minus(set);
        setClock(offset);
        awaitMoved(running, all.getFirst().expires().plus(jump));
        all.replaceAll(it -> moved(it, jump));
        check(client, all, call, running);
        assertThat(create(daemon)).as("a repeated request").isEqualTo(made.id());
        await()
            .atMost(TestPlatform.PATIENCE)
            .until(() -> TestPlatform.goneReason(over).equals(Optional.of("timeout")));
        await()
            .atMost(TestPlatform.PATIENCE)
            .until(() -> isNow(signed.getLast())); // receivers refuse what is minutes old
      }
      daemon.kill();
    }
    try (DaemonProcess next = daemon();
        Podflare client = next.client()) {
      List<Before> found = all.stream().map(it -> again(client, it)).toList();
      String call = start(found.getFirst().sandbox());
      check(client, found, call, found.getFirst().sandbox());
      Sandbox paused = found.get(1).sandbox();
      paused.resume();
      assertThat(Duration.between(now(), paused.info().expiresAt().orElseThrow()))
          .as("its lifetime stood still, but for the clock")
          .isCloseTo(SHORT, Duration.ofSeconds(30));
      found.forEach(it -> assertUsable(it.sandbox()));
      List<LifecycleEvent> events = events(client);
      assertThat(events).extracting(LifecycleEvent::id).isSorted();
      assertThat(events.getLast().timestamp()).isCloseTo(now(), within(2, ChronoUnit.MINUTES));
      found.forEach(it -> it.sandbox().delete());
      assertThat(next.terminate()).isEqualTo(143);
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  private static SandboxOptions.Builder lasting(Duration life) {
    return SandboxOptions.builder().timeout(life).idleTimeout(SHORT);
  }

  private static String start(Sandbox sandbox) {
    return sandbox.start(
        RunRequest.of("sleep 3; echo slept", Language.BASH).withTimeout(Duration.ofMinutes(2)));
  }

  private String create(DaemonProcess daemon) throws Exception {
    try (HttpClient http = HttpClient.newHttpClient()) {
      HttpRequest request =
          HttpRequest.newBuilder(daemon.uri().resolve("/v1/sandboxes"))
              .header("Authorization", "Bearer " + daemon.key())
              .header("Idempotency-Key", "once")
              .POST(HttpRequest.BodyPublishers.ofString(CREATE))
              .build();
      String answer = http.send(request, HttpResponse.BodyHandlers.ofString()).body();
      return answer.replaceAll("(?s).*\"(sbx_[0-9a-f]+)\".*", "$1");
    }
  }

  private static void awaitMoved(Sandbox sandbox, Instant expected) {
    await()
        .atMost(TestPlatform.PATIENCE)
        .untilAsserted(() ->
            assertThat(sandbox.info().expiresAt().orElseThrow())
                .isCloseTo(expected, within(3, ChronoUnit.SECONDS)));
  }

  private static Before moved(Before before, Duration jump) {
    return new Before(
        before.sandbox(), before.state(), before.expires().plus(jump), before.at().plus(jump));
  }

  private static Before again(Podflare client, Before before) {
    return new Before(
        client.sandbox(before.sandbox().id()), before.state(), before.expires(), before.at());
  }

  private boolean isNow(long seconds) {
    return Duration.between(Instant.ofEpochSecond(seconds), now()).abs().toSeconds() < 60;
  }

  private void check(Podflare client, List<Before> all, String call, Sandbox running)
      throws Exception {
    RunResult slept = running.join(call, 0, new RunListener() {});
    assertThat(slept.reason()).isEqualTo("exited");
    assertThat(slept.stdout()).isEqualTo("slept\n");
    Thread.sleep(3000); // long enough for whoever removes what has expired
    for (Before before : all) {
      SandboxInfo info = before.sandbox().info();
      assertThat(info.state()).isEqualTo(before.state());
      assertThat(before.left()).isCloseTo(SHORT, Duration.ofMinutes(2));
      assertThat(info.expiresAt().orElseThrow())
          .isCloseTo(before.expires(), within(3, ChronoUnit.SECONDS));
    }
    assertThat(client.snapshots().list())
        .extracting(SnapshotInfo::name)
        .contains(Optional.of("kept"));
    assertClock(running);
    Sandbox child = running.fork(1).getFirst();
    assertClock(child);
    child.delete();
  }

  /** Within 50 ms of the daemon's, as always. */
  private void assertClock(Sandbox sandbox) {
    await()
        .atMost(TestPlatform.PATIENCE)
        .untilAsserted(() -> {
          Instant earliest = now();
          double seconds = Double.parseDouble(python(sandbox, "import time; print(time.time())"));
          Instant latest = now();
          assertThat(Instant.ofEpochMilli((long) (seconds * 1000)))
              .isBetween(earliest.minusMillis(50), latest.plusMillis(50));
        });
  }

  private static List<LifecycleEvent> events(Podflare client) {
    List<LifecycleEvent> all = new ArrayList<>();
    try (EventStream stream = client.events(EventsFrom.oldest().untilNow())) {
      for (Optional<LifecycleEvent> next = stream.next(); next.isPresent(); next = stream.next()) {
        all.add(next.get());
      }
    }
    return all;
  }
}
