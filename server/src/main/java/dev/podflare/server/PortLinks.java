package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Signed links to one port of one sandbox. A token says until when it holds and whose key made it,
 * and is the HMAC-SHA256 of that, the sandbox and the port, with a secret of this data folder.
 * Deleting {@code link.secret} ends all links at the next start. Thread-safe.
 */
final class PortLinks {
  static final Duration USUAL = Duration.ofHours(1);
  static final Duration LONGEST = Duration.ofDays(7);

  private static final Pattern TOKEN =
      Pattern.compile("([0-9]{1,12})\\.([A-Za-z0-9_]{1,80})\\.([A-Za-z0-9_-]{43})");
  private static final SecureRandom RANDOM = new SecureRandom();

  private final SecretKeySpec secret;
  private final InstantSource clock;

  private PortLinks(String secret, InstantSource clock) {
    this.secret = new SecretKeySpec(secret.getBytes(StandardCharsets.US_ASCII), "HmacSHA256");
    this.clock = clock;
  }

  /** Makes the secret at the first start. */
  static PortLinks open(Path dataFolder, InstantSource clock) {
    return new PortLinks(
        SecretFile.open(dataFolder.resolve("link.secret"), PortLinks::random).text(), clock);
  }

  private static String random() {
    byte[] bytes = new byte[32];
    RANDOM.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  /** A link's secret part. */
  record Link(String token, Instant expiresAt) {}

  /**
   * What a good token says.
   *
   * @param left how long it still holds
   */
  record Grant(String keyId, Duration left) {}

  Link make(String sandboxId, int port, Duration life, String keyId) {
    Instant until = clock.instant().plus(life).truncatedTo(ChronoUnit.SECONDS);
    String seconds = Long.toString(until.getEpochSecond());
    return new Link(
        seconds + "." + keyId + "." + signature(sandboxId, port, seconds, keyId), until);
  }

  /** Throws {@code INVALID_LINK} if the token is not for this port, or no longer. */
  Grant verify(String token, String sandboxId, int port) {
    Matcher parts = TOKEN.matcher(token);
    if (!parts.matches()) {
      throw refused("this is no link's token");
    }
    String wanted = signature(sandboxId, port, parts.group(1), parts.group(2));
    if (!MessageDigest.isEqual(
        wanted.getBytes(StandardCharsets.US_ASCII),
        parts.group(3).getBytes(StandardCharsets.US_ASCII))) {
      throw refused("the link is not for this port of this sandbox");
    }
    Duration left =
        Duration.between(clock.instant(), Instant.ofEpochSecond(Long.parseLong(parts.group(1))));
    if (left.isZero() || left.isNegative()) {
      throw refused("the link has expired");
    }
    return new Grant(parts.group(2), left);
  }

  static PodflareException refused(String sentence) {
    return new PodflareException(ErrorCode.INVALID_LINK, sentence);
  }

  private String signature(String sandboxId, int port, String seconds, String keyId) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(secret);
      String text = String.join("\n", "port link", sandboxId, "" + port, seconds, keyId);
      return Base64.getUrlEncoder()
          .withoutPadding()
          .encodeToString(mac.doFinal(text.getBytes(StandardCharsets.UTF_8)));
    } catch (GeneralSecurityException impossible) {
      throw new IllegalStateException("every Java has HMAC-SHA256", impossible);
    }
  }
}
