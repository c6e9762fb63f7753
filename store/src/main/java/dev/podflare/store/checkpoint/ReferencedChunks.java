package dev.podflare.store.checkpoint;

import java.util.Arrays;

/** Fingerprints of chunks, eight bytes each, as there may be millions. One thread. */
final class ReferencedChunks {
  private long[] values = new long[1024];
  private int count;
  private boolean sorted = true;

  void add(ChunkRef ref) {
    if (count == values.length) {
      sort();
      values = Arrays.copyOf(values, Math.max(1024, count * 2));
    }
    values[count] = ref.fingerprint();
    count++;
    sorted = false;
  }

  boolean has(ChunkRef ref) {
    if (!sorted) {
      sort();
    }
    return Arrays.binarySearch(values, 0, count, ref.fingerprint()) >= 0;
  }

  /** And drops what is there twice. */
  private void sort() {
    Arrays.sort(values, 0, count);
    int kept = 0;
    for (int i = 0; i < count; i++) {
      if (i == 0 || values[i] != values[i - 1]) {
        values[kept] = values[i];
        kept++;
      }
    }
    count = kept;
    sorted = true;
  }
}
