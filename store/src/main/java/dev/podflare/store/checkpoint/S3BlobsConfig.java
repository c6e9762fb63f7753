package dev.podflare.store.checkpoint;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/**
 * Where objects are in S3, or in a store that speaks as S3 does.
 *
 * @param bucket which must be there
 * @param prefix before every name: empty, or a folder with a slash at its end
 * @param region as the bucket's; of other stores any, for example {@code us-east-1}
 * @param endpoint of a store that is not AWS
 * @param pathStyle the bucket is in the path and not in the host's name; most others need it
 * @param deadline of a call with all its attempts, from 1 s; an attempt has a third of it
 */
public record S3BlobsConfig(
    String bucket,
    String prefix,
    String region,
    Optional<URI> endpoint,
    boolean pathStyle,
    Duration deadline) {
  public S3BlobsConfig {
    require(!bucket.isBlank(), "bucket must be named");
    require(
        prefix.isEmpty() || (prefix.endsWith("/") && !prefix.startsWith("/")),
        "prefix must be empty or end with a slash and not begin with one, not '" + prefix + "'");
    require(!region.isBlank(), "region must be named, for example us-east-1");
    require(
        deadline.compareTo(Duration.ofSeconds(1)) >= 0,
        "deadline must be at least 1 s, not " + deadline);
  }

  /** A bucket of AWS. */
  public static S3BlobsConfig aws(String bucket, String prefix, String region) {
    return new S3BlobsConfig(
        bucket, prefix, region, Optional.empty(), false, Duration.ofSeconds(60));
  }

  /** A bucket of another store. */
  public static S3BlobsConfig at(URI endpoint, String bucket, String prefix) {
    return new S3BlobsConfig(
        bucket, prefix, "us-east-1", Optional.of(endpoint), true, Duration.ofSeconds(60));
  }

  public S3BlobsConfig withDeadline(Duration newDeadline) {
    return new S3BlobsConfig(bucket, prefix, region, endpoint, pathStyle, newDeadline);
  }

  private static void require(boolean right, String otherwise) {
    if (!right) {
      throw new PodflareException(ErrorCode.INVALID_CONFIG, "S3: " + otherwise);
    }
  }
}
