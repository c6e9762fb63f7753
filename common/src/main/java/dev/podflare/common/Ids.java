package dev.podflare.common;

import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;

/**
 * Makes and checks identifiers: a three-letter kind, an underscore and 32 lower-case hex digits.
 * The first four digits of a sandbox, Space or snapshot id name region and node, so that an edge
 * needs no look-up. Thread-safe if the generator is.
 */
public final class Ids {
  private static final Pattern FORM = Pattern.compile("[a-z]{3}_[0-9a-f]{32}");

  private final RandomGenerator random;
  private final String node;

  /** {@code node}: four lower-case hex digits. */
  public Ids(String node, RandomGenerator random) {
    if (!node.matches("[0-9a-f]{4}")) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG, "node must be four hex digits, not '" + node + "'");
    }
    this.node = node;
    this.random = random;
  }

  public static Ids ofNode(String node) {
    return new Ids(node, new SecureRandom());
  }

  public String sandbox() {
    return "sbx_" + node + hex(14);
  }

  public String execution() {
    return "exe_" + hex(16);
  }

  public String context() {
    return "ctx_" + hex(16);
  }

  public String process() {
    return "prc_" + hex(16);
  }

  public String terminal() {
    return "pty_" + hex(16);
  }

  public String space() {
    return "spc_" + node + hex(14);
  }

  public String snapshot() {
    return "snp_" + node + hex(14);
  }

  public String volume() {
    return "vol_" + hex(16);
  }

  public String machine() {
    return "mch_" + hex(16);
  }

  public static boolean wellFormed(String kind, String id) {
    return id.startsWith(kind + "_") && FORM.matcher(id).matches();
  }

  private String hex(int bytes) {
    byte[] raw = new byte[bytes];
    random.nextBytes(raw);
    return HexFormat.of().formatHex(raw);
  }
}
