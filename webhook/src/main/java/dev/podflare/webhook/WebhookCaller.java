package dev.podflare.webhook;

import dev.podflare.store.EventRecord;
import dev.podflare.store.WebhookRecord;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.Proxy;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import okhttp3.ConnectionPool;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/**
 * Sends one event to one receiver, once. Nothing of ours goes along but the event: no key, no
 * cookie. No redirect is followed, no proxy used, and of the answer only its status counts.
 * Thread-safe.
 */
final class WebhookCaller implements AutoCloseable {
  private static final MediaType JSON = MediaType.get("application/json");
  private static final int MOST_READ = 8192;
  private static final int GONE = 410;

  private final OkHttpClient http;
  private final Clock clock;

  WebhookCaller(
      OkHttpClient.Builder builder, WebhookTargets targets, WebhookConfig config, Clock clock) {
    Duration deadline = config.deadline();
    this.clock = clock;
    this.http =
        builder
            .followRedirects(false)
            .followSslRedirects(false)
            .proxy(Proxy.NO_PROXY)
            .dns(targets::lookUp)
            .socketFactory(new CheckedSockets(targets))
            .protocols(List.of(Protocol.HTTP_1_1))
            .connectionPool(new ConnectionPool(config.atOnce(), 30, TimeUnit.SECONDS))
            .connectTimeout(deadline)
            .readTimeout(deadline)
            .writeTimeout(deadline)
            .callTimeout(deadline)
            .build();
  }

  Outcome send(WebhookRecord webhook, EventRecord event) {
    byte[] body = event.body().getBytes(StandardCharsets.UTF_8);
    String id = "evt_" + event.id();
    long seconds = clock.instant().getEpochSecond();
    Request request =
        new Request.Builder()
            .url(webhook.url())
            .header("User-Agent", "Podflare-Webhooks/1")
            .header("webhook-id", id)
            .header("webhook-timestamp", Long.toString(seconds))
            .header(
                "webhook-signature",
                WebhookSecret.parse(webhook.secret()).signature(id, seconds, body))
            .post(RequestBody.create(body, JSON))
            .build();
    try (Response response = http.newCall(request).execute()) {
      // So that the connection can be used again; who says more than that does not matter.
      response.body().source().request(MOST_READ);
      return outcome(response);
    } catch (IOException failed) {
      return new Outcome.Failed(sentence(failed), Optional.empty());
    }
  }

  private static Outcome outcome(Response response) {
    int status = response.code();
    if (response.isSuccessful()) {
      return new Outcome.Taken();
    }
    if (status == GONE) {
      return new Outcome.Unwanted();
    }
    Optional<Duration> retryAfter =
        Optional.ofNullable(response.header("Retry-After"))
            .filter(text -> text.matches("\\d{1,6}"))
            .map(text -> Duration.ofSeconds(Long.parseLong(text)));
    String note = response.isRedirect() ? ", and redirects are not followed" : "";
    return new Outcome.Failed("answered " + status + note, retryAfter);
  }

  /** Says what kind of failure it is; what else it knows may be of a network that is not theirs. */
  private static String sentence(IOException failed) {
    return switch (failed) {
      case UnknownHostException _ -> "the host is not known";
      case InterruptedIOException _ -> "did not answer in time";
      case SSLException tls -> "no TLS: " + shortened(String.valueOf(tls.getMessage()));
      default -> "no connection: " + shortened(String.valueOf(failed.getMessage()));
    };
  }

  private static String shortened(String text) {
    String line = text.lines().findFirst().orElse("");
    return line.length() > 200 ? line.substring(0, 200) + "…" : line;
  }

  @Override
  public void close() {
    http.dispatcher().cancelAll();
    http.connectionPool().evictAll();
  }
}
