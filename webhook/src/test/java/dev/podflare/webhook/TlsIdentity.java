package dev.podflare.webhook;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/**
 * A certificate for a name, made by the JDK's own tool.
 *
 * @param context of the server that has it
 * @param trusted for clients that trust it
 */
record TlsIdentity(SSLContext context, KeyStore trusted) {
  private static final String PASSWORD = "changeit";

  static TlsIdentity make(Path file, String name) throws Exception {
    keytool(
        "-genkeypair -alias a -keyalg EC -groupname secp256r1 -dname CN="
            + name
            + " -storetype PKCS12 -ext san=dns:"
            + name
            + " -storepass "
            + PASSWORD
            + " -keystore "
            + file);
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      store.load(in, PASSWORD.toCharArray());
    }
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("a", store.getCertificate("a"));
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(store, PASSWORD.toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    return new TlsIdentity(context, trusted);
  }

  private static void keytool(String arguments) throws IOException, InterruptedException {
    List<String> command =
        new java.util.ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
    command.addAll(List.of(arguments.split(" ")));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    byte[] output = process.getInputStream().readAllBytes();
    if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
      throw new IOException(new String(output, StandardCharsets.UTF_8));
    }
  }
}
