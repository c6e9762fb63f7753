package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import dev.podflare.client.ApiException;
import dev.podflare.client.EventStream;
import dev.podflare.client.EventsFrom;
import dev.podflare.client.LifecycleEvent;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.WebhookOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * {@code kill -9} of the daemon, or of all the host, at random moments while sandboxes are made,
 * forked, paused, frozen and ended. Afterwards the events agree with the records, whoever was
 * promised a sandbox finds its event, and a webhook has got every event, those of one sandbox in
 * their order.
 */
@OnPlatform
@Order(93)
class EventsKillTest {
  private static final int MOMENTS = LongRun.choose(4, 40);
  private static final int LATEST_MILLIS = 4000;
  private static final int SLOWEST_MILLIS = 200;
  private static final String CONFIG = "webhooks: {allow: [127.0.0.1]}\n";

  @TempDir Path data;

  private final Random random = new Random(20_261_127);
  private final Set<String> promised = ConcurrentHashMap.newKeySet();
  private final List<Sent> arrived = new CopyOnWriteArrayList<>();
  private final HttpServer receiver;

  /** What a webhook got. */
  private record Sent(long id, String sandboxId) {}

  EventsKillTest() throws IOException {
    receiver = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    receiver.createContext(
        "/",
        exchange -> {
          String body =
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
          JsonNode event = JsonMapper.shared().readTree(body);
          String id = exchange.getRequestHeaders().getFirst("webhook-id");
          arrived.add(
              new Sent(
                  Long.parseLong(id.replace("evt_", "")),
                  event.at("/data/sandbox_id").stringValue()));
          // So that a kill comes in the middle of it.
          pause(ThreadLocalRandom.current().nextInt(SLOWEST_MILLIS));
          exchange.sendResponseHeaders(204, -1);
          exchange.close();
        });
    receiver.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    receiver.start();
  }

  @AfterEach
  void stop() {
    receiver.stop(0);
  }

  @Test
  void noEventIsMissingAndNoneIsWrong() throws Exception {
    for (int moment = 0; moment < MOMENTS; moment++) {
      try (DaemonProcess daemon = DaemonProcess.start(data, CONFIG);
          Podflare client = daemon.client()) {
        if (moment == 0) {
          String url = "http://127.0.0.1:" + receiver.getAddress().getPort() + "/";
          client.webhooks().add(WebhookOptions.of(URI.create(url)));
        }
        killAtWork(daemon, client, moment % 2 == 1);
      }
    }
    try (DaemonProcess daemon = DaemonProcess.start(data, CONFIG)) {
      try (Podflare client = daemon.client()) {
        check(client);
      }
      assertThat(daemon.terminate()).isEqualTo(143);
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  private void killAtWork(DaemonProcess daemon, Podflare client, boolean host)
      throws InterruptedException {
    List<Thread> workers = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      workers.add(Thread.ofVirtual().start(() -> work(client)));
    }
    Thread.sleep(random.nextInt(LATEST_MILLIS));
    if (host) {
      daemon.killWithMachines();
    } else {
      daemon.kill();
    }
    for (Thread worker : workers) {
      assertThat(worker.join(TestPlatform.PATIENCE)).isTrue();
    }
  }

  private void work(Podflare client) {
    try {
      while (true) {
        Sandbox sandbox = client.create(SandboxOptions.builder().persistent(true).build());
        promised.add(sandbox.id());
        step(sandbox);
        if (choice(2) == 0) {
          sandbox.delete();
        }
      }
    } catch (ApiException cutOff) {
      // It was killed, or the host is full of what was not deleted.
    }
  }

  private void step(Sandbox sandbox) {
    switch (choice(4)) {
      case 0 -> {
        sandbox.pause();
        sandbox.resume();
      }
      case 1 -> sandbox.fork(1).forEach(child -> promised.add(child.id()));
      case 2 -> sandbox.freeze();
      default -> {}
    }
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized int choice(int bound) {
    return random.nextInt(bound);
  }

  private void check(Podflare client) {
    List<LifecycleEvent> events = new ArrayList<>();
    try (EventStream stream = client.events(EventsFrom.oldest().untilNow())) {
      for (var next = stream.next(); next.isPresent(); next = stream.next()) {
        events.add(next.get());
      }
    }
    Map<String, List<LifecycleEvent>> bySandbox = new HashMap<>();
    events.forEach(it -> bySandbox.computeIfAbsent(it.sandboxId(), _ -> new ArrayList<>()).add(it));
    assertThat(bySandbox.keySet()).containsAll(promised);
    bySandbox.forEach((id, of) -> checkLife(client, id, of));
    long last = events.getLast().id();
    await()
        .atMost(TestPlatform.PATIENCE)
        .untilAsserted(() -> assertThat(client.webhooks().list().getFirst().pending()).isZero());
    checkWebhook(events, last);
  }

  private static void checkLife(Podflare client, String id, List<LifecycleEvent> events) {
    List<String> types = events.stream().map(LifecycleEvent::type).toList();
    assertThat(types).as(id).startsWith("sandbox.created");
    assertThat(types.subList(1, types.size())).as(id).doesNotContain("sandbox.created");
    int closed = types.indexOf("sandbox.closed");
    assertThat(closed).as("%s %s", id, types).isIn(-1, types.size() - 1);
    String state;
    Optional<String> reason = Optional.empty();
    try {
      state = client.sandbox(id).info().state();
    } catch (ApiException gone) {
      state = gone.code();
      reason = Optional.of(String.valueOf(gone.details().get("reason")));
    }
    String lastType = types.getLast();
    switch (state) {
      case "gone" -> {
        assertThat(lastType).as(id).isEqualTo("sandbox.closed");
        assertThat(reason).contains(events.getLast().reason());
      }
      case "frozen" -> assertThat(lastType).as(id).isEqualTo("sandbox.frozen");
      // It went on; of a pause or resume whose answer was lost the event may be missing.
      default ->
          assertThat(lastType)
              .as("%s is %s", id, state)
              .isIn("sandbox.created", "sandbox.forked", "sandbox.paused", "sandbox.resumed");
    }
  }

  private void checkWebhook(List<LifecycleEvent> events, long last) {
    Set<Long> got = new TreeSet<>();
    Map<String, Long> latest = new HashMap<>();
    for (Sent sent : arrived) {
      got.add(sent.id());
      long before = latest.getOrDefault(sent.sandboxId(), 0L);
      assertThat(sent.id()).as(sent.sandboxId()).isGreaterThanOrEqualTo(before);
      latest.put(sent.sandboxId(), sent.id());
    }
    assertThat(got).containsAll(events.stream().map(LifecycleEvent::id).toList());
    assertThat(last).isPositive();
  }
}
