package dev.podflare.store.checkpoint;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * Objects in a bucket of S3, or of a store that speaks as S3 does and shows what was written at
 * once to everybody. Credentials come by the SDK's usual chain: environment, system properties,
 * profile, role of the host. Failed attempts are repeated with pauses until the deadline.
 * Thread-safe.
 */
public final class S3Blobs implements BlobStore {
  private static final int ATTEMPTS = 4;
  private static final Duration CONNECT = Duration.ofSeconds(5);
  private static final byte[] NOTHING = new byte[0];
  private static final int SINGLE_PUT = 16 << 20;

  private final S3BlobsConfig config;
  private final S3Client client;
  private final S3MultipartPut multipart;
  private final String where;

  private S3Blobs(S3BlobsConfig config, S3Client client) {
    this.config = config;
    this.client = client;
    this.multipart = new S3MultipartPut(client, config.bucket());
    this.where = "s3://" + config.bucket() + "/" + config.prefix();
  }

  /** Asks nothing yet. */
  public static S3Blobs open(S3BlobsConfig config) {
    return new S3Blobs(config, client(config));
  }

  static S3Client client(S3BlobsConfig config) {
    Duration attempt = config.deadline().dividedBy(3);
    Duration connect = CONNECT.compareTo(attempt) < 0 ? CONNECT : attempt;
    S3ClientBuilder builder =
        S3Client.builder()
            .region(Region.of(config.region()))
            .forcePathStyle(config.pathStyle())
            // Others than AWS do not all know the newer checksums; ours are in the objects.
            .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
            .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
            .httpClientBuilder(
                UrlConnectionHttpClient.builder().connectionTimeout(connect).socketTimeout(attempt))
            .overrideConfiguration(it ->
                it.apiCallTimeout(config.deadline())
                    .apiCallAttemptTimeout(attempt)
                    .retryStrategy(retries -> retries.maxAttempts(ATTEMPTS)));
    config.endpoint().ifPresent(builder::endpointOverride);
    return builder.build();
  }

  private String key(String name) {
    return config.prefix() + BlobNames.checked(name);
  }

  @Override
  public void put(String name, byte[] bytes) {
    String key = key(name);
    asking(() ->
        bytes.length > SINGLE_PUT
            ? multipart.put(key, bytes)
            : client.putObject(
                it -> it.bucket(config.bucket()).key(key), RequestBody.fromBytes(bytes)));
  }

  /**
   * {@inheritDoc}
   *
   * <p>A store that cannot do this in one step is asked in two; then two callers at once may both
   * get true, which only matters while a new store is made by two hosts in the same instant.
   */
  @Override
  public boolean putIfAbsent(String name, byte[] bytes) {
    String key = key(name);
    return asking(() -> {
      try {
        client.putObject(
            it -> it.bucket(config.bucket()).key(key).ifNoneMatch("*"),
            RequestBody.fromBytes(bytes));
        return true;
      } catch (S3Exception e) {
        return putIfAbsentAfter(e, name, bytes);
      }
    });
  }

  private boolean putIfAbsentAfter(S3Exception refused, String name, byte[] bytes) {
    if (refused.statusCode() == 412 || refused.statusCode() == 409) {
      // Perhaps by an attempt of our own, whose answer was lost.
      return Arrays.equals(get(name, 0, bytes.length + 1).orElse(NOTHING), bytes);
    }
    if (refused.statusCode() != 501) {
      throw refused;
    }
    if (head(name).isPresent()) {
      return false;
    }
    put(name, bytes);
    return true;
  }

  /** What S3 has answered is durable. */
  @Override
  public void sync(Collection<String> names) {}

  @Override
  public Optional<byte[]> get(String name, long offset, int length) {
    String key = key(name);
    if (length == 0) {
      return head(name).map(it -> NOTHING);
    }
    String range = "bytes=" + offset + "-" + (offset + length - 1);
    return asking(() -> {
      try {
        return Optional.of(
            client.getObject(
                it -> it.bucket(config.bucket()).key(key).range(range), new S3Body(length)));
      } catch (S3Exception e) {
        return absentOrBeyond(e);
      }
    });
  }

  private static Optional<byte[]> absentOrBeyond(S3Exception e) {
    if (e.statusCode() == 416) {
      return Optional.of(NOTHING);
    }
    return absent(e);
  }

  private static <T> Optional<T> absent(S3Exception e) {
    if (e.statusCode() == 404 && !S3Errors.code(e).equals("NoSuchBucket")) {
      return Optional.empty();
    }
    throw e;
  }

  @Override
  public Optional<BlobInfo> head(String name) {
    String key = key(name);
    return asking(() -> {
      try {
        HeadObjectResponse head = client.headObject(it -> it.bucket(config.bucket()).key(key));
        return Optional.of(new BlobInfo(name, head.contentLength(), head.lastModified()));
      } catch (S3Exception e) {
        return absent(e);
      }
    });
  }

  @Override
  public List<BlobInfo> list(String prefix, String after, int limit) {
    ListObjectsV2Response page =
        asking(() ->
            client.listObjectsV2(it -> {
              it.bucket(config.bucket()).maxKeys(limit).prefix(config.prefix() + prefix);
              if (!after.isEmpty()) {
                it.startAfter(config.prefix() + after);
              }
            }));
    return page.contents().stream()
        .map(object ->
            new BlobInfo(
                object.key().substring(config.prefix().length()),
                object.size(),
                object.lastModified()))
        .toList();
  }

  @Override
  public void delete(String name) {
    String key = key(name);
    asking(() -> {
      try {
        client.deleteObject(it -> it.bucket(config.bucket()).key(key));
        return Optional.empty();
      } catch (S3Exception e) {
        return absent(e);
      }
    });
  }

  @Override
  public void tidy() {
    asking(() -> {
      multipart.abortOld(config.prefix());
      return true;
    });
  }

  private <T> T asking(Supplier<T> call) {
    try {
      return call.get();
    } catch (SdkException e) {
      throw S3Errors.of(where, e);
    } catch (RuntimeException e) {
      if (e instanceof PodflareException) {
        throw e;
      }
      throw new PodflareException(
          ErrorCode.STORE_UNAVAILABLE, "the checkpoint store " + where + " failed: " + e, e);
    }
  }

  @Override
  public void close() {
    client.close();
  }

  @Override
  public String toString() {
    return where;
  }
}
