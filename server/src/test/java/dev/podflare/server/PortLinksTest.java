package dev.podflare.server;

import static dev.podflare.server.testing.ApiClient.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.GuestServer;
import dev.podflare.server.testing.RawHttp;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Links to ports, and what stays secret on the way to a guest. */
class PortLinksTest {
  private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

  @TempDir Path folder;

  @Test
  void aTokenIsForOnePortOfOneSandboxUntilItExpires() throws Exception {
    AtomicReference<Instant> now = new AtomicReference<>(Instant.parse("2030-01-01T00:00:00Z"));
    InstantSource clock = now::get;
    PortLinks links = PortLinks.open(folder, clock);
    PortLinks.Link link = links.make("sbx_1", 80, Duration.ofMinutes(1), "key_1");
    assertThat(link.expiresAt()).isEqualTo("2030-01-01T00:01:00Z");
    assertThat(links.verify(link.token(), "sbx_1", 80).keyId()).isEqualTo("key_1");
    assertThat(PortLinks.open(folder, clock).verify(link.token(), "sbx_1", 80).left())
        .isEqualTo(Duration.ofMinutes(1));
    refused(() -> links.verify(link.token(), "sbx_1", 81));
    refused(() -> links.verify(link.token(), "sbx_2", 80));
    refused(() -> links.verify(link.token().replace("key_1", "key_2"), "sbx_1", 80));
    refused(() -> links.verify("9" + link.token(), "sbx_1", 80));
    refused(() -> links.verify(link.token() + "A", "sbx_1", 80));
    refused(() -> links.verify("", "sbx_1", 80));
    now.set(Instant.parse("2030-01-01T00:00:59Z"));
    assertThat(links.verify(link.token(), "sbx_1", 80).left()).isEqualTo(Duration.ofSeconds(1));
    now.set(Instant.parse("2030-01-01T00:01:00Z"));
    refused(() -> links.verify(link.token(), "sbx_1", 80));
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(folder.resolve("link.secret"))))
        .isEqualTo("rw-------");
    Files.delete(folder.resolve("link.secret"));
    now.set(Instant.parse("2030-01-01T00:00:00Z"));
    PortLinks other = PortLinks.open(folder, clock);
    refused(() -> other.verify(link.token(), "sbx_1", 80));
  }

  private static void refused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_LINK));
  }

  @Test
  void theFirstVisitBecomesACookieThatOpensThisPortAlone() throws Exception {
    try (PortRig rig = new PortRig(folder);
        GuestServer guest = GuestServer.answering(OK)) {
      rig.guest(guest);
      JsonNode link = link(rig, "{\"expires_in_seconds\":60}");
      assertThat(link.get("url").stringValue())
          .isEqualTo(
              rig.test.uri() + rig.prefix() + "/?pf_token=" + link.get("token").stringValue());
      String token = link.get("token").stringValue();
      Answer visit = rig.raw("GET " + rig.prefix() + "/a/b?x=1&pf_token=" + token + "&y HTTP/1.1");
      assertThat(visit.status()).isEqualTo(302);
      assertThat(visit.header("location")).hasValue("./b?x=1&y");
      String cookie = visit.header("set-cookie").orElseThrow();
      assertThat(cookie)
          .startsWith("pf_port=" + token + "; Path=" + rig.prefix() + "/; Max-Age=")
          .endsWith("; HttpOnly; SameSite=Lax");
      assertThat(guest.asked()).isZero();
      String sent = "Cookie: a=1; pf_port=" + token + "; b=2";
      Answer answer =
          rig.raw("GET " + rig.prefix() + "/a HTTP/1.1", sent, "Authorization: Basic eA==");
      assertThat(answer.text()).isEqualTo("ok");
      GuestServer.Head head = guest.head();
      assertThat(head.all("Cookie")).containsExactly("a=1; b=2");
      assertThat(head.all("Authorization")).containsExactly("Basic eA==");
      assertThat(head.toString()).doesNotContain(token);
      assertThat(rig.raw("GET " + rig.prefix() + "1/ HTTP/1.1", sent).status()).isEqualTo(401);
      String other = rig.prefix().replace(rig.id, rig.test.admin.create());
      assertThat(rig.raw("GET " + other + "/ HTTP/1.1", sent).status()).isEqualTo(401);
      assertThat(rig.raw("GET /v1/sandboxes HTTP/1.1", sent).status()).isEqualTo(401);
    }
  }

  @Test
  void otherRequestsTakeTheTokenAsTheyAre() throws Exception {
    try (PortRig rig = new PortRig(folder);
        GuestServer guest = GuestServer.answering(OK)) {
      rig.guest(guest);
      String token = link(rig, "{}").get("token").stringValue();
      for (String method : List.of("POST", "DELETE")) {
        Answer answer =
            rig.raw(
                method + " " + rig.prefix() + "/link?pf_token=" + token + " HTTP/1.1",
                "Content-Length: 0");
        assertThat(answer.text()).isEqualTo("ok");
        assertThat(guest.head().line()).isEqualTo(method + " /link HTTP/1.1");
      }
    }
  }

  @Test
  void aCookieLetsInThePortsOwnPagesOnly() throws Exception {
    try (PortRig rig = new PortRig(folder);
        GuestServer guest = GuestServer.answering(OK)) {
      rig.guest(guest);
      String cookie = "Cookie: pf_port=" + link(rig, "{}").get("token").stringValue();
      String get = "GET " + rig.prefix() + "/ HTTP/1.1";
      for (List<String> foreign :
          List.of(
              List.of("Origin: null"),
              List.of("Origin: http://evil.example"),
              List.of("Sec-Fetch-Site: cross-site"),
              List.of("Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors"))) {
        Answer answer = rig.raw(get, with(cookie, foreign));
        assertThat(answer.status()).as(foreign.toString()).isEqualTo(403);
      }
      for (List<String> own :
          List.of(
              List.of("Origin: http://api.example:8787", "Sec-Fetch-Site: same-origin"),
              List.of("Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"),
              List.of("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"))) {
        assertThat(rig.raw(get, with(cookie, own)).status()).as(own.toString()).isEqualTo(200);
      }
    }
  }

  @Test
  void aPageOfAnotherGuestShowsNoneInAFrameByACookie() throws Exception {
    PortsConfig ports = PortsConfig.defaults().withDomain(Optional.of("guests.example"));
    try (PortRig rig = new PortRig(folder, ports);
        GuestServer guest = GuestServer.answering(OK)) {
      rig.guest(guest);
      String cookie = "pf_port=" + link(rig, "{}").get("token").stringValue();
      String host = "Host: 8000-" + rig.id.replace('_', '-') + ".guests.example";
      List<String> framed =
          List.of(
              host,
              "Cookie: " + cookie,
              "Sec-Fetch-Site: same-site",
              "Sec-Fetch-Mode: navigate",
              "Sec-Fetch-Dest: iframe");
      for (String from :
          List.of("X: none", "Referer: https://8000-sbx-0.guests.example/", "Referer: %")) {
        Answer answer = rig.raw("GET / HTTP/1.1", with(from, framed));
        assertThat(answer.status()).as(from).isEqualTo(403);
      }
      for (String from :
          List.of("Referer: https://app.example/", "Referer: https://agents.company.example")) {
        assertThat(rig.raw("GET / HTTP/1.1", with(from, framed)).status()).as(from).isEqualTo(200);
      }
    }
  }

  @Test
  void cookiesOfTheSameNameLockNobodyOut() throws Exception {
    try (PortRig rig = new PortRig(folder);
        GuestServer guest = GuestServer.answering(OK)) {
      rig.guest(guest);
      String good = "pf_port=" + link(rig, "{}").get("token").stringValue();
      String get = "GET " + rig.prefix() + "/ HTTP/1.1";
      for (String cookies :
          List.of("pf_port=1; " + good, good + "; pf_port=1", "pf_port=; pf_port=2; " + good)) {
        assertThat(rig.raw(get, "Cookie: " + cookies).status()).as(cookies).isEqualTo(200);
        assertThat(guest.head().all("Cookie")).isEmpty();
      }
      Answer none = rig.raw(get, "Cookie: pf_port=1; pf_port=2");
      assertThat(none.status()).isEqualTo(401);
      assertThat(none.text()).contains("invalid_link");
    }
  }

  private static String[] with(String cookie, List<String> lines) {
    String[] all = new String[lines.size() + 1];
    all[0] = cookie;
    for (int i = 0; i < lines.size(); i++) {
      all[i + 1] = lines.get(i);
    }
    return all;
  }

  @Test
  void aLinkEndsWithItsKeyAndItsSandbox() throws Exception {
    try (PortRig rig = new PortRig(folder);
        GuestServer guest = GuestServer.answering(OK)) {
      rig.guest(guest);
      JsonNode made = json(rig.test.admin.post("/v1/keys", "{\"name\":\"x\"}"));
      ApiClient owner = rig.test.client(made.get("key").stringValue());
      String path = "/v1/sandboxes/" + owner.create() + "/ports/8000";
      String token = json(owner.post(path + "/link", "")).get("token").stringValue();
      String cookie = "Cookie: pf_port=" + token;
      assertThat(rig.raw("GET " + path + "/ HTTP/1.1", cookie).status()).isEqualTo(200);
      rig.test.admin.call("DELETE", "/v1/keys/" + made.get("id").stringValue(), "");
      Answer revoked = rig.raw("GET " + path + "/ HTTP/1.1", cookie);
      assertThat(revoked.status()).isEqualTo(401);
      assertThat(PortProxyTest.code(revoked)).isEqualTo("invalid_link");
      String mine = link(rig, "{}").get("token").stringValue();
      rig.test.admin.call("DELETE", "/v1/sandboxes/" + rig.id, "");
      // The fake engine keeps no tombstones; a real one answers 410.
      assertThat(rig.raw("GET " + rig.prefix() + "/?pf_token=" + mine + " HTTP/1.1").status())
          .isEqualTo(404);
    }
  }

  @Test
  void portsArePrivateToTheOwnersKeyWithItsScope() throws Exception {
    try (PortRig rig = new PortRig(folder);
        GuestServer guest = GuestServer.answering(OK)) {
      rig.guest(guest);
      String get = "GET " + rig.prefix() + "/ HTTP/1.1";
      assertThat(PortProxyTest.code(rig.raw(get))).isEqualTo("missing_authorization");
      assertThat(PortProxyTest.code(rig.raw(get, "Authorization: Bearer pf_live_wrong")))
          .isEqualTo("invalid_api_key");
      assertThat(PortProxyTest.code(rig.raw(get, "Cookie: pf_port=x"))).isEqualTo("invalid_link");
      String read =
          json(rig.test.admin.post("/v1/keys", "{\"name\":\"r\",\"scopes\":[\"read\"]}"))
              .get("key")
              .stringValue();
      assertThat(rig.raw(get, "Authorization: Bearer " + read).status()).isEqualTo(403);
      String stranger =
          json(rig.test.admin.post("/v1/keys", "{\"name\":\"s\"}")).get("key").stringValue();
      assertThat(rig.raw(get, "Authorization: Bearer " + stranger).status()).isEqualTo(404);
      assertThat(guest.asked()).isZero();
      for (String port : List.of("0", "65536", "x", "99999999999")) {
        String path = "/v1/sandboxes/" + rig.id + "/ports/" + port;
        assertThat(rig.test.admin.get(path + "/x").status()).as(port).isEqualTo(400);
        assertThat(rig.test.admin.post(path + "/link", "{}").status()).as(port).isEqualTo(400);
      }
      assertThat(
              rig.test
                  .admin
                  .post(rig.prefix() + "/link", "{\"expires_in_seconds\":604801}")
                  .status())
          .isEqualTo(400);
    }
  }

  @Test
  void byHostNameEveryPathIsTheGuests() throws Exception {
    PortsConfig named = PortsConfig.defaults().withDomain(Optional.of("Sandboxes.example.com"));
    try (PortRig rig = new PortRig(folder, named);
        GuestServer guest =
            GuestServer.answering(
                """
                HTTP/1.1 302 Found
                Location: /next
                Set-Cookie: a=1; Domain=example.com; Path=/x
                Content-Length: 0

                """
                    .replace("\n", "\r\n"))) {
      rig.guest(guest);
      String host = "8000-" + rig.id.replace('_', '-') + ".sandboxes.example.com:8787";
      Answer answer =
          rig.raw(
              "GET /v1/keys HTTP/1.1",
              "Host: " + host.toUpperCase(java.util.Locale.ROOT),
              rig.keyLine());
      assertThat(answer.status()).isEqualTo(302);
      assertThat(answer.header("location")).hasValue("/next");
      assertThat(answer.header("set-cookie")).hasValue("a=1; Path=/x");
      assertThat(answer.headers()).doesNotContainKey("content-security-policy");
      assertThat(guest.head().all("Host")).containsExactly(host.toUpperCase(java.util.Locale.ROOT));
      String underscore = host.replace("sbx-", "sbx_");
      assertThat(rig.raw("GET / HTTP/1.1", "Host: " + underscore, rig.keyLine()).status())
          .isEqualTo(302);
      assertThat(rig.raw("GET / HTTP/1.1", "Host: x.sandboxes.example.com").status())
          .isEqualTo(404);
      JsonNode link = link(rig, "{}");
      assertThat(link.get("url").stringValue())
          .startsWith(
              "http://8000-"
                  + rig.id.replace('_', '-')
                  + ".sandboxes.example.com:"
                  + rig.test.server.port()
                  + "/?pf_token=");
      Answer visit =
          rig.raw(
              "GET //evil.example/?pf_token=" + link.get("token").stringValue() + " HTTP/1.1",
              "Host: " + host);
      assertThat(visit.header("location")).hasValue("./");
      assertThat(visit.header("set-cookie").orElseThrow()).contains("; Path=/; ");
    }
  }

  @Test
  void whatALinkHasOpenedEndsWithIt() throws Exception {
    CountDownLatch ended = new CountDownLatch(1);
    try (PortRig rig = new PortRig(folder, PortRig.quick());
        GuestServer guest =
            GuestServer.start((head, _, out) -> {
              boolean events = head.line().contains("events");
              out.write(
                  ("HTTP/1.1 200 OK\r\nContent-Type: "
                          + (events ? "text/event-stream; charset=utf-8" : "text/plain")
                          + "\r\n\r\ndata: one\n\n")
                      .getBytes(StandardCharsets.US_ASCII));
              trickle(out, ended);
            });
        RawHttp events = rig.open();
        RawHttp download = rig.open();
        RawHttp byKey = rig.open()) {
      rig.guest(guest);
      String token = link(rig, "{\"expires_in_seconds\":2}").get("token").stringValue();
      String cookie = "Cookie: pf_port=" + token;
      events.send(PortRig.head("GET " + rig.prefix() + "/events HTTP/1.1", cookie));
      download.send(PortRig.head("GET " + rig.prefix() + "/file HTTP/1.1", cookie));
      byKey.send(PortRig.head("GET " + rig.prefix() + "/file HTTP/1.1", rig.keyLine()));
      Answer whole = events.answer(false).orElseThrow(); // with its last chunk
      assertThat(whole.status()).isEqualTo(200);
      assertThat(whole.text()).startsWith("data: one");
      String part = rest(download);
      assertThat(part).contains("data: one").doesNotContain("\r\n0\r\n");
      Answer late = rig.raw("GET " + rig.prefix() + "/events HTTP/1.1", cookie);
      assertThat(late.status()).isEqualTo(401);
      ended.countDown();
      assertThat(byKey.answer(false).orElseThrow().text()).contains("data: two").endsWith("end");
    } finally {
      ended.countDown();
    }
  }

  /** Something every now and then, so that it is not cut for its silence. */
  private static void trickle(OutputStream out, CountDownLatch ended) throws IOException {
    try {
      while (!ended.await(100, TimeUnit.MILLISECONDS)) {
        out.write("data: two\n\n".getBytes(StandardCharsets.US_ASCII));
      }
      out.write("end".getBytes(StandardCharsets.US_ASCII));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static String rest(RawHttp raw) {
    StringBuilder all = new StringBuilder();
    try {
      for (int c = raw.read(); c >= 0; c = raw.read()) {
        all.append((char) c);
      }
    } catch (IOException reset) {
      // As good an end as any.
    }
    return all.toString();
  }

  @Test
  void anAnswerThatHasNotBegunWhenALinkEndsIsARefusal() throws Exception {
    CountDownLatch ended = new CountDownLatch(1);
    try (PortRig rig = new PortRig(folder);
        GuestServer guest = GuestServer.start((_, _, _) -> PortProxyTest.await(ended))) {
      rig.guest(guest);
      String token = link(rig, "{\"expires_in_seconds\":1}").get("token").stringValue();
      Answer answer = rig.raw("GET " + rig.prefix() + "/slow HTTP/1.1", "Cookie: pf_port=" + token);
      assertThat(answer.status()).isEqualTo(401);
      assertThat(answer.text()).contains("invalid_link", "expired");
    } finally {
      ended.countDown();
    }
  }

  private static JsonNode link(PortRig rig, String body) {
    return json(rig.test.admin.post(rig.prefix() + "/link", body));
  }
}
