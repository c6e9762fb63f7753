package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Folders with a file system of their own, which can be filled. */
final class SmallDisk {
  private SmallDisk() {}

  /** {@code size}: as mount takes it. */
  static void mount(Path folder, String size) throws Exception {
    run("mount", "-t", "tmpfs", "-o", "size=" + size, "none", folder.toString());
  }

  static void resize(Path folder, String size) throws Exception {
    run("mount", "-o", "remount,size=" + size, folder.toString());
  }

  static void unmount(Path folder) throws Exception {
    run("umount", "-l", folder.toString());
  }

  /** Writes a file until so much of its file system is free. */
  static void fill(Path ballast, int leftKib) throws IOException {
    byte[] block = new byte[4096];
    try (OutputStream out = Files.newOutputStream(ballast)) {
      while (ballast.toFile().getUsableSpace() > leftKib * 1024L) {
        out.write(block);
      }
    }
  }

  private static void run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).inheritIO().start();
    assertThat(process.waitFor()).as(String.join(" ", command)).isZero();
  }
}
