package dev.podflare.cli;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.LocalEngine;
import dev.podflare.store.checkpoint.BlobStore;
import dev.podflare.store.checkpoint.CachedBlobs;
import dev.podflare.store.checkpoint.CheckpointStore;
import dev.podflare.store.checkpoint.CheckpointStoreConfig;
import dev.podflare.store.checkpoint.FolderBlobs;
import dev.podflare.store.checkpoint.S3Blobs;
import dev.podflare.store.checkpoint.S3BlobsConfig;
import dev.podflare.store.checkpoint.StoreKey;
import java.net.URI;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Turns the daemon's words about the checkpoint store into one. Stateless. */
final class StoreSettings {
  static final String KEY = "PODFLARE_STORE_KEY";
  static final String SECRETS_KEY = "PODFLARE_SECRETS_KEY";
  private static final long USUAL_CACHE_MEBIBYTES = 10_240;

  private StoreSettings() {}

  /** By default a folder in the data folder, not encrypted. */
  static CheckpointStore open(
      ServeFile.StorePart part, Path data, Map<String, String> environment) {
    CheckpointStoreConfig config = CheckpointStoreConfig.defaults();
    Optional<StoreKey> key = key(part, environment);
    return CheckpointStore.open(
        blobs(part, data), key.isPresent() ? config.withKey(key.get()) : config);
  }

  /** Key of the values of secrets; empty: one that is made and kept in the data folder. */
  static Optional<StoreKey> secretsKey(Map<String, String> environment) {
    return Optional.ofNullable(environment.get(SECRETS_KEY))
        .filter(it -> !it.isBlank())
        .map(it -> StoreKey.parse(it, SECRETS_KEY));
  }

  private static Optional<StoreKey> key(ServeFile.StorePart part, Map<String, String> environment) {
    Optional<String> text = Optional.ofNullable(environment.get(KEY)).filter(it -> !it.isBlank());
    if (text.isPresent() && part.keyFile().isPresent()) {
      throw refused("store.key_file and " + KEY + " are both set; leave one out");
    }
    return part.keyFile().map(StoreKey::read).or(() -> text.map(it -> StoreKey.parse(it, KEY)));
  }

  private static BlobStore blobs(ServeFile.StorePart part, Path data) {
    URI url =
        part.url().map(StoreSettings::parse).orElseGet(LocalEngine.checkpointFolder(data)::toUri);
    return switch (String.valueOf(url.getScheme())) {
      case "file" -> FolderBlobs.open(Path.of(url));
      case "s3" -> cached(S3Blobs.open(s3(url, part)), part, data);
      default -> throw refused("store.url must begin with file:// or s3://, not " + url);
    };
  }

  private static BlobStore cached(BlobStore far, ServeFile.StorePart part, Path data) {
    long limit = part.cacheMebibytes().orElse(USUAL_CACHE_MEBIBYTES);
    if (limit < 0) {
      throw refused("store.cache_mebibytes must not be negative");
    }
    return limit == 0
        ? far
        : CachedBlobs.open(far, data.resolve("store-cache"), DataSize.ofMebibytes(limit));
  }

  private static S3BlobsConfig s3(URI url, ServeFile.StorePart part) {
    if (url.getHost() == null) {
      throw refused("store.url names no bucket: " + url);
    }
    String path = url.getPath().replaceFirst("^/", "");
    String prefix = path.isEmpty() || path.endsWith("/") ? path : path + "/";
    S3BlobsConfig config =
        part.endpoint()
            .map(endpoint -> S3BlobsConfig.at(parse(endpoint), url.getHost(), prefix))
            .orElseGet(() -> S3BlobsConfig.aws(url.getHost(), prefix, "us-east-1"));
    return new S3BlobsConfig(
        config.bucket(),
        config.prefix(),
        part.region().orElse(config.region()),
        config.endpoint(),
        config.pathStyle(),
        config.deadline());
  }

  private static URI parse(String text) {
    try {
      return URI.create(text);
    } catch (IllegalArgumentException e) {
      throw refused("not an address: " + text);
    }
  }

  private static PodflareException refused(String sentence) {
    return new PodflareException(ErrorCode.INVALID_CONFIG, sentence);
  }
}
