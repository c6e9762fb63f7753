package dev.podflare.qemu;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
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

  Path log() {
    return run.resolve("qemu.log");
  }

  /** Only the run folder is the machine's: in the other one it may not make or replace files. */
  void create(int uid) throws IOException {
    Files.createDirectories(run);
    Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwx------"));
    own(run, uid);
    Files.createDirectories(disk);
    Files.setPosixFilePermissions(disk, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  static void own(Path file, int uid) throws IOException {
    Files.setAttribute(file, "unix:uid", uid);
    Files.setAttribute(file, "unix:gid", uid);
  }

  void delete() {
    delete(run);
    delete(disk);
  }

  static void delete(Path folder) {
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (NoSuchFileException gone) {
      // That is what was wanted.
    } catch (IOException | UncheckedIOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot remove " + folder, e);
    }
  }
}
