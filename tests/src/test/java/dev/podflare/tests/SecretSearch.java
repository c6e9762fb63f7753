package dev.podflare.tests;

import dev.podflare.common.PodflareException;
import dev.podflare.engine.LocalEngine;
import dev.podflare.linux.PageMap;
import dev.podflare.linux.PageRun;
import dev.podflare.linux.SparseFile;
import dev.podflare.store.checkpoint.CheckpointStore;
import dev.podflare.store.checkpoint.CheckpointStoreConfig;
import dev.podflare.store.checkpoint.FolderBlobs;
import dev.podflare.store.checkpoint.StoredCheckpoint;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** Looks for a word wherever a daemon and its guests keep bytes. Stateless. */
final class SecretSearch {
  private static final int WINDOW = 4 << 20;
  private static final byte[] ZERO = new byte[WINDOW];

  private SecretSearch() {}

  /** Forms of a word: as it is, in Base64, in hexadecimal, and in UTF-16. */
  private static List<byte[]> forms(String word) {
    byte[] plain = word.getBytes(StandardCharsets.US_ASCII);
    return List.of(
        plain,
        Base64.getEncoder().withoutPadding().encode(plain),
        HexFormat.of().formatHex(plain).getBytes(StandardCharsets.US_ASCII),
        word.getBytes(StandardCharsets.UTF_16LE));
  }

  /**
   * Places of a QEMU's memory that have it: all of what can be written, the guest's RAM with it. Of
   * private mappings only pages that were written are read: the others are those of their file.
   */
  static Set<String> memory(long pid, String word) throws IOException {
    Set<String> found = new TreeSet<>();
    try (RandomAccessFile memory = new RandomAccessFile("/proc/" + pid + "/mem", "r")) {
      for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/maps"))) {
        String[] words = line.split("\\s+", 6);
        String[] range = words[0].split("-", -1);
        if (words[1].startsWith("rw")) {
          long start = Long.parseUnsignedLong(range[0], 16);
          long end = Long.parseUnsignedLong(range[1], 16);
          List<PageRun> runs =
              words[1].endsWith("p")
                  ? PageMap.ownPages(pid, start, end - start)
                  : List.of(new PageRun(0, end - start));
          if (has(memory, start, runs, forms(word))) {
            found.add(line);
          }
        }
      }
    }
    return found;
  }

  private static boolean has(
      RandomAccessFile file, long start, List<PageRun> runs, List<byte[]> forms)
      throws IOException {
    for (PageRun run : runs) {
      if (has(file, start + run.offset(), start + run.end(), forms)) {
        return true;
      }
    }
    return false;
  }

  private static boolean has(RandomAccessFile file, long start, long end, List<byte[]> forms)
      throws IOException {
    byte[] window = new byte[WINDOW];
    int overlap = forms.stream().mapToInt(it -> it.length).max().orElse(0);
    for (long at = start; at < end; at += WINDOW - overlap) {
      int length = (int) Math.min(WINDOW, end - at);
      try {
        file.seek(at);
        file.readFully(window, 0, length);
      } catch (IOException unreadable) {
        continue; // a hole of the mapping
      }
      if (Arrays.equals(window, 0, length, ZERO, 0, length)) {
        continue;
      }
      if (find(window, length, forms)) {
        return true;
      }
    }
    return false;
  }

  /** By the search of texts, which the JVM does many bytes at a time. */
  private static boolean find(byte[] where, int length, List<byte[]> forms) {
    String text = new String(where, 0, length, StandardCharsets.ISO_8859_1);
    return forms.stream()
        .anyMatch(it -> text.contains(new String(it, StandardCharsets.ISO_8859_1)));
  }

  /** Files below the folder, and files that the process has open, which have it. */
  static Set<String> files(Path folder, Collection<Long> pids, String word) throws IOException {
    Set<Path> all = new TreeSet<>();
    try (Stream<Path> tree = Files.walk(folder)) {
      tree.filter(Files::isRegularFile).forEach(all::add);
    }
    for (long pid : pids) {
      try (Stream<Path> open = Files.list(Path.of("/proc/" + pid + "/fd"))) {
        open.filter(Files::isRegularFile).forEach(all::add);
      }
    }
    Set<String> found = new TreeSet<>();
    for (Path file : all) {
      try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "r")) {
        if (has(bytes, 0, SparseFile.dataRuns(file), forms(word))) {
          found.add(file.toString());
        }
      } catch (NoSuchFileException | FileNotFoundException gone) {
        // One that is gone has nothing to find.
      } catch (PodflareException unreadable) {
        if (Files.exists(file)) {
          throw unreadable;
        }
      }
    }
    return found;
  }

  /** Parts of stored checkpoints, unpacked, that have it. */
  static Set<String> checkpoints(Path data, String word) {
    Set<String> found = new TreeSet<>();
    try (CheckpointStore store =
        CheckpointStore.open(
            FolderBlobs.open(LocalEngine.checkpointFolder(data)),
            CheckpointStoreConfig.defaults())) {
      for (String id : store.ids()) {
        StoredCheckpoint checkpoint = store.read(id);
        if (checkpoint.attributes().contains(word)) {
          found.add(id + " attributes");
        }
        for (String part : checkpoint.parts()) {
          Pieces pieces = new Pieces(word);
          checkpoint.read(part, (offset, buffer) -> pieces.add(buffer));
          if (pieces.end()) {
            found.add(id + " " + part);
          }
        }
      }
    }
    return found;
  }

  /** Bytes as they come, a window at a time. */
  private static final class Pieces {
    private static final int OVERLAP = 512;

    private final String word;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private boolean found;

    Pieces(String word) {
      this.word = word;
    }

    void add(ByteBuffer buffer) {
      byte[] piece = new byte[buffer.remaining()];
      buffer.get(piece);
      bytes.writeBytes(piece);
      if (bytes.size() > WINDOW) {
        byte[] all = look();
        int kept = Math.min(OVERLAP, all.length);
        bytes.write(all, all.length - kept, kept);
      }
    }

    private byte[] look() {
      byte[] all = bytes.toByteArray();
      bytes.reset();
      found |= find(all, all.length, forms(word));
      return all;
    }

    boolean end() {
      look();
      return found;
    }
  }
}
