package dev.podflare.network;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** A certificate of its own for the names of a test, and both ends of TLS with it. */
final class TestCertificate {
  private static final char[] PASSWORD = "changeit".toCharArray();

  final SSLContext context;
  final Path pem;

  private TestCertificate(SSLContext context, Path pem) {
    this.context = context;
    this.pem = pem;
  }

  static TestCertificate make(Path folder) throws Exception {
    Path store = folder.resolve("keys.p12");
    Path pem = folder.resolve("certificate.pem");
    keytool(
        "-genkeypair -alias a -keyalg EC -groupname secp256r1 -dname CN=good.example -storetype PKCS12"
            + " -ext san=dns:good.example,dns:evil.example,dns:*.good.example -storepass changeit"
            + " -keystore "
            + store);
    keytool("-exportcert -rfc -alias a -storepass changeit -keystore " + store + " -file " + pem);
    return new TestCertificate(context(store), pem);
  }

  private static void keytool(String arguments) throws IOException, InterruptedException {
    List<String> command = new java.util.ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(List.of(arguments.split(" ")));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    byte[] output = process.getInputStream().readAllBytes();
    if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
      throw new IOException(new String(output, java.nio.charset.StandardCharsets.UTF_8));
    }
  }

  private static SSLContext context(Path file) throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      store.load(in, PASSWORD);
    }
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("a", store.getCertificate("a"));
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(store, PASSWORD);
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }

  /** TLS over an open connection, saying this name. */
  SSLSocket over(java.net.Socket socket, String name) throws IOException {
    SSLSocket tls = (SSLSocket) context.getSocketFactory().createSocket(socket, name, 443, true);
    SSLParameters parameters = tls.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    tls.setSSLParameters(parameters);
    tls.startHandshake();
    return tls;
  }
}
