package dev.podflare.qemu;

import java.nio.file.Path;
import java.util.Locale;

/**
 * How guests are run, and why that was chosen.
 *
 * @param binary QEMU that offers it
 * @param reason a sentence for {@code doctor}, the log and {@code /v1/info}
 */
public record Accelerator(Kind kind, Path binary, String reason) {
  /** KVM: by the processor. TCG: software emulation. */
  public enum Kind {
    KVM,
    TCG;

    public String wireName() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
