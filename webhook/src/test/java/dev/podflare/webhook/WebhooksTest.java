package dev.podflare.webhook;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.standardwebhooks.Webhook;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.store.KeyLimits;
import dev.podflare.store.WebhookRecord;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is sent, and in which order. */
class WebhooksTest {
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

  private void arrived(int count) {
    WebhookRig.until(() -> receiver.messages().size() >= count);
    assertThat(receiver.messages()).hasSize(count);
  }

  @Test
  void whatArrivesIsSignedAndSaysNothingElse() throws Exception {
    WebhookRecord webhook = rig.add(receiver.url());
    rig.create("sbx_1");
    rig.end("sbx_1");
    arrived(2);
    Webhook verifier = new Webhook(webhook.secret());
    for (Receiver.Message message : receiver.messages()) {
      verifier.verify(message.body(), message.headers());
      assertThatThrownBy(() -> verifier.verify(message.body() + " ", message.headers()))
          .isInstanceOf(Exception.class);
    }
    Receiver.Message first = receiver.messages().getFirst();
    assertThat(first.json().propertyNames()).containsExactly("type", "timestamp", "data");
    assertThat(first.json().get("type").stringValue()).isEqualTo("sandbox.created");
    assertThat(first.sandbox()).isEqualTo("sbx_1");
    assertThat(first.headers().map().keySet())
        .extracting(name -> name.toLowerCase(java.util.Locale.ROOT))
        .containsExactlyInAnyOrder(
            "accept-encoding",
            "connection",
            "content-length",
            "content-type",
            "host",
            "user-agent",
            "webhook-id",
            "webhook-signature",
            "webhook-timestamp");
    WebhookRig.until(() -> rig.look(webhook).lastSuccessAt().isPresent());
    assertThat(rig.webhooks.pending(webhook)).isZero();
  }

  @Test
  void aSecretOfTheCallersIsUsed() throws Exception {
    String secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    rig.webhooks.add(
        new Webhooks.Wish(WebhookRig.KEY, false, receiver.url(), List.of(), Optional.of(secret)));
    rig.create("sbx_1");
    arrived(1);
    Receiver.Message message = receiver.messages().getFirst();
    new Webhook(secret).verify(message.body(), message.headers());
  }

  @Test
  void onlyWhatIsWantedIsSent() {
    rig.create("sbx_before");
    rig.add(receiver.url(), "sandbox.closed", "sandbox.closed");
    rig.create("sbx_1");
    rig.create("sbx_b", "key_b");
    rig.end("sbx_b");
    rig.end("sbx_1");
    arrived(1);
    assertThat(receiver.sandboxes()).containsExactly("sbx_1");
    rig.webhooks.add(
        new Webhooks.Wish("key_admin", true, receiver.url(), List.of(), Optional.empty()));
    rig.create("sbx_c", "key_c");
    arrived(2);
  }

  @Test
  void whatFailsIsSentAgainAndTheSandboxesLaterEventsWait() {
    List<String> taken = new ArrayList<>();
    receiver.answering((exchange, message) -> {
      boolean fails =
          message.sandbox().equals("sbx_bad")
              && receiver.messages().stream().filter(it -> it.id().equals(message.id())).count()
                  < 4;
      if (!fails) {
        synchronized (taken) {
          taken.add(message.sandbox() + " " + message.json().get("type").stringValue());
        }
      }
      exchange.sendResponseHeaders(fails ? 500 : 200, -1);
    });
    WebhookRecord webhook = rig.add(receiver.url());
    rig.create("sbx_bad");
    rig.end("sbx_bad");
    rig.create("sbx_good");
    rig.end("sbx_good");
    WebhookRig.until(() -> rig.look(webhook).lastError().isPresent());
    assertThat(rig.look(webhook).lastError()).contains("answered 500");
    WebhookRig.until(() -> taken.size() == 4);
    assertThat(taken)
        .containsExactly(
            "sbx_good sandbox.created",
            "sbx_good sandbox.closed",
            "sbx_bad sandbox.created",
            "sbx_bad sandbox.closed");
    WebhookRig.until(() -> rig.webhooks.pending(webhook) == 0);
    assertThat(rig.look(webhook).failingSince()).isEmpty();
    assertThat(rig.look(webhook).lastError()).isEmpty();
  }

  @Test
  void whatWaitsOutlivesARestart() {
    WebhookRecord webhook = rig.add(receiver.url());
    int port = receiver.port();
    receiver.close();
    rig.create("sbx_1");
    WebhookRig.until(() -> rig.look(webhook).lastError().isPresent());
    rig.end("sbx_1");
    rig.webhooks.close();
    rig.create("sbx_2");
    rig.restart();
    receiver = Receiver.start(port);
    arrived(3);
    assertThat(receiver.sandboxes()).containsExactlyInAnyOrder("sbx_1", "sbx_1", "sbx_2");
  }

