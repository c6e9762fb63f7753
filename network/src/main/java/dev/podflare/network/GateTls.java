package dev.podflare.network;

import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.LoadingCache;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.Lazily;
import dev.podflare.common.PodflareException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Both ends of TLS that the gate has: to guests with certificates of its {@link GateAuthority},
 * made when they are needed; to hosts with the trust of this host. HTTP/1.1 is all that is spoken;
 * HTTP/2 is not offered. Thread-safe.
 */
final class GateTls {
  private static final Logger LOG = LoggerFactory.getLogger(GateTls.class);
  private static final Path HOST_BUNDLE = Path.of("/etc/ssl/certs/ca-certificates.crt");
  private static final String[] PROTOCOLS = {"http/1.1"};
  private static final char[] NO_PASSWORD = new char[0];

  /** Keys are made anew after it; guests do not care. */
  private static final Duration LEAF_USE = Duration.ofDays(1);

  private static final int MOST_LEAVES = 1024;

  /** Sessions that guests may take up again, by host. */
  private static final int MOST_SESSIONS = 64;

  private static final int SESSION_SECONDS = 300;

  static {
    // Read once, when the first TLS is set up. A guest's handshakes are counted as connections.
    System.setProperty("jdk.tls.rejectClientInitiatedRenegotiation", "true");
  }

  private final Supplier<GateAuthority> authority;
  private final Supplier<SSLContext> outward;
  private final LoadingCache<String, SSLContext> inward =
      Caffeine.newBuilder().maximumSize(MOST_LEAVES).expireAfterWrite(LEAF_USE).build(this::inward);

  /**
   * Trusts what the JDK does, the host's own bundle, and the given files. These are some hundred
   * certificates, which are read when the first host is called: most daemons never do.
   *
   * @param authority asked when the first certificate is needed
   */
  GateTls(Supplier<GateAuthority> authority, List<Path> added) {
    this.authority = authority;
    this.outward = Lazily.once(() -> outward(added));
  }

  /**
   * Shakes hands with a guest that wants this host.
   *
   * @param consumed what was read of the socket before
   */
  SSLSocket accept(Socket socket, InputStream consumed, String host) throws IOException {
    SSLSocket tls =
        (SSLSocket) inward.get(host).getSocketFactory().createSocket(socket, consumed, false);
    tls.setUseClientMode(false);
    SSLParameters parameters = tls.getSSLParameters();
    parameters.setApplicationProtocols(PROTOCOLS);
    tls.setSSLParameters(parameters);
    tls.startHandshake();
    return tls;
  }

  /**
   * Shakes hands with a host, whose certificate has to be for this name.
   *
   * @param patience for each of its answers
   */
  SSLSocket connect(Socket socket, String host, int port, Duration patience) throws IOException {
    SSLSocket tls =
        (SSLSocket) outward.get().getSocketFactory().createSocket(socket, host, port, false);
    SSLParameters parameters = tls.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    parameters.setServerNames(List.of(new SNIHostName(host)));
    parameters.setApplicationProtocols(PROTOCOLS);
    tls.setSSLParameters(parameters);
    tls.setSoTimeout(Math.toIntExact(patience.toMillis()));
    tls.startHandshake();
    tls.setSoTimeout(0); // from here on the idle watch sees to it
    return tls;
  }

  private SSLContext inward(String host) {
    GateAuthority signer = authority.get();
    GateAuthority.Leaf leaf = signer.leaf(host);
    try {
      KeyStore store = empty();
      store.setKeyEntry(
          "leaf",
          leaf.key(),
          NO_PASSWORD,
          new Certificate[] {leaf.certificate(), signer.certificate()});
      KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
      keys.init(store, NO_PASSWORD);
      SSLContext context = context(keys, null);
      context.getServerSessionContext().setSessionCacheSize(MOST_SESSIONS);
      context.getServerSessionContext().setSessionTimeout(SESSION_SECONDS);
      return context;
    } catch (GeneralSecurityException | IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "no TLS for " + host, e);
    }
  }

  private static SSLContext outward(List<Path> added) {
    try {
      KeyStore store = empty();
      addUsual(store);
      if (Files.isReadable(HOST_BUNDLE)) {
        add(store, HOST_BUNDLE);
      }
      for (Path file : added) {
        add(store, file);
      }
      TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
      trust.init(store);
      return context(null, trust.getTrustManagers());
    } catch (GeneralSecurityException | IOException e) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY, "the gate cannot trust any host: " + e.getMessage(), e);
    }
  }

  private static SSLContext context(
      @Nullable KeyManagerFactory keys, TrustManager @Nullable [] trust)
      throws GeneralSecurityException {
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys == null ? null : keys.getKeyManagers(), trust, null);
    return context;
  }

  private static KeyStore empty() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, NO_PASSWORD);
    return store;
  }

  private static void addUsual(KeyStore store) throws GeneralSecurityException {
    TrustManagerFactory usual = TrustManagerFactory.getInstance("PKIX");
    usual.init((KeyStore) null);
    for (TrustManager manager : usual.getTrustManagers()) {
      if (manager instanceof X509TrustManager trusting) {
        for (X509Certificate issuer : trusting.getAcceptedIssuers()) {
          add(store, issuer);
        }
      }
    }
  }

  /** A file that cannot be read costs those hosts that need it, not the daemon. */
  private static void add(KeyStore store, Path file) throws GeneralSecurityException {
    try (InputStream in = new ByteArrayInputStream(Files.readAllBytes(file))) {
      for (Certificate each : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
        add(store, each);
      }
    } catch (IOException | CertificateException e) {
      LOG.warn("the gate does not trust the certificates of {}: {}", file, e.getMessage());
    }
  }

  private static void add(KeyStore store, Certificate certificate) throws GeneralSecurityException {
    store.setCertificateEntry("c" + store.size(), certificate);
  }
}
