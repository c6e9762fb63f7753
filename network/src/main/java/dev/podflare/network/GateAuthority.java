package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;

/**
 * The daemon's own authority, which signs the certificates that the gate shows to guests with
 * secrets. Only their trust stores have it. Its key is in one file of the data folder, readable by
 * root alone, and never leaves the host. Immutable.
 */
public final class GateAuthority {
  private final GateCertificates.Keyed own;

  private GateAuthority(GateCertificates.Keyed own) {
    this.own = own;
  }

  /** A host's certificate with its key. */
  record Leaf(PrivateKey key, X509Certificate certificate) {}

  /**
   * The one of the file; it is made if there is none.
   *
   * @throws PodflareException {@code host_not_ready} if the file cannot be read or written
   */
  public static GateAuthority open(Path file) {
    try {
      if (!Files.exists(file)) {
        write(file, GateCertificates.authority());
      }
      return new GateAuthority(GateCertificates.read(Files.readString(file)));
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY,
          "the gate's authority cannot be had from " + file + ": " + e.getMessage(),
          e);
    }
  }

  /** Whole or not at all, and readable by root alone from its first byte on. */
  private static void write(Path file, String text) throws IOException {
    Path draft = file.resolveSibling(file.getFileName() + ".new");
    Files.deleteIfExists(draft);
    Files.createFile(
        draft, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(draft, text, StandardOpenOption.WRITE, StandardOpenOption.SYNC);
    try {
      Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      throw new IOException("it cannot be renamed in its folder", e);
    }
  }

  /** A certificate for one host. */
  Leaf leaf(String host) {
    try {
      GateCertificates.Keyed leaf = GateCertificates.leaf(own, host);
      return new Leaf(leaf.key(), leaf.certificate());
    } catch (IOException | GeneralSecurityException e) {
      throw new PodflareException(
          ErrorCode.INTERNAL, "no certificate could be made for " + host, e);
    }
  }

  X509Certificate certificate() {
    return own.certificate();
  }

  /** The certificate, as trust stores take it. */
  public String pem() {
    try {
      return GateCertificates.pem(own.certificate());
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "a certificate cannot be written", e);
    }
  }

  /** Under which OpenSSL looks for it in a folder: eight hex digits, without the {@code .0}. */
  public String subjectHash() {
    try {
      return GateCertificates.subjectHash(own.certificate());
    } catch (IOException | GeneralSecurityException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "a name cannot be hashed", e);
    }
  }
}
