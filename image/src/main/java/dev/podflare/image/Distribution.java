package dev.podflare.image;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What differs between the distributions that a guest can be made of. */
public enum Distribution {
  DEBIAN(
      "http://deb.debian.org/debian",
      "main",
      "/usr/share/keyrings/debian-archive-keyring.gpg",
      "debian-archive-keyring"),
  UBUNTU(
      "http://archive.ubuntu.com/ubuntu",
      "main universe",
      "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
      "ubuntu-keyring");

  private final String mirror;
  private final String components;
  private final String keyring;
  private final String keyringPackage;

  Distribution(String mirror, String components, String keyring, String keyringPackage) {
    this.mirror = mirror;
    this.components = components;
    this.keyring = keyring;
    this.keyringPackage = keyringPackage;
  }

  public static Distribution parse(String text) {
    for (Distribution distribution : values()) {
      if (distribution.recipeName().equals(text)) {
        return distribution;
      }
    }
    throw new PodflareException(
        ErrorCode.INVALID_RECIPE, "distribution must be debian or ubuntu, not '" + text + "'.");
  }

  public String recipeName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Where packages come from when a recipe names no mirror. */
  public String defaultMirror() {
    return mirror;
  }

  /** File with the keys that sign the archive, on the host. */
  public Path keyring() {
    return Path.of(keyring);
  }

  /** Debian package of the host that has {@link #keyring()}. */
  public String keyringPackage() {
    return keyringPackage;
  }

  /** The smallest kernel package with the virtio drivers. */
  String kernelPackage(String architecture) {
    return this == DEBIAN ? "linux-image-cloud-" + architecture : "linux-image-virtual";
  }

  /**
   * Lines of sources.list. A recipe's own mirror stands for the whole archive: updates and security
   * are only added for the default one, since not every mirror carries them.
   */
  List<String> sources(Recipe recipe) {
    String from = recipe.mirror().orElse(mirror);
    List<String> lines = new ArrayList<>();
    lines.add(source(from, recipe.suite()));
    if (recipe.mirror().isEmpty() && !recipe.suite().matches("sid|unstable|testing|devel")) {
      lines.add(source(from, recipe.suite() + "-updates"));
      lines.add(
          source(
              this == DEBIAN ? "http://deb.debian.org/debian-security" : from,
              recipe.suite() + "-security"));
    }
    return lines;
  }

  private String source(String from, String suite) {
    return "deb [signed-by=\"" + keyring + "\"] " + from + " " + suite + " " + components;
  }
}
