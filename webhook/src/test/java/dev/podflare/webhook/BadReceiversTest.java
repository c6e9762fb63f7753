package dev.podflare.webhook;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.store.WebhookRecord;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Receivers that are slow, wrong or gone. */
class BadReceiversTest {
  @TempDir Path folder;
  private WebhookRig rig;
  private Receiver receiver;

  @BeforeEach
  void start() {
    rig = new WebhookRig(folder);
    receiver = Receiver.start();
  }

  @AfterEach
  void stop() {
    rig.close();
    receiver.close();
  }

  private void fails(WebhookRecord webhook, String error) {
    WebhookRig.until(() -> rig.look(webhook).lastError().isPresent());
    assertThat(rig.look(webhook).lastError().orElseThrow()).contains(error);
    assertThat(rig.look(webhook).failingSince()).isPresent();
    assertThat(rig.webhooks.pending(webhook)).isPositive();
  }

  @Test
  void redirectsAreNotFollowed() {
    try (Receiver other = Receiver.start()) {
      receiver.answering((exchange, _) -> {
        exchange.getResponseHeaders().set("Location", other.url());
        exchange.sendResponseHeaders(receiver.messages().size() % 2 == 0 ? 307 : 302, -1);
      });
      WebhookRecord webhook = rig.add(receiver.url());
      rig.create("sbx_1");
      fails(webhook, "redirects are not followed");
      WebhookRig.until(() -> receiver.messages().size() > 1);
      assertThat(other.messages()).isEmpty();
    }
  }

  @Test
  void aSlowReceiverHoldsUpNobodyElse() {
    receiver.answering((exchange, _) -> {
      pause(Duration.ofSeconds(3));
      exchange.sendResponseHeaders(200, -1);
    });
    try (Receiver good = Receiver.start()) {
      WebhookRecord slow = rig.add(receiver.url());
      rig.add(good.url());
      IntStream.range(0, 20).forEach(i -> rig.create("sbx_" + i));
      WebhookRig.until(() -> good.messages().size() == 20);
      fails(slow, "did not answer in time");
      assertThat(receiver.mostAtOnce()).isLessThanOrEqualTo(12); // 4, and those given up
    }
  }

  @Test
  void anAnswerWithoutEndIsNotReadToItsEnd() {
    receiver.answering((exchange, _) -> {
      exchange.sendResponseHeaders(200, 0);
      try (OutputStream out = exchange.getResponseBody()) {
        byte[] block = new byte[1 << 16];
        for (int i = 0; i < 10_000; i++) {
          out.write(block);
        }
      }
    });
    WebhookRecord webhook = rig.add(receiver.url());
    rig.create("sbx_1");
    WebhookRig.until(() -> rig.look(webhook).lastSuccessAt().isPresent());
    assertThat(receiver.messages()).hasSize(1);
  }

  @Test
  void anAnswerThatTricklesIsCut() {
    receiver.answering((exchange, _) -> {
      exchange.sendResponseHeaders(200, 0);
      try (OutputStream out = exchange.getResponseBody()) {
        for (int i = 0; i < 100; i++) {
          out.write('x');
          out.flush();
          pause(Duration.ofMillis(100));
        }
      }
    });
    WebhookRecord webhook = rig.add(receiver.url());
    rig.create("sbx_1");
    fails(webhook, "did not answer in time");
  }

  private static void pause(Duration time) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void whoIsGoneIsDisabled() {
    receiver.answering(Receiver.status(410));
    WebhookRecord webhook = rig.add(receiver.url());
    rig.create("sbx_1");
    rig.end("sbx_1");
    WebhookRig.until(() -> rig.look(webhook).disabledAt().isPresent());
    assertThat(rig.look(webhook).disabledReason()).contains("the receiver answered 410 Gone");
    assertThat(rig.webhooks.pending(webhook)).isZero();
    receiver.answering(Receiver.status(200));
    rig.create("sbx_2");
    pause(Duration.ofSeconds(2));
    assertThat(receiver.messages()).hasSize(1);
  }

