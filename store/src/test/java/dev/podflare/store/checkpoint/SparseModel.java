package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.random.RandomGenerator;

/** A sparse part as a plain array and the set of its present bytes. One thread. */
final class SparseModel {
  private final byte[] bytes;
  private final BitSet present;

  SparseModel(int size) {
    this.bytes = new byte[size];
    this.present = new BitSet(size);
  }

  int size() {
    return bytes.length;
  }

  long ownBytes() {
    return present.cardinality();
  }

  /** Random runs: of whole pages or of odd bytes; noise, text, zeros, and pages of a few kinds. */
  static SparseModel random(RandomGenerator random, int size) {
    SparseModel model = new SparseModel(size);
    boolean odd = random.nextInt(4) == 0;
    double density = random.nextDouble();
    int offset = 0;
    while (offset < size) {
      int length = odd ? 1 + random.nextInt(30_000) : 4096 * (1 + random.nextInt(40));
      int end = Math.min(size, offset + length);
      if (random.nextDouble() < density) {
        model.fill(random, offset, end);
      }
      offset = end;
    }
    return model;
  }

  /** As it is after a program has run on for a while. */
  SparseModel changed(RandomGenerator random) {
    SparseModel changed = new SparseModel(size());
    System.arraycopy(bytes, 0, changed.bytes, 0, bytes.length);
    changed.present.or(present);
    int from = random.nextInt(size());
    changed.fill(random, from, Math.min(size(), from + 1 + random.nextInt(50_000)));
    return changed;
  }

  void fill(RandomGenerator random, int from, int to) {
    present.set(from, to);
    for (int offset = from; offset < to; offset += 4096) {
      int end = Math.min(to, offset + 4096);
      switch (random.nextInt(4)) {
        case 0 -> Arrays.fill(bytes, offset, end, (byte) 0);
        case 1 -> Arrays.fill(bytes, offset, end, (byte) random.nextInt(3));
        default -> noise(random, offset, end);
      }
    }
  }

  private void noise(RandomGenerator random, int from, int to) {
    byte[] noise = new byte[to - from];
    random.nextBytes(noise);
    System.arraycopy(noise, 0, bytes, from, noise.length);
  }

  /** Hands over its runs, in pieces of random length. */
  void writeTo(CheckpointWriter writer, String part, RandomGenerator random) {
    int start = present.nextSetBit(0);
    while (start >= 0) {
      int end = present.nextClearBit(start);
      while (start < end) {
        int length = Math.min(end - start, 1 + random.nextInt(400_000));
        ByteBuffer copy = ByteBuffer.wrap(Arrays.copyOfRange(bytes, start, start + length));
        writer.write(part, start, copy);
        Arrays.fill(copy.array(), (byte) 0xee); // must have been consumed
        start += length;
      }
      start = present.nextSetBit(end);
    }
    writer.size(part, size());
  }

  void assertEqual(StoredCheckpoint stored, String part) {
    assertThat(stored.size(part)).isEqualTo(size());
    assertThat(stored.ownBytes(part)).isEqualTo(ownBytes());
    assertEqual(stored, part, new PartRange(0, size()));
  }

  void assertEqual(StoredCheckpoint stored, String part, PartRange range) {
    byte[] read = new byte[bytes.length];
    BitSet there = new BitSet(bytes.length);
    long[] last = {0};
    stored.read(
        part,
        range,
        (offset, run) -> {
          assertThat(offset).isGreaterThanOrEqualTo(last[0]);
          int start = Math.toIntExact(offset);
          int length = run.remaining();
          run.get(read, start, length);
          there.set(start, start + length);
          last[0] = offset + length;
        });
    int from = Math.toIntExact(range.offset());
    int to = Math.toIntExact(range.end());
    BitSet expected = new BitSet(bytes.length);
    expected.set(from, to);
    expected.and(present);
    assertThat(there).isEqualTo(expected);
    assertThat(Arrays.equals(read, from, to, masked(), from, to)).isTrue();
  }

  private byte[] masked() {
    byte[] masked = new byte[bytes.length];
    present.stream().forEach(index -> masked[index] = bytes[index]);
    return masked;
  }
}
