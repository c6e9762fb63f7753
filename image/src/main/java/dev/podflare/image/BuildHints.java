package dev.podflare.image;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Says in plain words what the tools' messages that people meet most often mean. Stateless. */
final class BuildHints {
  private record Hint(Pattern sign, String words) {}

  private static final List<Hint> HINTS =
      List.of(
          hint(
              "(?:Could not connect|Unable to connect|Could not resolve|Failed to fetch|Connection timed"
                  + " out|Cannot initiate the connection).{0,200}",
              " The package archive was not reached; check the recipe's mirror, the network and"
                  + " http_proxy."),
          hint(
              "(?:NO_PUBKEY|is not signed|public key is not available|EXPKEYSIG)",
              " The archive's signature is not by a key of its keyring."),
          hint("Unable to locate package (\\S+)", " There is no package $1 in this suite."),
          hint("Package '?(\\S+?)'? has no installation candidate", " Package $1 cannot be had."),
          hint(
              "No matching distribution found for ([^\\s(]+)",
              " pip's index has no $1 for this Python."),
          hint(
              "(?:NewConnectionError|Max retries exceeded|CERTIFICATE_VERIFY_FAILED)",
              " pip's index was not reached; check the network and the host's pip settings."),
          hint("(?:E404|404 Not Found - GET)", " npm's registry has no such package."),
          hint(
              "(?:ECONNREFUSED|ENOTFOUND|ETIMEDOUT)",
              " npm's registry was not reached; check the network and the host's npm settings."),
          hint(
              "(?:Could not allocate block|ext2fs_write_inode|No free space in ext4)",
              " The files do not fit; raise shape.disk in the recipe."),
          hint("No space left on device", " The host's disk is full."),
          hint(
              "unshare failed|Operation not permitted",
              " The host does not let this process make mounts; builds need root."));

  private BuildHints() {}

  /** A sentence with a space before it, or nothing. */
  static String of(String output) {
    for (Hint hint : HINTS) {
      Matcher matcher = hint.sign.matcher(output);
      if (matcher.find()) {
        return hint.words.contains("$1") ? hint.words.replace("$1", matcher.group(1)) : hint.words;
      }
    }
    return "";
  }

  private static Hint hint(String sign, String words) {
    return new Hint(Pattern.compile(sign), words);
  }
}
