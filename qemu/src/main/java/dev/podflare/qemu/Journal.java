package dev.podflare.qemu;

import dev.podflare.linux.PageRun;
import dev.podflare.linux.ProcFs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the next daemon needs to know a machine again: pid and start time name its process for good.
 * Lies beside the machine's run folder, so it goes with a reboot as the process does.
 */
final class Journal {
  private static final int FORMAT = 2;
  private static final int SLOT = 4096;
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private Journal() {}

  static void write(MachineFolders folders, Machine machine) throws IOException {
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("format", FORMAT);
    entry.put("boot", boot());
    entry.put("id", machine.id());
    entry.put("pid", machine.pid());
    entry.put("start_ticks", ProcFs.startTicks(machine.pid()).orElse(0));
    entry.put("outer_pid", machine.outerPid());
    entry.put("uid", machine.uid());
    entry.put(
        "added",
        machine.spec().memory().added().stream()
            .map(run -> List.of(run.offset(), run.length()))
            .toList());
    replace(folders.journal(), JSON.writeValueAsString(entry));
  }

  /**
   * Writes a short text over another, in one step of the kernel, and in the space that the first
   * one took: a full disk does not matter.
   */
  static void overwrite(Path file, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (bytes.length > SLOT) {
      throw new IOException("more than " + SLOT + " bytes: " + text);
    }
    byte[] slot = new byte[SLOT];
    Arrays.fill(slot, (byte) ' ');
    System.arraycopy(bytes, 0, slot, 0, bytes.length);
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      ByteBuffer left = ByteBuffer.wrap(slot);
      while (left.hasRemaining()) {
        channel.write(left);
      }
    }
  }

  /** A start of the host, of which pids and times are. */
  private static String boot() throws IOException {
    return Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
  }

  /** A reader finds the old text or the new one. */
  static void replace(Path file, String text) throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + "~");
    Files.write(fresh, text.getBytes(StandardCharsets.UTF_8));
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Machines whose process still runs and of which there is a note. */
  static List<Survivor> survivors(HypervisorConfig config) throws IOException {
    List<Survivor> found = new ArrayList<>();
    try (Stream<Path> files = Files.list(config.runFolder())) {
      for (Path file : (Iterable<Path>) files::iterator) {
        String name = file.getFileName().toString();
        if (name.endsWith(".json")) {
          MachineFolders folders =
              MachineFolders.of(config, name.substring(0, name.length() - ".json".length()));
          survivor(folders).ifPresent(found::add);
        }
      }
    } catch (NoSuchFileException none) {
      return List.of();
    }
    return found;
  }

  private static Optional<Survivor> survivor(MachineFolders folders) throws IOException {
    try {
      JsonNode entry = JSON.readTree(Files.readAllBytes(folders.journal()));
      long pid = entry.path("pid").asLong();
      long ticks = entry.path("start_ticks").asLong();
      if (entry.path("format").asInt() != FORMAT
          || !entry.path("boot").asString("").equals(boot())
          || ProcFs.startTicks(pid).orElse(-1) != ticks) {
        return Optional.empty();
      }
      List<PageRun> added = new ArrayList<>();
      for (JsonNode run : entry.path("added")) {
        added.add(new PageRun(run.path(0).asLong(), run.path(1).asLong()));
      }
      return Optional.of(
          new Survivor(
              entry.path("id").asString(),
              pid,
              entry.path("outer_pid").asLong(),
              entry.path("uid").asInt(),
              added,
              Files.readString(folders.note()).strip()));
    } catch (NoSuchFileException nothingOfIt) {
      return Optional.empty();
    } catch (JacksonException halfWritten) {
      return Optional.empty();
    }
  }
}
