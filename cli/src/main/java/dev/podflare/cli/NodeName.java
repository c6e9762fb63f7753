package dev.podflare.cli;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What this daemon is called among those that share a database. The data folder keeps it in the
 * file {@code node}, so that what an earlier run had is found again, under a new name too.
 *
 * @param former name of the last run, or the same
 */
record NodeName(String name, String former) {
  private static final String FILE = "node";
  private static final Pattern FORM = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}");

  /** {@code wanted}: what the operator says; else the kept name; else a new one. */
  static NodeName of(Path data, Optional<String> wanted) {
    wanted.ifPresent(name -> check(name, "node"));
    Optional<String> kept = kept(data.resolve(FILE));
    String name = wanted.or(() -> kept).orElseGet(NodeName::fresh);
    return new NodeName(name, kept.orElse(name));
  }

  void keep(Path data) {
    try {
      Files.writeString(data.resolve(FILE), name + "\n");
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG, "cannot keep the name of this node in " + data + ": " + e, e);
    }
  }

  private static Optional<String> kept(Path file) {
    try {
      String name = Files.readString(file).strip();
      check(name, file.toString());
      return Optional.of(name);
    } catch (NoSuchFileException none) {
      return Optional.empty();
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG, "cannot read the name of this node, " + file + ": " + e, e);
    }
  }

  private static String fresh() {
    byte[] bytes = new byte[6];
    new SecureRandom().nextBytes(bytes);
    return "node-" + HexFormat.of().formatHex(bytes);
  }

  private static void check(String name, String where) {
    if (!FORM.matcher(name).matches()) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG,
          where + " must be 1 to 63 letters, digits, dots, dashes and underscores");
    }
  }
}
