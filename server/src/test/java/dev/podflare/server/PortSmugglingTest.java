package dev.podflare.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.GuestServer;
import dev.podflare.server.testing.RawHttp;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A guest gets one request with one meaning, whatever was sent. */
class PortSmugglingTest {
  private static final String HIDDEN = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";

  @TempDir Path folder;

  /** Takes all bytes of a connection until none come, and hands them over. */
  private static GuestServer recording(BlockingQueue<String> all) throws IOException {
    return GuestServer.start((head, in, out) -> {
      out.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      all.add(String.join("\n", head.lines()) + "\n\n" + rest(in));
    });
  }

  private static String rest(InputStream in) throws IOException {
    ByteArrayOutputStream rest = new ByteArrayOutputStream();
    for (int c = in.read(); c >= 0; c = in.read()) {
      rest.write(c);
    }
    return rest.toString(StandardCharsets.ISO_8859_1);
  }

  @Test
  void requestsWithTwoMeaningsAreRefused() throws Exception {
    BlockingQueue<String> seen = new LinkedBlockingQueue<>();
    try (PortRig rig = new PortRig(folder);
        GuestServer guest = recording(seen)) {
      rig.guest(guest);
      for (List<String> lines :
          List.of(
              List.of("Content-Length: 4", "Transfer-Encoding: chunked"),
              List.of("Content-Length: 4", "Content-Length: 5"),
              List.of("Transfer-Encoding: chunked, identity"),
              List.of("Transfer-Encoding: xchunked"),
              List.of("Transfer-Encoding : chunked"),
              List.of("Content-Length: +4"),
              List.of("Content-Length: 4, 5"),
              List.of("X: a\rGET /hidden HTTP/1.1"),
              List.of("X: a\u0000b"),
              List.of("X: a", " folded: b"),
              List.of("Host: a", "Host: b"))) {
        String[] all = new String[lines.size() + 1];
        all[0] = rig.keyLine();
        for (int i = 0; i < lines.size(); i++) {
          all[i + 1] = lines.get(i);
        }
        Optional<Answer> answer =
            ask(
                rig,
                PortRig.head("POST " + rig.prefix() + "/ HTTP/1.1", all) + "0\r\n\r\n" + HIDDEN);
        assertThat(answer.orElseThrow().status()).as(lines.toString()).isIn(400, 501);
      }
      assertThat(seen).isEmpty();
    }
  }

  private static Optional<Answer> ask(PortRig rig, String bytes) throws IOException {
    try (RawHttp raw = rig.open()) {
      raw.send(bytes);
      return raw.answer(false);
    }
  }

  @Test
  void whatFollowsABodyIsAnotherRequest() throws Exception {
    BlockingQueue<String> seen = new LinkedBlockingQueue<>();
    try (PortRig rig = new PortRig(folder);
        GuestServer guest = recording(seen);
        RawHttp raw = rig.open()) {
      rig.guest(guest);
      raw.send(
          PortRig.head(
                  "POST " + rig.prefix() + "/ HTTP/1.1",
                  rig.keyLine(),
                  "Transfer-Encoding: chunked",
                  "Connection: Content-Length, Transfer-Encoding")
              + "3;ext=\"x\"\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n"
              + HIDDEN);
      assertThat(raw.answer(false).orElseThrow().status()).isEqualTo(200);
      // The second is no request for the guest, since it names neither sandbox nor key.
      assertThat(raw.answer(false).orElseThrow().status()).isEqualTo(401);
      assertThat(next(seen)).endsWith("\n\n3\r\nabc\r\n0\r\n\r\n").doesNotContain("hidden");
    }
  }

  @Test
  void headersCannotBreakOutOfTheirLine() throws Exception {
    BlockingQueue<String> seen = new LinkedBlockingQueue<>();
    try (PortRig rig = new PortRig(folder);
        GuestServer guest = recording(seen)) {
      rig.guest(guest);
      String get = PortRig.head("GET " + rig.prefix() + "/a%0d%0aX:%20b HTTP/1.1", rig.keyLine());
      assertThat(ask(rig, get).orElseThrow().status()).isEqualTo(200);
      assertThat(next(seen)).startsWith("GET /a%0d%0aX:%20b HTTP/1.1\n");
      String raw = PortRig.head("GET " + rig.prefix() + "/\u00e9 HTTP/1.1", rig.keyLine());
      assertThat(ask(rig, raw).orElseThrow().status()).isEqualTo(400);
      String long1 =
          PortRig.head(
              "GET " + rig.prefix() + "/ HTTP/1.1", rig.keyLine(), "X: " + "x".repeat(20_000));
      assertThat(ask(rig, long1).orElseThrow().status()).isEqualTo(431);
      assertThat(seen).isEmpty();
    }
  }

  @Test
  void aBodyThatEndsTooEarlyIsNotTakenForAWholeOne() throws Exception {
    BlockingQueue<String> seen = new LinkedBlockingQueue<>();
    try (PortRig rig = new PortRig(folder);
        GuestServer guest =
            GuestServer.start((head, in, out) -> {
              try {
                seen.add(rest(in));
              } catch (IOException reset) {
                seen.add("reset");
              }
            })) {
      rig.guest(guest);
      for (String framing : List.of("Content-Length: 100", "Transfer-Encoding: chunked")) {
        try (RawHttp raw = rig.open()) {
          raw.send(
              PortRig.head("POST " + rig.prefix() + "/ HTTP/1.1", rig.keyLine(), framing)
                  + (framing.startsWith("T") ? "5\r\nab" : "ab"));
          raw.endOfOutput();
          raw.answer(false);
        }
        assertThat(next(seen)).doesNotContain("0\r\n\r\n");
      }
    }
  }

  private static String next(BlockingQueue<String> seen) throws InterruptedException {
    String next = seen.poll(10, TimeUnit.SECONDS);
    if (next == null) {
      throw new AssertionError("the guest got nothing");
    }
    return next;
  }
}
