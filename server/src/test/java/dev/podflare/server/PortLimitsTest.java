package dev.podflare.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.GuestServer;
import dev.podflare.server.testing.RawHttp;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How much a guest and its callers may hold, and for how long. */
class PortLimitsTest {
  private static final int MEGABYTE = 1 << 20;
  private static final int LARGE = 64 * MEGABYTE;

  @TempDir Path folder;

  private static GuestServer silent() throws IOException {
    return GuestServer.start((_, in, _) -> in.skipNBytes(Long.MAX_VALUE));
  }

  @Test
  void aGuestThatNeverAnswersIsTimedOut() throws Exception {
    try (PortRig rig = new PortRig(folder, PortRig.quick());
        GuestServer guest = silent()) {
      rig.guest(guest);
      Answer answer = rig.ask("GET", "/");
      assertThat(answer.status()).isEqualTo(504);
      assertThat(PortProxyTest.code(answer)).isEqualTo("timed_out");
    }
  }

  @Test
  void aSandboxHasSoManyConnectionsAndTheApiAllOfItsOwn() throws Exception {
    try (PortRig rig = new PortRig(folder, PortRig.quick());
        GuestServer guest = silent()) {
      rig.guest(guest);
      List<RawHttp> held = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        RawHttp raw = rig.open();
        raw.send(PortRig.head("GET " + rig.prefix() + "/ HTTP/1.1", rig.keyLine()));
        guest.head();
        held.add(raw);
      }
      Answer fifth = rig.ask("GET", "/");
      assertThat(fifth.status()).isEqualTo(429);
      assertThat(PortProxyTest.code(fifth)).isEqualTo("too_many_connections");
      assertThat(rig.test.admin.get("/metrics").text())
          .contains("podflare_http_requests_in_flight 1.0");
      for (RawHttp raw : held) {
        assertThat(raw.answer(false).orElseThrow().status()).isEqualTo(504);
        raw.close();
      }
      assertThat(rig.ask("GET", "/").status()).isEqualTo(504);
    }
  }

  /** A page of a web application is a hundred of them. */
  @Test
  void requestsToAPortAreNotThoseOfTheKeysMinute() throws Exception {
    try (PortRig rig = new PortRig(folder);
        GuestServer guest =
            GuestServer.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) {
      rig.guest(guest);
      String key =
          ApiClient.json(
                  rig.test.admin.post(
                      "/v1/keys", "{\"name\":\"x\",\"limits\":{\"requests_per_minute\":2}}"))
              .get("key")
              .stringValue();
      String id =
          ApiClient.json(rig.test.client(key).post("/v1/sandboxes", "{}")).get("id").stringValue();
      String path = rig.prefix().replace(rig.id, id);
      for (int i = 0; i < 10; i++) {
        Answer answer = rig.raw("GET " + path + "/ HTTP/1.1", "Authorization: Bearer " + key);
        assertThat(answer.status()).isEqualTo(200);
      }
      assertThat(rig.test.client(key).get("/v1/info").status()).isEqualTo(200);
      assertThat(rig.test.client(key).get("/v1/info").status()).isEqualTo(429);
    }
  }

  @Test
  void aLargeAnswerIsReadNoFasterThanItIsTaken() throws Exception {
    AtomicLong written = new AtomicLong();
    try (PortRig rig = new PortRig(folder);
        GuestServer guest = GuestServer.start((_, _, out) -> large(out, written));
        RawHttp raw = rig.open()) {
      rig.guest(guest);
      raw.send(PortRig.head("GET " + rig.prefix() + "/ HTTP/1.1", rig.keyLine()));
      assertThat(raw.read()).isEqualTo('H');
      long stalled = awaitStall(written);
      // What the kernel's buffers hold, far from all of it.
      assertThat(stalled).isLessThan(LARGE / 2);
      assertThat(raw.skip(LARGE)).isEqualTo(LARGE);
    }
  }

  private static void large(OutputStream out, AtomicLong written) throws IOException {
    out.write(
        ("HTTP/1.1 200 OK\r\nContent-Length: " + LARGE + "\r\n\r\n")
            .getBytes(StandardCharsets.US_ASCII));
    byte[] piece = new byte[64 * 1024];
    for (long all = 0; all < LARGE; all += piece.length) {
      out.write(piece);
      written.addAndGet(piece.length);
    }
  }

  @Test
  void aLargeBodyIsTakenNoFasterThanTheGuestReadsIt() throws Exception {
    AtomicLong sent = new AtomicLong();
    AtomicLong read = new AtomicLong();
    CountDownLatch gate = new CountDownLatch(1);
    try (PortRig rig = new PortRig(folder);
        GuestServer guest =
            GuestServer.start((_, in, out) -> {
              PortProxyTest.await(gate);
              read.set(count(in));
              out.write("HTTP/1.1 200 OK\r\n\r\nread".getBytes(StandardCharsets.US_ASCII));
            });
        RawHttp raw = rig.open()) {
      rig.guest(guest);
      Thread sender = Thread.ofVirtual().start(() -> upload(rig, raw, sent));
      assertThat(awaitStall(sent)).isLessThan(LARGE / 2);
      gate.countDown();
      assertThat(raw.answer(false).orElseThrow().text()).isEqualTo("read");
      sender.join();
      assertThat(read.get()).isEqualTo(LARGE);
    }
  }

  private static long count(InputStream in) throws IOException {
    byte[] piece = new byte[64 * 1024];
    long all = 0;
    while (all < LARGE) {
      int size = in.read(piece);
      if (size < 0) {
        return all;
      }
      all += size;
    }
    return all;
  }

  private static void upload(PortRig rig, RawHttp raw, AtomicLong sent) {
    try {
      raw.send(
          PortRig.head(
              "PUT " + rig.prefix() + "/ HTTP/1.1", rig.keyLine(), "Content-Length: " + LARGE));
      byte[] piece = new byte[64 * 1024];
      while (sent.get() < LARGE) {
        raw.send(piece);
        sent.addAndGet(piece.length);
      }
    } catch (IOException cut) {
      throw new AssertionError(cut);
    }
  }

  /** Waits until the count has begun and stands still. */
  private static long awaitStall(AtomicLong count) {
    AtomicLong last = new AtomicLong(-1);
    Awaitility.await()
        .pollInterval(java.time.Duration.ofMillis(300))
        .until(() -> count.get() > 0 && last.getAndSet(count.get()) == count.get());
    return count.get();
  }

  @Test
  void aGuestThatAnswersBeforeItHasReadEverythingIsHeard() throws Exception {
    try (PortRig rig = new PortRig(folder);
        GuestServer guest =
            GuestServer.answering("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno");
        RawHttp raw = rig.open()) {
      rig.guest(guest);
      raw.send(
          PortRig.head(
              "PUT " + rig.prefix() + "/ HTTP/1.1", rig.keyLine(), "Content-Length: 1000000"));
      raw.send("some of it");
      Answer answer = raw.answer(false).orElseThrow();
      assertThat(answer.status()).isEqualTo(413);
      assertThat(answer.text()).isEqualTo("no");
    }
  }

  @Test
  void aStoppingServerLetsRequestsEndAndThenCutsThem() throws Exception {
    try (GuestServer guest = silent();
        PortRig rig = new PortRig(folder);
        RawHttp raw = rig.open()) {
      rig.guest(guest);
      raw.send(PortRig.head("GET " + rig.prefix() + "/ HTTP/1.1", rig.keyLine()));
      guest.head();
      rig.test.server.close();
      var answer = raw.answer(false);
      assertThat(answer.map(Answer::status).orElse(503)).isEqualTo(503);
    }
  }
}
