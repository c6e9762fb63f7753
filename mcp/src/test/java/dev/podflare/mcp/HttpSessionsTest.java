package dev.podflare.mcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class HttpSessionsTest {
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final Duration IDLE = Duration.ofMinutes(10);

  private final AtomicReference<Instant> now = new AtomicReference<>(Instant.EPOCH);
  private final HttpSessions sessions =
      new HttpSessions(new SessionLimits(3, 2, 3, 2, IDLE, 1000), now::get, "1");

  @Test
  void aSessionIsItsKeysOwn() {
    HttpSession session = open("one");
    assertThat(sessions.get(session.id(), "one")).isSameAs(session);
    notFound(session.id(), "other");
    notFound("unknown", "one");
    sessions.close(session);
    notFound(session.id(), "one");
  }

  @Test
  void thereAreOnlySoMany() {
    open("one");
    HttpSession second = open("one");
    refused("one");
    open("other");
    refused("third");
    sessions.close(second);
    open("third");
  }

  @Test
  void anIdleSessionIsEndedAndOneThatIsHeardOfIsNot() {
    HttpSession idle = open("one");
    HttpSession heard = open("one");
    now.set(Instant.EPOCH.plus(IDLE));
    sessions.get(heard.id(), "one");
    now.set(Instant.EPOCH.plus(IDLE).plusSeconds(1));
    sessions.sweep();
    notFound(idle.id(), "one");
    assertThat(sessions.get(heard.id(), "one")).isSameAs(heard);
  }

  @Test
  void idleSessionsGiveWayToNewOnes() {
    open("one");
    open("one");
    refused("one");
    now.set(Instant.EPOCH.plus(IDLE).plusSeconds(1));
    open("one");
    assertThat(sessions.size()).isEqualTo(1);
  }

  @Test
  void answersAreKeptAsLongAsThereIsRoom() throws Exception {
    HttpSession session = open("one");
    String first = call(session, 1);
    assertThat(session.after(first)).isPresent();
    for (int count = 2; count < 20; count++) {
      call(session, count);
    }
    assertThat(session.after(first)).isEmpty();
    assertThat(session.after(call(session, 20))).isPresent();
    assertThat(session.after("nonsense")).isEmpty();
    assertThat(session.after("999-0")).isEmpty();
  }

  @Test
  void onlySoManyCallsAreAtWork() {
    HttpSession one = open("one");
    HttpSession two = open("one");
    HttpSession other = open("other");
    MessageStream first = waiting(one);
    waiting(two);
    tooMany(() -> waiting(one));
    waiting(other);
    tooMany(() -> waiting(other));
    first.end();
    waiting(two);
    sessions.close(one);
    sessions.close(two);
    waiting(open("one"));
  }

  /** A call that does not end by itself. */
  private MessageStream waiting(HttpSession session) {
    return sessions.begin(
        session,
        request(
            "{\"id\":\""
                + java.util.UUID.randomUUID()
                + "\",\"method\":\"tools/call\",\"params\":{\"name\":\"test_wait\"}}"));
  }

  private static void tooMany(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            PodflareException.class,
            it -> assertThat(it.code()).isEqualTo(ErrorCode.TOO_MANY_CONNECTIONS));
  }

  @Test
  void whatIsAskedInVainIsAnError() {
    HttpSession session = open("one");
    assertThat(text(session.answer(request("{\"id\":1,\"method\":\"no/such\"}")).orElseThrow()))
        .contains("-32601");
    assertThat(
            text(
                session
                    .answer(
                        request(
                            "{\"id\":1,\"method\":\"resources/read\",\"params\":{\"uri\":\"x\"}}"))
                    .orElseThrow()))
        .contains("-32002");
  }

  /** Place of the stream's beginning, once it has ended. */
  private String call(HttpSession session, int id) throws InterruptedException {
    MessageStream stream =
        sessions.begin(
            session,
            request(
                "{\"id\":"
                    + id
                    + ",\"method\":\"tools/call\",\"params\":{\"name\":\"test_simple_text\"}}"));
    String said = text(stream.next(0, PATIENCE).orElseThrow().message());
    assertThat(said).contains("simple text response");
    return stream.id() + "-0";
  }

  private HttpSession open(String owner) {
    HttpSession session = sessions.open(owner, new FixtureFeatures());
    String asked =
        "{\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\"}}";
    assertThat(text(session.answer(request(asked)).orElseThrow()))
        .contains("\"protocolVersion\":\"2025-06-18\"");
    return session;
  }

  private void refused(String owner) {
    tooMany(() -> sessions.open(owner, new FixtureFeatures()));
  }

  private void notFound(String id, String owner) {
    assertThatThrownBy(() -> sessions.get(id, owner))
        .isInstanceOfSatisfying(
            PodflareException.class,
            it -> assertThat(it.code()).isEqualTo(ErrorCode.MCP_SESSION_NOT_FOUND));
  }

  private static Incoming.Request request(String fields) {
    String message = "{\"jsonrpc\":\"2.0\"," + fields.substring(1);
    return (Incoming.Request) Incoming.parse(message.getBytes(StandardCharsets.UTF_8));
  }

  private static String text(byte[] message) {
    return new String(message, StandardCharsets.UTF_8);
  }
}
