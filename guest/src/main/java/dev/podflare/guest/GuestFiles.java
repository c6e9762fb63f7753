package dev.podflare.guest;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** What the image builder puts into a root disk so that it can be a guest. Thread-safe. */
public final class GuestFiles {
  /** What the initrd hands the machine over to. */
  public static final String INIT = "/sbin/podflare-init";

  /**
   * Lines of NAME=VALUE that a recipe may put into the root disk: they are added to the environment
   * of user processes. The interpreter is the first {@code python3} of its PATH.
   */
  public static final String ENVIRONMENT = "/etc/podflare/environment";

  private static final String PACKAGE = "podflare_guest";
  private static final List<String> MODULES =
      List.of(
          "JavaContext.java",
          "JavaEnvironment.java",
          "__init__.py",
          "agent.py",
          "bash_calls.py",
          "cells.py",
          "channel.py",
          "charts.py",
          "contexts.py",
          "display.py",
          "driver.R",
          "driver.js",
          "file_actions.py",
          "file_relay.py",
          "file_tree.py",
          "file_watch.py",
          "files.py",
          "interpreter.py",
          "interrupter.js",
          "ipv6.py",
          "languages.py",
          "lazy_shell.py",
          "lease.py",
          "leasing.py",
          "loop.py",
          "mounts.py",
          "output.py",
          "ports.py",
          "process_calls.py",
          "process_list.py",
          "python_calls.py",
          "questions.py",
          "signals.py",
          "scan.py",
          "script_calls.py",
          "script_process.py",
          "shell.py",
          "spares.py",
          "spawn.py",
          "system.py",
          "terminals.py",
          "trust.py",
          "typescript.js",
          "uploads.py",
          "values.py");
  private static final List<GuestFile> ALL = load();

  private GuestFiles() {}

  /**
   * One file.
   *
   * @param path absolute path in the root disk
   * @param mode permission bits
   */
  @SuppressWarnings("ArrayRecordComponent") // the digest is what is compared
  public record GuestFile(String path, byte[] bytes, int mode) {}

  /** All files, owned by root, in a fixed order. */
  public static List<GuestFile> all() {
    return ALL;
  }

  /** SHA-256 over paths, modes and bytes, in hex: it changes when any of them does. */
  public static String digest() {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (GuestFile file : ALL) {
        String head = file.path() + '\0' + file.mode() + '\0' + file.bytes().length + '\0';
        digest.update(head.getBytes(StandardCharsets.UTF_8));
        digest.update(file.bytes());
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private static List<GuestFile> load() {
    List<GuestFile> files = new ArrayList<>();
    files.add(new GuestFile(INIT, read("podflare-init"), 0755));
    for (String module : MODULES) {
      String name = PACKAGE + "/" + module;
      files.add(new GuestFile("/usr/lib/podflare/" + name, read(name), 0644));
    }
    return List.copyOf(files);
  }

  private static byte[] read(String name) {
    try (InputStream stream = GuestFiles.class.getResourceAsStream(name)) {
      if (stream == null) {
        throw new IllegalStateException("not in the jar: " + name);
      }
      return stream.readAllBytes();
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }
}
