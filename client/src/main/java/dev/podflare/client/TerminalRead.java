package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * Output of a terminal.
 *
 * @param dataB64 the bytes, in base64
 * @param nextSeq where to read on
 * @param exitCode once the program has ended and all was read
 * @param truncated bytes before these are not kept any more
 */
public record TerminalRead(
    String dataB64, long nextSeq, Optional<Integer> exitCode, boolean truncated) {
  public TerminalRead {
    requireNonNull(dataB64, "data_b64");
  }

  public byte[] bytes() {
    return java.util.Base64.getDecoder().decode(dataB64);
  }
}
