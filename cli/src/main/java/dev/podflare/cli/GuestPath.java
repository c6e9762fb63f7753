package dev.podflare.cli;

import dev.podflare.client.ApiException;
import dev.podflare.client.SandboxFiles;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.Optional;
import java.util.Set;

/** {@code ID:PATH}, as {@code cp} and the like name a file of a sandbox. */
record GuestPath(String sandbox, String path) {
  private static final Set<String> ABSENT = Set.of("file_not_found", "not_a_directory");

  /** Empty if it is a path of this machine. */
  static Optional<GuestPath> parse(String text) {
    int colon = text.indexOf(':');
    boolean named = colon > 0 && text.substring(0, colon).matches("sbx_[0-9a-f]{32}");
    return named
        ? Optional.of(new GuestPath(text.substring(0, colon), orHome(text.substring(colon + 1))))
        : Optional.empty();
  }

  /** For verbs that take no other. */
  static GuestPath require(String text) {
    return parse(text)
        .orElseThrow(() -> wrong("'" + text + "' is no SANDBOX:PATH, sbx_…:/root/file for one"));
  }

  /** Whether there is a folder, or a link to one. */
  static boolean isFolder(SandboxFiles files, String path) {
    try {
      return files.stat(path + "/.").isDirectory();
    } catch (ApiException missing) {
      if (ABSENT.contains(missing.code())) {
        return false;
      }
      throw missing;
    }
  }

  static PodflareException wrong(String sentence) {
    return new PodflareException(ErrorCode.INVALID_FIELD, sentence);
  }

  private static String orHome(String path) {
    return path.isEmpty() ? "/root" : path;
  }
}
