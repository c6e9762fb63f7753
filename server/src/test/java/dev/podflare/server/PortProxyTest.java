package dev.podflare.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.GuestServer;
import dev.podflare.server.testing.RawHttp;
import dev.podflare.server.testing.TestServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Plain HTTP to a guest, by path. */
class PortProxyTest {
  private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

  @TempDir Path folder;
  private PortRig rig;

  @BeforeEach
  void start() {
    rig = new PortRig(folder);
  }

  @AfterEach
  void stop() {
    rig.close();
  }

  @Test
  void everyMethodReachesTheGuestWithItsOwnPathAndQuery() throws Exception {
    try (GuestServer guest = GuestServer.answering(OK)) {
      rig.guest(guest);
      for (String method :
          List.of("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "HEAD")) {
        Answer answer = rig.ask(method, "/a//b/%2e%2E/c%2Fd/?x=1&y=%20");
        assertThat(answer.status()).as(method).isEqualTo(200);
        assertThat(answer.text()).isEqualTo(method.equals("HEAD") ? "" : "ok");
        assertThat(answer.header("content-length")).hasValue("2");
        assertThat(guest.head().line())
            .isEqualTo(method + " /a//b/%2e%2E/c%2Fd/?x=1&y=%20 HTTP/1.1");
      }
      assertThat(rig.raw("GET /r/eu" + rig.prefix() + "/x HTTP/1.1", rig.keyLine()).text())
          .isEqualTo("ok");
      for (String method : List.of("TRACE", "CONNECT")) {
        assertThat(rig.ask(method, "/x").status()).as(method).isIn(400, 405);
      }
    }
  }

  @Test
  void thePortItselfLeadsToItsFolder() throws Exception {
    Answer answer = rig.ask("GET", "?x=1");
    assertThat(answer.status()).isEqualTo(308);
    assertThat(answer.header("location")).hasValue("8000/?x=1");
  }

  @Test
  void theGuestSeesWhoAsksByOurWordAlone() throws Exception {
    try (GuestServer guest = GuestServer.answering(OK)) {
      rig.guest(guest);
      rig.ask(
          "GET",
          "/",
          "X-Forwarded-For: 1.2.3.4",
          "x-forwarded-whatever: y",
          "Forwarded: for=1.2.3.4",
          "X-Real-IP: 1.2.3.4",
          "Connection: close, X-Dropped",
          "X-Dropped: 1",
          "Keep-Alive: timeout=5",
          "TE: trailers",
          "Proxy-Authorization: Basic eA==",
          "X-Kept: \u00e9");
      GuestServer.Head head = guest.head();
      assertThat(head.all("X-Forwarded-For")).containsExactly("127.0.0.1");
      assertThat(head.all("X-Forwarded-Host")).containsExactly("api.example:8787");
      assertThat(head.all("X-Forwarded-Proto")).containsExactly("http");
      assertThat(head.all("X-Forwarded-Prefix")).containsExactly(rig.prefix());
      assertThat(head.all("Host")).containsExactly("localhost:8000");
      assertThat(head.all("Connection")).containsExactly("close");
      assertThat(head.all("X-Kept")).containsExactly("\u00e9");
      for (String gone :
          List.of(
              "x-forwarded-whatever",
              "Forwarded",
              "X-Real-IP",
              "X-Dropped",
              "Keep-Alive",
              "TE",
              "Proxy-Authorization",
              "Authorization")) {
        assertThat(head.all(gone)).as(gone).isEmpty();
      }
    }
  }

  @Test
  void answersComeWithoutWhatIsOfOneConnectionOrOfTheWholeHost() throws Exception {
    try (GuestServer guest =
        GuestServer.answering(
            """
            HTTP/1.1 201 Made
            Content-Length: 0
            Connection: X-Gone
            X-Gone: 1
            Keep-Alive: 1
            Alt-Svc: h2=":1"
            Service-Worker-Allowed: /
            Clear-Site-Data: "*"
            Strict-Transport-Security: max-age=1
            Set-Cookie: a=1; Path=/; Domain=example.com; HttpOnly
            Set-Cookie: b=2; path=/app
            Set-Cookie: c=3
            Set-Cookie: pf_port=x
            Location: /login?x
            Date: Thu, 01 Jan 1970 00:00:00 GMT
            Content-Security-Policy: default-src 'self'
            X-Kept: 1

            """
                .replace("\n", "\r\n"))) {
      rig.guest(guest);
      Answer answer = rig.ask("GET", "/");
      assertThat(answer.status()).isEqualTo(201);
      assertThat(answer.headers())
          .containsKeys("x-kept", "x-request-id")
          .doesNotContainKeys(
              "x-gone",
              "keep-alive",
              "alt-svc",
              "service-worker-allowed",
              "clear-site-data",
              "strict-transport-security",
              "server");
      assertThat(answer.headers().get("set-cookie"))
          .containsExactly(
              "a=1; HttpOnly; Path=" + rig.prefix() + "/",
              "b=2; Path=" + rig.prefix() + "/app",
              "c=3; Path=" + rig.prefix() + "/");
      assertThat(answer.header("location")).hasValue(rig.prefix() + "/login?x");
      assertThat(answer.headers().get("date")).containsExactly("Thu, 01 Jan 1970 00:00:00 GMT");
      assertThat(answer.headers().get("content-security-policy"))
          .contains("default-src 'self'")
          .anyMatch(policy -> policy.startsWith("sandbox allow-scripts"));
    }
  }

  @Test
  void answersOfEveryKindOfLengthComeWhole() throws Exception {
    for (String answer :
        List.of(
            "HTTP/1.0 200 OK\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloEXTRA")) {
      try (GuestServer guest = GuestServer.answering(answer)) {
        rig.guest(guest);
        Answer got = rig.ask("GET", "/");
        assertThat(got.status()).as(answer).isEqualTo(200);
        assertThat(got.text()).as(answer).isEqualTo("hello");
        assertThat(got.headers()).doesNotContainKey("link");
      }
    }
    for (int status : List.of(204, 304, 404, 500, 599)) {
      try (GuestServer guest =
          GuestServer.answering("HTTP/1.1 " + status + " X\r\nContent-Length: 0\r\n\r\n")) {
        rig.guest(guest);
        assertThat(rig.ask("GET", "/").status()).isEqualTo(status);
      }
    }
  }

  @Test
  void aGuestThatIsNoServerIsToldApart() throws Exception {
    Answer none = rig.test.admin.get("/v1/sandboxes/" + rig.id + "/ports/8000/");
    assertThat(none.status()).isEqualTo(502);
    assertThat(code(none)).isEqualTo("port_not_listening");
    for (String answer :
        List.of(
            "",
            "rubbish\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: " + "x".repeat(40_000) + "\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")) {
      try (GuestServer guest = GuestServer.answering(answer)) {
        rig.guest(guest);
        Answer bad = rig.test.admin.get("/v1/sandboxes/" + rig.id + "/ports/8000/");
        assertThat(bad.status()).isEqualTo(502);
        assertThat(code(bad)).isEqualTo("bad_guest_answer");
      }
    }
  }

  @Test
  void anAnswerThatEndsTooEarlyIsCutAndNotCompleted() throws Exception {
    for (String answer :
        List.of(
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")) {
      try (GuestServer guest = GuestServer.answering(answer);
          RawHttp raw = rig.open()) {
        rig.guest(guest);
        raw.send(PortRig.head("GET " + rig.prefix() + "/ HTTP/1.1", rig.keyLine()));
        assertThatThrownBy(() -> raw.answer(false))
            .isInstanceOfAny(IOException.class, NumberFormatException.class);
      }
    }
  }

  @Test
  void eventsComeAsTheyAreSent() throws Exception {
    CountDownLatch seen = new CountDownLatch(1);
    try (GuestServer guest =
            GuestServer.start((_, _, out) -> {
              out.write(
                  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n"
                      .getBytes(StandardCharsets.US_ASCII));
              await(seen); // the second is sent only when the first was seen
              out.write("data: two\n\n".getBytes(StandardCharsets.US_ASCII));
            });
        RawHttp raw = rig.open()) {
      rig.guest(guest);
      raw.send(PortRig.head("GET " + rig.prefix() + "/events HTTP/1.1", rig.keyLine()));
      StringBuilder text = new StringBuilder();
      while (text.indexOf("data: one\n\n") < 0) {
        text.append((char) raw.read());
      }
      seen.countDown();
      while (text.indexOf("data: two\n\n") < 0) {
        text.append((char) raw.read());
      }
    }
  }

  @Test
  void bothDirectionsStreamAtOnce() throws Exception {
    try (GuestServer guest =
            GuestServer.start((_, in, out) -> {
              out.write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
              for (String size = GuestServer.line(in); !size.equals("0"); ) {
                out.write(in.readNBytes(Integer.parseInt(size, 16)));
                GuestServer.line(in);
                size = GuestServer.line(in);
              }
            });
        RawHttp raw = rig.open()) {
      rig.guest(guest);
      raw.send(
          PortRig.head(
              "POST " + rig.prefix() + "/echo HTTP/1.1",
              rig.keyLine(),
              "Transfer-Encoding: chunked"));
      StringBuilder text = new StringBuilder();
      for (String word : List.of("alpha", "bravo", "carol")) {
        raw.send("5\r\n" + word + "\r\n");
        while (text.indexOf(word) < 0) {
          text.append((char) raw.read());
        }
      }
      raw.send("0\r\n\r\n");
      while (text.indexOf("\r\n0\r\n\r\n") < 0) {
        text.append((char) raw.read());
      }
    }
  }

  @Test
  void aBodyKeepsItsFraming() throws Exception {
    try (GuestServer guest =
        GuestServer.start((head, in, out) -> {
          String length = head.all("Content-Length").getFirst();
          out.write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
          out.write(in.readNBytes(Integer.parseInt(length)));
        })) {
      rig.guest(guest);
      try (RawHttp raw = rig.open()) {
        raw.send(
            PortRig.head(
                    "PUT " + rig.prefix() + "/f HTTP/1.1",
                    rig.keyLine(),
                    "Content-Length: 5",
                    "Expect: 100-continue")
                + "hello");
        assertThat(raw.answer(false).orElseThrow().text()).isEqualTo("hello");
      }
      GuestServer.Head head = guest.head();
      assertThat(head.all("Transfer-Encoding")).isEmpty();
      assertThat(head.all("Expect")).isEmpty();
    }
  }

  static void await(CountDownLatch latch) throws IOException {
    try {
      if (!latch.await(10, TimeUnit.SECONDS)) {
        throw new IOException("nobody came");
      }
    } catch (InterruptedException stopped) {
      throw new IOException(stopped);
    }
  }

  static String code(Answer answer) {
    assertThat(TestServer.CONTRACT.fault("GET", "/v1/sandboxes/x/ports/1/y", answer)).isEmpty();
    return ApiClient.json(answer).get("code").stringValue();
  }
}
