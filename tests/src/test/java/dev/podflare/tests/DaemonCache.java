package dev.podflare.tests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * The JVM's AOT cache for daemons that tests start, like those that the launcher makes: each start
 * takes half as long. Made once for each build of the jars, in about ten seconds. Thread-safe.
 */
final class DaemonCache {
  /** It fits only the flags that it was made with. */
  static final List<String> FLAGS = List.of("-Xmx256m");

  private static final long PATIENCE_SECONDS = 120;

  private DaemonCache() {}

  /** Flags of a daemon's JVM; without a cache if there can be none. */
  static synchronized List<String> flags(DaemonProcess.Program program) throws IOException {
    Path file = program.libraries().resolveSibling("tests-daemon.aot").toAbsolutePath();
    if (!Files.exists(file) || isOld(file, program.libraries())) {
      make(program, file);
    }
    List<String> flags = new ArrayList<>(FLAGS);
    if (Files.size(file) > 0) {
      // Without the log switch a cache that does not fit would be announced.
      flags.addAll(List.of("-XX:AOTCache=" + file, "-Xlog:disable"));
    }
    return flags;
  }

  private static boolean isOld(Path file, Path libraries) throws IOException {
    try (Stream<Path> jars = Files.list(libraries)) {
      for (Path jar : jars.toList()) {
        if (Files.getLastModifiedTime(jar).compareTo(Files.getLastModifiedTime(file)) > 0) {
          return true;
        }
      }
    }
    return false;
  }

  /** An empty file where it fails, so that it is not tried at each start. */
  private static void make(DaemonProcess.Program program, Path file) throws IOException {
    Path fresh = Files.createTempFile(file.getParent(), "tests-daemon", ".new");
    Path made = fresh.resolveSibling(fresh.getFileName() + ".aot");
    List<String> flags = new ArrayList<>(FLAGS);
    flags.addAll(List.of("-XX:AOTCacheOutput=" + made, "-Xlog:disable"));
    List<String> line = new ArrayList<>(program.java(flags.toArray(String[]::new)));
    line.addAll(List.of("self-train", "daemon"));
    Process training =
        new ProcessBuilder(line)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      if (!training.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        training.descendants().forEach(ProcessHandle::destroyForcibly);
        training.destroyForcibly();
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    if (Files.exists(made)) {
      Files.move(made, fresh, StandardCopyOption.REPLACE_EXISTING);
    }
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}
