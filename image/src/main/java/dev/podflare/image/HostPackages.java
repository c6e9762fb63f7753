package dev.podflare.image;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** What a template build needs on the host, for launcher, doctor and the build itself. */
public final class HostPackages {
  private static final List<Path> FOLDERS =
      List.of(Path.of("/usr/sbin"), Path.of("/usr/bin"), Path.of("/sbin"), Path.of("/bin"));

  private static final List<HostPackage> ALL =
      List.of(
          new HostPackage("mmdebstrap", "mmdebstrap", "installs the guest's packages"),
          new HostPackage("apt-get", "apt", "fetches the guest's packages"),
          new HostPackage("bwrap", "bubblewrap", "runs pip and npm inside the guest's files"),
          new HostPackage("setpriv", "util-linux", "ends a build's commands with the build"),
          new HostPackage("unshare", "util-linux", "keeps a build's mounts to itself"),
          new HostPackage("fallocate", "util-linux", "makes the root disk sparse"),
          new HostPackage("cp", "coreutils", "copies the guest's files"),
          new HostPackage("mke2fs", "e2fsprogs", "makes the root disk"),
          new HostPackage("busybox", "busybox-static", "is the program of the initrd"),
          new HostPackage("xz", "xz-utils", "unpacks Debian's kernel modules"),
          new HostPackage("zstd", "zstd", "unpacks Ubuntu's kernel modules"),
          new HostPackage(
              Distribution.DEBIAN.keyring().toString(),
              Distribution.DEBIAN.keyringPackage(),
              "has the keys of Debian's archive"));

  private HostPackages() {}

  /**
   * A file that the host must have.
   *
   * @param file name of a program, or absolute path
   * @param debianPackage package of Debian and Ubuntu that has it
   * @param purpose what we need it for, to follow the file's name in a sentence
   */
  public record HostPackage(String file, String debianPackage, String purpose) {}

  /** Everything that builds need, whether the host has it or not. */
  public static List<HostPackage> all() {
    return ALL;
  }

  /** What this host lacks. */
  public static List<HostPackage> missing() {
    List<HostPackage> missing = new ArrayList<>();
    for (HostPackage wanted : ALL) {
      if (!present(wanted)) {
        missing.add(wanted);
      }
    }
    return missing;
  }

  /** Refuses with {@code HOST_NOT_READY} and the command that installs what is missing. */
  static void require(Distribution distribution) throws IOException {
    if (!Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"))) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY, "Building a template needs root, to own the guest's files.");
    }
    List<HostPackage> missing = missing();
    if (!missing.isEmpty()) {
      String what =
          missing.stream()
              .map(at -> at.file() + " (" + at.purpose() + ")")
              .collect(Collectors.joining(", "));
      String packages =
          missing.stream()
              .map(HostPackage::debianPackage)
              .distinct()
              .collect(Collectors.joining(" "));
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY,
          "This host lacks "
              + what
              + ". Install it: apt-get install --no-install-recommends "
              + packages);
    }
    if (!Files.isReadable(distribution.keyring())) {
      throw new PodflareException(
          ErrorCode.BUILD_FAILED,
          "The keyring of "
              + distribution.recipeName()
              + "'s archive, "
              + distribution.keyring()
              + ", is not on this host. Install the package "
              + distribution.keyringPackage()
              + ", or copy that file from a host that has it.");
    }
  }

  /** Where a program is; the daemon's own search path may lack the sbin folders. */
  static Path program(String name) {
    for (Path folder : FOLDERS) {
      Path file = folder.resolve(name);
      if (Files.isExecutable(file)) {
        return file;
      }
    }
    throw new PodflareException(ErrorCode.HOST_NOT_READY, "This host has no program " + name + ".");
  }

  private static boolean present(HostPackage wanted) {
    if (wanted.file().startsWith("/")) {
      return Files.isReadable(Path.of(wanted.file()));
    }
    return FOLDERS.stream()
        .map(folder -> folder.resolve(wanted.file()))
        .anyMatch(file ->
            Files.isExecutable(file) && (!wanted.file().equals("busybox") || isStatic(file)));
  }

  /** A program that asks for a loader cannot run in an initrd that has none. */
  static boolean isStatic(Path elf) {
    try {
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(elf)).order(ByteOrder.LITTLE_ENDIAN);
      if (bytes.limit() < 64 || bytes.getInt(0) != 0x464c457f || bytes.get(4) != 2) {
        return false;
      }
      long headers = bytes.getLong(32);
      int size = Short.toUnsignedInt(bytes.getShort(54));
      int count = Short.toUnsignedInt(bytes.getShort(56));
      for (int i = 0; i < count; i++) {
        int interpreter = 3;
        if (bytes.getInt(Math.toIntExact(headers + (long) i * size)) == interpreter) {
          return false;
        }
      }
      return true;
    } catch (IOException | IndexOutOfBoundsException | ArithmeticException e) {
      return false;
    }
  }
}