  @Test
  void whoTakesNothingForLongIsDisabledAndItIsSaidWhy() {
    rig.with(it -> change(it, it.givenUpAfter(), Duration.ofSeconds(2)));
    receiver.answering(Receiver.status(503));
    WebhookRecord webhook = rig.add(receiver.url());
    rig.create("sbx_1");
    WebhookRig.until(() -> rig.look(webhook).disabledAt().isPresent());
    assertThat(rig.look(webhook).disabledReason().orElseThrow())
        .contains("has taken nothing since", "answered 503");
  }

  @Test
  void anEventIsGivenUpAndTheNextOfItsSandboxSent() {
    rig.with(it -> change(it, Duration.ofSeconds(1), it.disabledAfter()));
    receiver.answering((exchange, message) -> {
      boolean bad = message.json().get("type").stringValue().equals("sandbox.created");
      exchange.sendResponseHeaders(bad ? 400 : 200, -1);
    });
    WebhookRecord webhook = rig.add(receiver.url());
    rig.create("sbx_1");
    rig.end("sbx_1");
    WebhookRig.until(() -> rig.look(webhook).lastSuccessAt().isPresent());
    assertThat(receiver.messages().getLast().json().get("type").stringValue())
        .isEqualTo("sandbox.closed");
    assertThat(receiver.messages().size()).isGreaterThan(2);
  }

  private static WebhookConfig change(WebhookConfig it, Duration givenUp, Duration disabled) {
    return new WebhookConfig(
        it.perKey(),
        it.deadline(),
        it.firstPause(),
        it.longestPause(),
        givenUp,
        disabled,
        it.atOnce(),
        it.atOnceToOne(),
        it.queued());
  }

  @Test
  void whoAsksForTimeGetsIt() {
    rig.with(it ->
        new WebhookConfig(
            3,
            it.deadline(),
            it.firstPause(),
            Duration.ofSeconds(3),
            it.givenUpAfter(),
            it.disabledAfter(),
            16,
            4,
            50));
    Instant[] times = new Instant[2];
    receiver.answering((exchange, _) -> {
      int attempt = receiver.messages().size() - 1;
      times[attempt] = Instant.now();
      exchange.getResponseHeaders().set("Retry-After", "2");
      exchange.sendResponseHeaders(attempt == 0 ? 429 : 200, -1);
    });
    rig.add(receiver.url());
    rig.create("sbx_1");
    WebhookRig.until(() -> receiver.messages().size() == 2);
    assertThat(Duration.between(times[0], times[1])).isGreaterThan(Duration.ofMillis(1900));
  }

  /** As a daemon that was killed in the middle of an attempt leaves it. */
  @Test
  void whatAKilledDaemonWasSendingIsSentAgain() {
    WebhookRecord webhook = rig.add(receiver.url());
    rig.webhooks.close();
    rig.create("sbx_1");
    rig.end("sbx_1");
    Instant now = Instant.now();
    WebhookRecord read = rig.store.webhooks().find(webhook.id()).orElseThrow();
    var events = rig.store.events().after(0, read.eventsOf(), 10);
    assertThat(rig.store.deliveries().enqueue(read, events.events(), events.position(), now))
        .isTrue();
    assertThat(rig.store.deliveries().enqueue(read, events.events(), events.position(), now))
        .isFalse();
    var due = rig.store.deliveries().due(webhook.id(), now, 10);
    assertThat(due).hasSize(1);
    Instant until = now.plusSeconds(3);
    assertThat(rig.store.deliveries().claim(due.getFirst(), now, until)).isPresent();
    assertThat(rig.store.deliveries().claim(due.getFirst(), now, until)).isEmpty();
    assertThat(rig.store.deliveries().due(webhook.id(), now, 10)).isEmpty();
    rig.restart();
    WebhookRig.until(() -> receiver.messages().size() == 2);
    assertThat(Instant.now()).isAfterOrEqualTo(until);
  }
}
