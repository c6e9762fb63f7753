package dev.podflare.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.EventReader;
import dev.podflare.server.testing.TestServer;
import dev.podflare.store.Origin;
import dev.podflare.store.SandboxRecord;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class EventRoutesTest {
  private static final Duration HALF_HOUR = Duration.ofMinutes(30);
  private static final String EVENTS = "/v1/events";

  @TempDir Path folder;
  private final Random random = new Random(5);
  private TestServer test;
  private Key one;
  private Key other;

  private record Key(String id, String text) {}

  @BeforeEach
  void start() {
    test = TestServer.start(folder);
    one = key("one");
    other = key("other");
  }

  @AfterEach
  void stop() {
    test.close();
  }

  private Key key(String name) {
    JsonNode made = ApiClient.json(test.admin.post("/v1/keys", "{\"name\":\"" + name + "\"}"));
    return new Key(made.get("id").stringValue(), made.get("key").stringValue());
  }

  private SandboxRecord sandbox(String keyId) {
    byte[] id = new byte[16];
    random.nextBytes(id);
    return sandbox("sbx_" + HexFormat.of().formatHex(id), keyId);
  }

  static SandboxRecord sandbox(String id, String keyId) {
    Instant now = Instant.now();
    return new SandboxRecord(
        id,
        keyId,
        "default",
        "ready",
        2,
        1024,
        4,
        false,
        false,
        0,
        "{}",
        SandboxRecord.NO_MOUNTS,
        "[]",
        Map.of(),
        Map.of(),
        Optional.empty(),
        now,
        now.plus(HALF_HOUR),
        HALF_HOUR,
        HALF_HOUR,
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  private String create(Key key) {
    SandboxRecord sandbox = sandbox(key.id());
    test.store.sandboxes().insert(sandbox, Origin.TEMPLATE);
    return sandbox.id();
  }

  private EventReader read(Key key, String path, String... headers) {
    EventReader reader = EventReader.open(test.uri(), key.text(), path, headers);
    assertThat(reader.status).isEqualTo(200);
    assertThat(reader.headers.get("content-type")).startsWith("text/event-stream");
    return reader;
  }

  @Test
  void aKeyHearsOfItsOwnSandboxesOnly() {
    try (EventReader mine = read(one, EVENTS);
        EventReader others = read(other, EVENTS)) {
      mine.next();
      others.next();
      create(one);
      String theirs = create(other);
      String id = create(one);
      test.store.sandboxes().close(id, "idle", Instant.now());
      assertThat(mine.event().data()).contains(one.id());
      EventReader.Event created = mine.event();
      assertThat(created.type()).isEqualTo("sandbox.created");
      JsonNode body = JsonMapper.shared().readTree(created.data());
      assertThat(body.at("/data/sandbox_id").stringValue()).isEqualTo(id);
      assertThat(mine.event().data()).contains("sandbox.closed", id, "idle");
      assertThat(others.event().data()).contains(theirs);
      test.store.sandboxes().close(theirs, "deleted", Instant.now());
      assertThat(others.event().type()).isEqualTo("sandbox.closed");
    }
    Answer all = test.admin.get(EVENTS + "?after=0&follow=false");
    assertThat(all.text()).contains(one.id(), other.id());
  }

  @Test
  void everyEventKeepsToTheContract() {
    SandboxRecord parent = sandbox(one.id());
    test.store.sandboxes().insert(parent, Origin.TEMPLATE);
    test.store.sandboxes().insertForks(parent, List.of(sandbox(one.id()), sandbox(one.id())));
    Answer all = test.client(one.text()).get(EVENTS + "?after=0&follow=false");
    List<String> data = all.text().lines().filter(it -> it.startsWith("data: ")).toList();
    assertThat(data).hasSize(4);
    for (String each : data) {
      JsonNode event = JsonMapper.shared().readTree(each.substring(6));
      assertThat(TestServer.CONTRACT.fault("LifecycleEvent", event)).isEmpty();
    }
  }

  @Test
  void whoResumesGetsEachEventOnce() throws Exception {
    int count = 600;
    Thread writer =
        Thread.ofVirtual()
            .start(() -> IntStream.range(0, count).forEach(i -> create(i % 3 == 0 ? other : one)));
    List<Long> seen = new ArrayList<>();
    long last = 0;
    while (seen.size() < count * 2 / 3) {
      int most = random.nextInt(120);
      try (EventReader reader =
          last == 0
              ? read(one, EVENTS + "?after=0")
              : read(one, EVENTS, "Last-Event-ID: " + last)) {
        for (int i = 0; i < most && seen.size() < count * 2 / 3; i++) {
          Optional<EventReader.Event> event = reader.next();
          last = event.orElseThrow().id();
          event.filter(it -> !it.type().isEmpty()).ifPresent(it -> seen.add(it.id()));
        }
      }
    }
    writer.join();
    assertThat(seen).isSorted().doesNotHaveDuplicates();
    assertThat(seen)
        .isEqualTo(
            test.store.events().after(0, Optional.of(one.id()), 1000).events().stream()
                .map(it -> it.id())
                .toList());
  }

  @Test
  void aSilentStreamTellsHowFarItIs() {
    try (EventReader reader = read(one, EVENTS)) {
      assertThat(reader.next().orElseThrow().id()).isZero();
      create(other);
      create(other);
      assertThat(LongStream.generate(() -> reader.next().orElseThrow().id()).limit(9)).contains(2L);
    }
  }

  @Test
  void numbersThatAreNotThereAreRefused() {
    ApiClient client = test.client(one.text());
    create(one);
    Answer ahead = client.get(EVENTS + "?after=77");
    assertThat(ahead.status()).isEqualTo(410);
    assertThat(ApiClient.json(ahead).get("code").stringValue()).isEqualTo("events_gone");
    for (String wrong : List.of("?after=-1", "?after=x", "?follow=maybe", "?after=1&after=2")) {
      assertThat(client.get(EVENTS + wrong).status()).as(wrong).isEqualTo(400);
    }
    assertThat(client.call("GET", EVENTS, "", "Last-Event-ID", "x").status()).isEqualTo(400);
    assertThat(test.client("").get(EVENTS).status()).isEqualTo(401);
  }

  @Test
  void aReaderThatTakesNothingIsCutAndGoesOnWhereItWas() {
    SandboxRecord parent = sandbox(one.id());
    int children = 500;
    int rounds = 60; // of some 130 KB, more than the kernel's buffers hold
    List<EventReader.Event> seen = new ArrayList<>();
    try (EventReader reader = read(one, EVENTS)) {
      reader.next();
      for (int round = 0; round < rounds; round++) {
        List<SandboxRecord> forks =
            IntStream.range(0, children).mapToObj(_ -> sandbox(one.id())).toList();
        test.store.sandboxes().insertForks(parent, forks);
      }
      pause(Duration.ofSeconds(3)); // twice and more what a connection may stand still
      seen.addAll(reader.rest());
    }
    int total = rounds * (children + 1);
    assertThat(seen.size()).isLessThan(total);
    long last = seen.isEmpty() ? 0 : seen.getLast().id();
    String path = EVENTS + "?follow=false";
    try (EventReader reader = read(one, path, "Last-Event-ID: " + last)) {
      seen.addAll(reader.rest());
    }
    assertThat(seen)
        .extracting(EventReader.Event::id)
        .containsExactlyElementsOf(LongStream.rangeClosed(1, total).boxed().toList());
  }

  private static void pause(Duration time) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aRevokedKeyHearsNothingMore() {
    try (EventReader reader = read(one, EVENTS)) {
      reader.next();
      assertThat(test.admin.call("DELETE", "/v1/keys/" + one.id(), "").status()).isEqualTo(204);
      assertThat(reader.rest()).isEmpty();
    }
  }

  @Test
  void aKeyHasSoManyStreams() {
    List<EventReader> readers = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      readers.add(read(one, EVENTS));
    }
    Answer refused = test.client(one.text()).get(EVENTS);
    assertThat(refused.status()).isEqualTo(429);
    readers.forEach(EventReader::close);
    read(other, EVENTS).close();
  }

  @Test
  void aStopEndsTheStreams() {
    try (EventReader reader = read(one, EVENTS)) {
      reader.next();
      long began = System.nanoTime();
      test.server.close();
      assertThat(reader.rest()).isEmpty();
      assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(10));
    }
  }
}
