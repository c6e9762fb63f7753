package dev.podflare.store.checkpoint;

import dev.podflare.common.DataSize;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * A process that writes, deletes and collects until it is killed, and says on its output what it
 * promises: {@code committed ID SEED} after a commit, {@code deleting ID} before a delete.
 */
final class StoreChild {
  private static final int CONTENTS = 5;
  private static final int PARTS = 3;
  private static final int PART_BYTES = 60_000;

  private StoreChild() {}

  static CheckpointStoreConfig config(int graceSeconds) {
    return new CheckpointStoreConfig(
        Duration.ofSeconds(graceSeconds),
        Duration.ofMillis(graceSeconds * 1000L / 12),
        4,
        DataSize.ofMebibytes(2),
        Optional.of(StoreKey.of(new byte[32])));
  }

  /** {@code folder PATH}, or {@code s3 ENDPOINT BUCKET}. */
  static BlobStore blobs(List<String> place) {
    return place.getFirst().equals("folder")
        ? FolderBlobs.open(Path.of(place.get(1)))
        : S3Blobs.open(S3BlobsConfig.at(URI.create(place.get(1)), place.get(2), ""));
  }

  static Process start(List<String> place, int graceSeconds, Path output) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            "-Daws.accessKeyId=local-identity",
            "-Daws.secretAccessKey=local-credential",
            "-cp",
            System.getProperty("java.class.path"),
            StoreChild.class.getName(),
            Integer.toString(graceSeconds)));
    command.addAll(place);
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(output.toFile())
        .start();
  }

  public static void main(String[] args) {
    CheckpointStore store =
        CheckpointStore.open(
            blobs(List.of(args).subList(1, args.length)), config(Integer.parseInt(args[0])));
    Thread.ofPlatform().daemon().start(() -> collect(store));
    List<String> mine = new ArrayList<>();
    Random random = new Random();
    while (true) {
      try {
        churn(store, mine, random);
      } catch (RuntimeException refused) {
        say("refused " + refused.getMessage());
      }
    }
  }

  private static void collect(CheckpointStore store) {
    while (true) {
      try {
        GcReport report = store.collect();
        say("collected " + report.deletedChunks() + " " + report.problems());
        Thread.sleep(100);
      } catch (RuntimeException | InterruptedException refused) {
        say("refused " + refused.getMessage());
      }
    }
  }

  private static void churn(CheckpointStore store, List<String> mine, Random random) {
    int seed = (int) (System.nanoTime() / 1_000_000_000) + random.nextInt(CONTENTS);
    try (CheckpointWriter writer = store.begin()) {
      for (int part = 0; part < PARTS; part++) {
        writer.write("part-" + part, 0, ByteBuffer.wrap(content(seed, part)));
      }
      writer.commit("");
      say("committed " + writer.id() + " " + seed);
      mine.add(writer.id());
    }
    if (mine.size() > 3) {
      String id = mine.remove(random.nextInt(mine.size()));
      say("deleting " + id);
      store.delete(id);
    }
  }

  private static synchronized void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  /**
   * Parts of neighbouring seeds are partly the same. Seeds move with time, so old parts die out.
   */
  static byte[] content(int seed, int part) {
    byte[] bytes = new byte[PART_BYTES];
    new Random(seed + part).nextBytes(bytes);
    return bytes;
  }

  static void assertReads(StoredCheckpoint stored, int seed) {
    for (int part = 0; part < PARTS; part++) {
      ByteBuffer expected = ByteBuffer.wrap(content(seed, part));
      stored.read(
          "part-" + part,
          (offset, bytes) -> {
            if (!bytes.equals(expected.slice((int) offset, bytes.remaining()))) {
              throw new AssertionError("wrong bytes at " + offset + " of " + stored.id());
            }
          });
    }
  }
}
