package dev.podflare.image;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The authorities that somebody added to this host, by SHA-256 of the certificate: what lies in
 * {@code /usr/local/share/ca-certificates}, and what is in the host's bundle without being one of
 * its distribution's. The distribution's own are left to the guest's, which may have good reason to
 * trust one no longer.
 */
final class HostCertificates {
  static final Path BUNDLE = Path.of("/etc/ssl/certs/ca-certificates.crt");

  private static final int MAX_CERTIFICATES = 1000;
  private static final long MAX_FILE_BYTES = 16L << 20;
  private static final Pattern PEM =
      Pattern.compile("-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----");

  private HostCertificates() {}

  /** Fingerprint to certificate in PEM. */
  static SortedMap<String, String> ofHost() {
    return read(
        Path.of("/usr/local/share/ca-certificates"), BUNDLE, Path.of("/usr/share/ca-certificates"));
  }

  static SortedMap<String, String> read(Path added, Path bundle, Path distribution) {
    SortedMap<String, String> all = in(bundle);
    all.keySet().removeAll(below(distribution).keySet());
    all.putAll(below(added));
    if (all.size() > MAX_CERTIFICATES) {
      throw new PodflareException(
          ErrorCode.BUILD_FAILED,
          "This host has "
              + all.size()
              + " added CA certificates; at most "
              + MAX_CERTIFICATES
              + " can go into a guest.");
    }
    return Collections.unmodifiableSortedMap(all);
  }

  /** Certificates of one file; none when there is no such file. */
  static SortedMap<String, String> in(Path file) {
    SortedMap<String, String> found = new TreeMap<>();
    try {
      if (!Files.isRegularFile(file) || Files.size(file) > MAX_FILE_BYTES) {
        return found;
      }
      Matcher matcher = PEM.matcher(Files.readString(file, StandardCharsets.ISO_8859_1));
      while (matcher.find()) {
        byte[] der = Base64.getMimeDecoder().decode(matcher.group(1));
        if (isCertificate(der)) {
          found.put(Fingerprint.of(der), matcher.group() + "\n");
        }
      }
      return found;
    } catch (IOException | IllegalArgumentException e) {
      throw new PodflareException(
          ErrorCode.BUILD_FAILED, "Cannot read the host's CA certificates in " + file + ".", e);
    }
  }

  private static SortedMap<String, String> below(Path folder) {
    SortedMap<String, String> found = new TreeMap<>();
    if (!Files.isDirectory(folder)) {
      return found;
    }
    List<Path> files = new ArrayList<>();
    try (Stream<Path> paths = Files.walk(folder, 8)) {
      paths.filter(path -> path.toString().endsWith(".crt")).forEach(files::add);
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.BUILD_FAILED, "Cannot list the host's CA certificates in " + folder + ".", e);
    }
    files.forEach(file -> found.putAll(in(file)));
    return found;
  }

  private static boolean isCertificate(byte[] der) {
    try {
      CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
      return true;
    } catch (GeneralSecurityException e) {
      return false;
    }
  }
}
