package dev.podflare.qemu;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.PipePair;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * The two folders of a machine.
 *
 * @param run sockets, log and journal
 * @param disk its disk layers
 */
record MachineFolders(Path run, Path disk) {

  static MachineFolders of(HypervisorConfig config, String id) {
    return new MachineFolders(config.runFolder().resolve(id), machines(config).resolve(id));
  }

  static Path machines(HypervisorConfig config) {
    return config.dataFolder().resolve("machines");
  }

  /** The machine that a file or folder beside others' belongs to. */
  static String machineOf(Path path) {
    String name = path.getFileName().toString();
    int dot = name.indexOf('.');
    return dot < 0 ? name : name.substring(0, dot);
  }

  /** Beside the run folder and not in it, so that a jailed process cannot replace it. */
  Path log() {
    return beside("log");
  }

  Path journal() {
    return beside("json");
  }

  /** What the engine wrote down of it. */
  Path note() {
    return beside("note");
  }

  /** What the engine writes down of its calls. */
  Path calls() {
    return beside("calls");
  }

  private Path beside(String kind) {
    return run.resolveSibling(run.getFileName() + "." + kind);
  }

  Path pipeToGuest() {
    return run.resolve(CommandLine.CHANNEL + ".in");
  }

  Path pipeFromGuest() {
    return run.resolve(CommandLine.CHANNEL + ".out");
  }

  /** All that was ever read from {@link #pipeFromGuest}; its beginning may be holes. */
  Path stream() {
    return beside("stream");
  }

  /** Only the run folder is the machine's: in the other one it may not make or replace files. */
  void create(int uid) throws IOException {
    Files.createDirectories(run);
    Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwx------"));
    own(run, uid);
    for (Path pipe : List.of(pipeToGuest(), pipeFromGuest())) {
      PipePair.create(pipe);
      own(pipe, uid);
    }
    Files.createDirectories(disk);
    Files.setPosixFilePermissions(disk, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  static void own(Path file, int uid) throws IOException {
    Files.setAttribute(file, "unix:uid", uid);
    Files.setAttribute(file, "unix:gid", uid);
  }

  /** Removes all; what cannot be removed is told, after everything else was. */
  void delete() {
    delete(run);
    delete(disk);
    for (String kind : List.of("log", "json", "json~", "note", "calls", "calls~", "stream")) {
      delete(beside(kind));
    }
  }

  /**
   * Removes a tree. A process that was broken into can have made one that is too deep for paths, so
   * what Java cannot remove is left to {@code rm}, which goes by descriptors.
   */
  static void delete(Path folder) {
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path path : (Iterable<Path>) tree.sorted(Comparator.reverseOrder())::iterator) {
        Files.deleteIfExists(path);
      }
    } catch (NoSuchFileException gone) {
      // That is what was wanted.
    } catch (IOException | UncheckedIOException e) {
      removeByProgram(folder);
    }
  }

  private static void removeByProgram(Path folder) {
    try {
      Process process =
          new ProcessBuilder("rm", "-rf", "--one-file-system", "--", folder.toString())
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      if (!process.waitFor(60, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot remove " + folder, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot remove " + folder);
    }
  }
}
