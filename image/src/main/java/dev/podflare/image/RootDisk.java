package dev.podflare.image;

import dev.podflare.common.DataSize;
import dev.podflare.image.Commands.Command;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * Makes the root disk: one sparse raw ext4 file system without a partition table. Nothing is left
 * to be initialised lazily, since every sandbox would do that work again and keep the pages.
 */
final class RootDisk {
  private static final Duration DEADLINE = Duration.ofMinutes(10);

  private RootDisk() {}

  /** {@code digest}: 32 hex digits; identifier and hash seed of the file system come from it. */
  static void make(
      String step, Commands commands, RootTree tree, Path disk, DataSize size, String digest) {
    String uuid = digest.replaceFirst("(.{8})(.{4})(.{4})(.{4})(.{12})", "$1-$2-$3-$4-$5");
    List<String> arguments =
        List.of(
            "mke2fs",
            "-q",
            "-F",
            "-t",
            "ext4",
            "-b",
            "4096",
            "-I",
            "256",
            "-m",
            "0",
            "-L",
            "podflare",
            "-U",
            uuid,
            "-J",
            "size=16",
            "-E",
            "hash_seed=" + uuid + ",lazy_itable_init=0,lazy_journal_init=0",
            "-d",
            tree.root().toString(),
            disk.toString(),
            size.mebibytes() + "M");
    commands.run(new Command(step, DEADLINE, arguments));
    commands.run(new Command(step, DEADLINE, List.of("fallocate", "--dig-holes", disk.toString())));
  }
}
