package dev.podflare.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Another process maps a file privately and writes to some of its pages: just these are its own.
 */
class PageMapTest {
  private static final int PAGES = 4096;
  private static final long PAGE = 4096;
  private static final String PROGRAM =
      """
      import mmap, sys
      file = open(sys.argv[1], "r+b")
      memory = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE)
      total = sum(memory[i] for i in range(0, len(memory), 4096))  # read all: pages of the file
      for page in (0, 1, 2, 100, 4000, 4095):
          memory[page * 4096 : page * 4096 + 4] = b"mine"
      print("ready", flush=True)
      sys.stdin.readline()
      print(memory[100 * 4096 : 100 * 4096 + 4].decode(), flush=True)
      """;

  @TempDir Path folder;

  @Test
  void bothWaysFindTheSamePagesAndTheyCanBeReadAndWritten() throws Exception {
    Path file = Files.write(folder.resolve("podflare-map"), new byte[(int) (PAGES * PAGE)]);
    Process process = new ProcessBuilder("python3", "-c", PROGRAM, file.toString()).start();
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      assertThat(lines.readLine()).isEqualTo("ready");
      long base = ProcFs.mapping(process.pid(), "podflare-map", PAGES * PAGE).start();
      List<PageRun> own = PageMap.ownPages(process.pid(), base, PAGES * PAGE);
      assertThat(own)
          .containsExactly(
              new PageRun(0, 3 * PAGE),
              new PageRun(100 * PAGE, PAGE),
              new PageRun(4000 * PAGE, PAGE),
              new PageRun(4095 * PAGE, PAGE));
      assertThat(PageMap.read(process.pid(), base, PAGES * PAGE)).isEqualTo(own);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment bytes = arena.allocate(6 * PAGE);
        ProcessMemory.read(process.pid(), base, own, bytes);
        assertThat(bytes.getString(3 * PAGE)).isEqualTo("mine");
        bytes.set(ValueLayout.JAVA_BYTE, 3 * PAGE, (byte) 'f');
        ProcessMemory.write(process.pid(), base, own, bytes);
      }
      process.outputWriter(StandardCharsets.UTF_8).append('\n').close();
      assertThat(lines.readLine()).isEqualTo("fine");
    } finally {
      process.destroyForcibly();
    }
  }

  /** More runs than the kernel tells in one call: none is told twice. */
  @Test
  void manyRunsAreEachFoundOnce() throws Exception {
    long pages = 65_536;
    Path file = folder.resolve("podflare-sparse");
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(pages * PAGE);
    }
    String program =
        PROGRAM.replace(
            "(0, 1, 2, 100, 4000, 4095)", "[p for p in range(50_000) if p % 10 not in (3, 7)]");
    Process process = new ProcessBuilder("python3", "-c", program, file.toString()).start();
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      assertThat(lines.readLine()).isEqualTo("ready");
      long base = ProcFs.mapping(process.pid(), "podflare-sparse", pages * PAGE).start();
      List<PageRun> own = PageMap.scan(process.pid(), base, pages * PAGE);
      assertThat(own.stream().mapToLong(PageRun::length).sum()).isEqualTo(40_000 * PAGE);
      assertThat(own).isEqualTo(PageMap.read(process.pid(), base, pages * PAGE));
    } finally {
      process.destroyForcibly();
    }
  }
}
