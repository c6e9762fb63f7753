package dev.podflare.qemu;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Which files programs need to run, so that a jail can hold just these. Stateless. */
final class SharedLibraries {
  private SharedLibraries() {}

  /**
   * The programs and their libraries: place in the jail to file of the host. Folders that are links
   * ({@code /lib} to {@code /usr/lib}) are followed in the places.
   */
  static Map<Path, Path> of(List<Path> programs) {
    Map<Path, Path> files = new LinkedHashMap<>();
    programs.forEach(program -> put(files, program));
    for (String line : ldd(programs)) {
      if (line.endsWith(":")) {
        continue; // names the program that the next lines are of
      }
      String text = line.strip();
      int arrow = text.indexOf("=> ");
      String path = arrow >= 0 ? text.substring(arrow + 3) : text;
      if (path.startsWith("/")) {
        int end = path.indexOf(" (");
        put(files, Path.of(end < 0 ? path : path.substring(0, end)));
      }
    }
    return files;
  }

  /** Adds a folder as it is, if this host has it. */
  static void putFolder(Map<Path, Path> files, Path folder) {
    if (Files.isDirectory(folder)) {
      put(files, folder);
    }
  }

  private static void put(Map<Path, Path> files, Path path) {
    try {
      Path parent = path.getParent();
      Path name = path.getFileName();
      if (parent != null && name != null) {
        files.put(parent.toRealPath().resolve(name), path.toRealPath());
      }
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.HOST_NOT_READY, "missing on this host: " + path, e);
    }
  }

  /** One process for all, since a daemon's start waits for it. */
  private static List<String> ldd(List<Path> programs) {
    List<String> command = new ArrayList<>(List.of("ldd"));
    programs.forEach(program -> command.add(program.toString()));
    String words = String.join(" ", command);
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      List<String> lines = new ArrayList<>();
      try (var reader = process.inputReader(StandardCharsets.UTF_8)) {
        reader.lines().forEach(lines::add);
      }
      if (!process.waitFor(10, TimeUnit.SECONDS) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new PodflareException(
            ErrorCode.HOST_NOT_READY, words + ": " + String.join(" ", lines));
      }
      return lines;
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.HOST_NOT_READY, "cannot run " + words, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.HOST_NOT_READY, "interrupted", e);
    }
  }
}
