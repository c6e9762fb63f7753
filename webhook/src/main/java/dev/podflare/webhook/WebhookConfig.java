package dev.podflare.webhook;

import java.time.Duration;

/**
 * How webhooks are sent.
 *
 * @param perKey webhooks of one key
 * @param deadline of one attempt, from the look-up of the name to the end of the answer
 * @param firstPause between the first attempt and the second; each further one is twice as long
 * @param longestPause between two attempts
 * @param givenUpAfter an event is not tried again so long after its first attempt
 * @param disabledAfter a receiver that has taken nothing for so long gets nothing any more
 * @param atOnce attempts at the same time, over all webhooks
 * @param atOnceToOne the same, to one webhook
 * @param queued events that wait for one webhook; more wait in the records until there is room
 */
public record WebhookConfig(
    int perKey,
    Duration deadline,
    Duration firstPause,
    Duration longestPause,
    Duration givenUpAfter,
    Duration disabledAfter,
    int atOnce,
    int atOnceToOne,
    int queued) {

  public static WebhookConfig defaults() {
    return new WebhookConfig(
        10,
        Duration.ofSeconds(15),
        Duration.ofSeconds(1),
        Duration.ofHours(1),
        Duration.ofHours(24),
        Duration.ofDays(3),
        256,
        4,
        1000);
  }
}
