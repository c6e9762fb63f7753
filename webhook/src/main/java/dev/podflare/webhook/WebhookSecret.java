package dev.podflare.webhook;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The key of a webhook's signatures, after <a
 * href="https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md">Standard
 * Webhooks</a>. A value.
 */
final class WebhookSecret {
  private static final String PREFIX = "whsec_";
  private static final int BYTES = 32;
  private static final int FEWEST = 24;
  private static final int MOST = 64;
  private static final SecureRandom RANDOM = new SecureRandom();

  private final byte[] key;

  private WebhookSecret(byte[] key) {
    this.key = key;
  }

  static WebhookSecret random() {
    byte[] key = new byte[BYTES];
    RANDOM.nextBytes(key);
    return new WebhookSecret(key);
  }

  /** {@code INVALID_FIELD} if it is not {@code whsec_} and base64 of 24 to 64 bytes. */
  static WebhookSecret parse(String text) {
    try {
      if (text.startsWith(PREFIX)) {
        byte[] key = Base64.getDecoder().decode(text.substring(PREFIX.length()));
        if (key.length >= FEWEST && key.length <= MOST) {
          return new WebhookSecret(key);
        }
      }
    } catch (IllegalArgumentException noBase64) {
      // Said below.
    }
    throw new PodflareException(
        ErrorCode.INVALID_FIELD,
        "'secret' must be whsec_ and base64 of 24 to 64 bytes",
        Map.of("field", "secret"));
  }

  /** As the receiver is told it. */
  String text() {
    return PREFIX + Base64.getEncoder().encodeToString(key);
  }

  /** Value of {@code webhook-signature}. {@code seconds}: since the epoch. */
  String signature(String id, long seconds, byte[] body) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      mac.update((id + "." + seconds + ".").getBytes(StandardCharsets.UTF_8));
      return "v1," + Base64.getEncoder().encodeToString(mac.doFinal(body));
    } catch (GeneralSecurityException impossible) {
      throw new IllegalStateException("every Java has HmacSHA256", impossible);
    }
  }
}