  @Test
  void moreThanTheQueueHoldsComesInItsOrder() {
    rig.add(receiver.url());
    rig.webhooks.close();
    int count = 300;
    rig.create("sbx_0");
    rig.end("sbx_0");
    IntStream.range(1, count).forEach(i -> rig.create("sbx_" + i));
    rig.restart();
    arrived(count + 1);
    assertThat(Set.copyOf(receiver.sandboxes())).hasSize(count);
    assertThat(receiver.mostAtOnce()).isBetween(2, 4);
    List<String> types =
        receiver.messages().stream()
            .filter(it -> it.sandbox().equals("sbx_0"))
            .map(it -> it.json().get("type").stringValue())
            .toList();
    assertThat(types).containsExactly("sandbox.created", "sandbox.closed");
  }

  @Test
  void ofARevokedKeyNothingIsSentAndOfADeletedWebhookNeither() {
    String key = rig.store.keys().create("k", false, List.of(), KeyLimits.none()).key().id();
    rig.addFor(key, receiver.url());
    WebhookRecord deleted = rig.addFor("key_d", receiver.url());
    rig.create("sbx_1", key);
    arrived(1);
    rig.store.keys().delete(key);
    rig.webhooks.delete(Optional.of("key_other"), deleted.id());
    rig.webhooks.delete(Optional.of("key_d"), deleted.id());
    rig.webhooks.delete(Optional.of("key_d"), deleted.id());
    rig.end("sbx_1");
    rig.create("sbx_2", "key_d");
    rig.add(receiver.url());
    rig.create("sbx_3");
    arrived(2);
    assertThat(receiver.sandboxes()).containsExactly("sbx_1", "sbx_3");
  }

  @Test
  void aClockThatIsSetBackHoldsNothingUp() {
    Duration pause = Duration.ofSeconds(2);
    WebhookConfig quick = WebhookRig.quick();
    rig.with(_ ->
        new WebhookConfig(
            3,
            quick.deadline(),
            pause,
            pause,
            quick.givenUpAfter(),
            quick.disabledAfter(),
            4,
            4,
            50));
    receiver.answering(Receiver.status(500));
    WebhookRecord webhook = rig.add(receiver.url());
    rig.create("sbx_1");
    WebhookRig.until(() -> rig.look(webhook).lastError().isPresent());
    receiver.answering(Receiver.status(204));
    rig.clock.set(Duration.ofHours(-1));
    rig.end("sbx_1");
    WebhookRig.until(() -> rig.look(webhook).lastSuccessAt().isPresent());
    WebhookRig.until(() -> rig.webhooks.pending(webhook) == 0);
    String seconds =
        receiver.messages().getLast().headers().firstValue("webhook-timestamp").orElseThrow();
    Instant signed = Instant.ofEpochSecond(Long.parseLong(seconds));
    assertThat(signed)
        .as("by the clock as it is now")
        .isBetween(rig.clock.instant().minusSeconds(60), rig.clock.instant());
  }

  @Test
  void aKeyHasSoManyAndSeesItsOwn() {
    IntStream.range(0, 3).forEach(_ -> rig.add(receiver.url()));
    refused(ErrorCode.TOO_MANY_WEBHOOKS, () -> rig.add(receiver.url()));
    WebhookRecord other = rig.addFor("key_b", receiver.url());
    assertThat(rig.webhooks.list(Optional.of(WebhookRig.KEY))).hasSize(3);
    assertThat(rig.webhooks.list(Optional.empty())).hasSize(4).contains(other);
    refused(
        ErrorCode.WEBHOOK_NOT_FOUND,
        () -> rig.webhooks.find(Optional.of(WebhookRig.KEY), other.id()));
    assertThat(other.toString()).doesNotContain(other.secret());
  }

  @Test
  void whatMakesNoSenseIsRefused() {
    for (String url :
        List.of(
            "",
            "x",
            "ftp://127.0.0.1/",
            "http://",
            "http://u:p@127.0.0.1/",
            "http://u@127.0.0.1",
            "http://127.0.0.1/" + "a".repeat(2048),
            "file:///etc/passwd",
            "http://none.invalid/")) {
      refused(ErrorCode.INVALID_FIELD, () -> rig.add(url));
    }
    refused(ErrorCode.INVALID_FIELD, () -> rig.add(receiver.url(), "sandbox.eaten"));
    for (String secret :
        List.of("", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_short", "whsec_%")) {
      Webhooks.Wish wish =
          new Webhooks.Wish("key", false, receiver.url(), List.of(), Optional.of(secret));
      refused(ErrorCode.INVALID_FIELD, () -> rig.webhooks.add(wish));
    }
    assertThat(rig.webhooks.list(Optional.empty())).isEmpty();
  }

  private static void refused(ErrorCode code, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(PodflareException.class, e -> assertThat(e.code()).isEqualTo(code));
  }
}
