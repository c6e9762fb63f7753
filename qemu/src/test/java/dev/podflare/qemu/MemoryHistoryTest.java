package dev.podflare.qemu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.common.DataSize;
import dev.podflare.linux.PageRun;
import dev.podflare.linux.ProcFs;
import java.io.BufferedReader;
import java.io.RandomAccessFile;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Another process maps a file privately, as QEMU does, and writes to it between moments. A model
 * knows what it had when.
 */
class MemoryHistoryTest {
  private static final int PAGE = 4096;
  private static final int PAGES = 2048;
  private static final DataSize SIZE = new DataSize((long) PAGE * PAGES);
  private static final String PROGRAM =
      """
      import mmap, sys
      file = open(sys.argv[1], "r+b")
      memory = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE)
      print("ready", flush=True)
      for line in sys.stdin:
          for pair in line.split():
              page, value = map(int, pair.split("="))
              memory[page * 4096 : page * 4096 + 4096] = bytes([value]) * 4096
          print("done", flush=True)
      """;

  @TempDir Path folder;

  private final Random random = new Random(20_260_301);
  private final TreeMap<Integer, Integer> memory = new TreeMap<>();
  private final List<Moment> moments = new ArrayList<>();
  private Process process;
  private BufferedReader answers;
  private Writer orders;
  private long base;

  /** What the process had, and the file that has what the next one has changed. */
  private record Moment(Map<Integer, Integer> pages, List<PageRun> own, Path before) {}

  @BeforeEach
  void start() throws Exception {
    Path file = folder.resolve("podflare-history");
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(SIZE.bytes());
    }
    process = new ProcessBuilder("python3", "-c", PROGRAM, file.toString()).start();
    answers = process.inputReader(StandardCharsets.UTF_8);
    orders = process.outputWriter(StandardCharsets.UTF_8);
    assertThat(answers.readLine()).isEqualTo("ready");
    base = ProcFs.mapping(process.pid(), "podflare-history", SIZE.bytes()).start();
  }

  @AfterEach
  void stop() {
    process.destroyForcibly();
  }

  private void write(Map<Integer, Integer> pages) throws Exception {
    StringBuilder line = new StringBuilder();
    pages.forEach((page, value) -> line.append(page).append('=').append(value).append(' '));
    orders.write(line + "\n");
    orders.flush();
    assertThat(answers.readLine()).isEqualTo("done");
    memory.putAll(pages);
  }

  private void writeSome() throws Exception {
    Map<Integer, Integer> pages = new TreeMap<>();
    int from = random.nextInt(PAGES - 200);
    for (int i = 0; i < 60; i++) {
      pages.put(from + random.nextInt(200), 1 + random.nextInt(255));
    }
    write(pages);
  }

  private long keep(MemoryHistory history) throws Exception {
    Path before = folder.resolve("before-" + moments.size());
    try (MemoryHistory.Capture capture = history.capture(process.pid(), base)) {
      Optional<Path> last =
          moments.isEmpty() ? Optional.empty() : Optional.of(moments.getLast().before());
      long kept = history.keep(capture, last);
      moments.add(new Moment(new TreeMap<>(memory), capture.own(), before));
      return kept;
    }
  }

  private void assertMoment(MemoryHistory history, int index) throws Exception {
    Moment moment = moments.get(index);
    List<Path> before =
        moments.subList(index, moments.size() - 1).reversed().stream().map(Moment::before).toList();
    try (OwnPages pages = history.at(moment.own(), before)) {
      Map<Integer, Integer> found = new TreeMap<>();
      pages.read((offset, bytes) -> {
        for (int at = 0; at < bytes.remaining(); at += PAGE) {
          byte first = bytes.get(at);
          assertThat(bytes.get(at + PAGE - 1)).isEqualTo(first);
          found.put((int) ((offset + at) / PAGE), Byte.toUnsignedInt(first));
        }
      });
      assertThat(found).as("moment %d of %d", index, moments.size()).isEqualTo(moment.pages());
    }
  }

  @Test
  void everyMomentIsHadAgainAlsoAfterItWasClosedAndTakenBack() throws Exception {
    try (MemoryHistory history = MemoryHistory.open(folder, SIZE)) {
      for (int i = 0; i < 12; i++) {
        writeSome();
        keep(history);
        assertMoment(history, random.nextInt(moments.size()));
      }
    }
    try (MemoryHistory again = MemoryHistory.open(folder, SIZE)) {
      moments.forEach(it -> again.knows(it.own()));
      for (int i = 0; i < moments.size(); i++) {
        assertMoment(again, i);
      }
      moments.removeLast();
      again.goBack(moments.getLast().before());
      moments.removeLast();
      again.goBack(moments.getLast().before());
      for (int i = 0; i < 3; i++) {
        writeSome();
        keep(again);
      }
      for (int i = 0; i < moments.size(); i++) {
        assertMoment(again, i);
      }
    }
  }

  @Test
  void aMomentCostsWhatWasChangedAndNotWhatWasWrittenAsItWas() throws Exception {
    try (MemoryHistory history = MemoryHistory.open(folder, SIZE)) {
      write(Map.of(1, 1, 2, 2, 3, 3));
      assertThat(keep(history)).isZero();
      write(Map.of(1, 1, 2, 9, 700, 7));
      assertThat(keep(history)).as("of page 2 alone there is something of before").isEqualTo(PAGE);
      assertThat(keep(history)).isZero();
      for (int i = 0; i < 3; i++) {
        assertMoment(history, i);
      }
    }
  }

  /** A kill after the bytes of before were written, and in the middle of the newest ones. */
  @Test
  void aStepThatWasNotFinishedIsTakenBack() throws Exception {
    try (MemoryHistory history = MemoryHistory.open(folder, SIZE)) {
      writeSome();
      keep(history);
      writeSome();
      keep(history);
    }
    moments.removeLast();
    Path before = moments.getLast().before();
    byte[] bytes = Files.readAllBytes(before);
    for (int i = 0; i < 2; i++) { // a second kill, of who takes it back
      try (MemoryHistory again = MemoryHistory.open(folder, SIZE)) {
        again.goBack(before);
        assertMoment(again, 0);
        Files.write(before, bytes);
      }
    }
  }
}
