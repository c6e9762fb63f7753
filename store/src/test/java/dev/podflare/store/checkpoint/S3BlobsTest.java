package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.store.testing.S3Process;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ResourceAccessMode;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;

@ResourceLock(value = Resources.SYSTEM_PROPERTIES, mode = ResourceAccessMode.READ)
class S3BlobsTest extends BlobStoreContract {
  @Override
  BlobStore open() {
    return S3Blobs.open(S3Process.get().freshBucket());
  }

  @Test
  void aBucketThatIsNotThereIsSaidSo() {
    S3BlobsConfig config = S3BlobsConfig.at(S3Process.get().endpoint(), "no-such-bucket", "");
    try (BlobStore blobs = S3Blobs.open(config)) {
      assertThatThrownBy(() -> CheckpointStore.open(blobs, CheckpointStoreConfig.defaults()))
          .satisfies(Codes.is(ErrorCode.STORE_DENIED))
          .hasMessageContaining("s3://no-such-bucket/");
    }
  }

  @Test
  void prefixesKeepStoresApart() {
    S3BlobsConfig one = S3Process.get().freshBucket();
    S3BlobsConfig other = S3BlobsConfig.at(S3Process.get().endpoint(), one.bucket(), "other/");
    try (BlobStore first = S3Blobs.open(one);
        BlobStore second = S3Blobs.open(other)) {
      first.put("store.json", new byte[3]);
      assertThat(second.head("store.json")).isEmpty();
      assertThat(second.list("", "", 10)).isEmpty();
      assertThat(first.list("", "", 10)).hasSize(1);
    }
  }

  @Test
  void tidyingHarmsNothing() {
    try (BlobStore blobs = open()) {
      blobs.put("store.json", new byte[3]);
      blobs.tidy();
      assertThat(blobs.head("store.json")).isPresent();
    }
  }
}
