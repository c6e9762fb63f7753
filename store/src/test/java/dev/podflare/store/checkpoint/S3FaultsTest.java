package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.store.checkpoint.FaultyProxy.Fault;
import dev.podflare.store.testing.S3Process;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** An S3 that refuses, hangs, crawls, or is cut in the middle of an object. */
@ResourceLock(Resources.SYSTEM_PROPERTIES) // an S3's key is one
class S3FaultsTest {
  private static final int ALWAYS = Integer.MAX_VALUE;
  private static final Duration DEADLINE = Duration.ofSeconds(2);

  private FaultyProxy proxy;
  private S3BlobsConfig config;
  private BlobStore blobs;

  @BeforeEach
  void open() throws IOException {
    S3Process s3 = S3Process.get();
    proxy = FaultyProxy.before(s3.port());
    config =
        S3BlobsConfig.at(proxy.endpoint(), s3.freshBucket().bucket(), "").withDeadline(DEADLINE);
    blobs = S3Blobs.open(config);
  }

  @AfterEach
  void close() {
    blobs.close();
    proxy.close();
  }

  private static byte[] noise(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  /** The deadline is a promise: a call that outlives it by far has lost its caller. */
  @ParameterizedTest
  @EnumSource(names = "NONE", mode = EnumSource.Mode.EXCLUDE)
  @Timeout(60)
  void noCallOutlivesItsDeadline(Fault fault) {
    blobs.put("chunks/ab/one", noise(100_000));
    proxy.fail(fault, ALWAYS);
    assertUnavailableInTime(() -> blobs.get("chunks/ab/one", 0, 200_000));
    if (fault != Fault.CUT) { // the answer to a put is shorter than what is cut
      assertUnavailableInTime(() -> blobs.put("chunks/ab/two", noise(100_000)));
    }
    proxy.heal();
    assertThat(blobs.get("chunks/ab/one", 0, 200_000)).hasValue(noise(100_000));
  }

  private static void assertUnavailableInTime(ThrowingCallable call) {
    long begun = System.nanoTime();
    assertThatThrownBy(call).satisfies(Codes.is(ErrorCode.STORE_UNAVAILABLE));
    assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(DEADLINE.multipliedBy(3));
  }

  @ParameterizedTest
  @EnumSource(names = {"REFUSE", "CUT", "LOSE", "SLOW_DOWN"})
  void aFaultThatEndsIsNotNoticed(Fault fault) {
    byte[] bytes = noise(100_000);
    blobs.put("chunks/ab/one", bytes);
    proxy.fail(fault, 1);
    assertThat(blobs.get("chunks/ab/one", 0, 200_000)).hasValue(bytes);
    proxy.fail(fault, 1);
    blobs.put("chunks/ab/two", bytes);
    assertThat(blobs.get("chunks/ab/two", 0, 200_000)).hasValue(bytes);
  }

  @Test
  void aPutIfAbsentWhoseAnswerWasLostIsOurOwn() {
    for (int i = 0; i < 5; i++) {
      proxy.fail(Fault.LOSE, 1);
      assertThat(blobs.putIfAbsent("gc/lease", new byte[] {1, (byte) i})).isTrue();
      assertThat(blobs.putIfAbsent("gc/lease", new byte[] {2, (byte) i})).isFalse();
      blobs.delete("gc/lease");
    }
  }

  @Test
  void aCheckpointThatMeetsAFaultIsNotPromisedAndTheStoreGoesOn() {
    CheckpointStoreConfig settings =
        CheckpointStoreConfig.defaults().withGrace(Duration.ofHours(1), Duration.ofSeconds(30));
    try (CheckpointStore store = CheckpointStore.open(S3Blobs.open(config), settings)) {
      String kept = write(store, 500_000);
      proxy.fail(Fault.REFUSE, ALWAYS);
      assertThatThrownBy(() -> write(store, 600_000))
          .satisfies(Codes.is(ErrorCode.STORE_UNAVAILABLE))
          .hasMessageContaining("s3://");
      assertThatThrownBy(() -> store.read(kept)).satisfies(Codes.is(ErrorCode.STORE_UNAVAILABLE));
      assertThatThrownBy(store::collect).satisfies(Codes.is(ErrorCode.STORE_UNAVAILABLE));
      proxy.heal();
      assertThat(store.ids()).containsExactly(kept);
      store.read(kept).read("memory", (offset, bytes) -> assertThat(bytes.hasRemaining()).isTrue());
      String late = write(store, 600_000);
      assertThat(store.ids()).containsExactlyInAnyOrder(kept, late);
    }
  }

  @Test
  void aWrongSecretIsSaidSo() {
    String right = System.setProperty("aws.secretAccessKey", "another");
    try (BlobStore denied = S3Blobs.open(config)) {
      assertThatThrownBy(() -> denied.put("chunks/ab/one", new byte[1]))
          .satisfies(Codes.is(ErrorCode.STORE_DENIED));
    } finally {
      System.setProperty("aws.secretAccessKey", String.valueOf(right));
    }
  }

  private static String write(CheckpointStore store, int length) {
    try (CheckpointWriter writer = store.begin()) {
      writer.write("memory", 0, ByteBuffer.wrap(noise(length)));
      return writer.commit("").id();
    }
  }
}
