package dev.podflare.guest;

import java.nio.charset.StandardCharsets;

/**
 * An authority that a guest's programs are to trust.
 *
 * @param hash under which OpenSSL looks for it in a folder, eight hex digits
 * @param pem its certificate
 */
public record Authority(String hash, String pem) {
  byte[] payload() {
    return (hash + "\n" + pem).getBytes(StandardCharsets.US_ASCII);
  }
}
