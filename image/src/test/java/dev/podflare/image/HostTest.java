package dev.podflare.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What builds read from the host: its packages, settings and certificates. */
class HostTest {
  @TempDir Path folder;

  @Test
  void missingAndDynamicBusyboxAreToldApart() throws IOException {
    assertThat(HostPackages.isStatic(HostPackages.program("busybox"))).isTrue();
    assertThat(HostPackages.isStatic(HostPackages.program("ls"))).isFalse();
    assertThat(HostPackages.isStatic(Files.writeString(folder.resolve("x"), "#!/bin/sh")))
        .isFalse();
    assertThat(HostPackages.isStatic(folder.resolve("nothing"))).isFalse();
  }

  @Test
  void everyNeededFileNamesItsPackage() {
    assertThat(HostPackages.all())
        .allSatisfy(at -> assertThat(at.debianPackage()).matches("[a-z0-9][a-z0-9+.-]+"))
        .extracting(HostPackages.HostPackage::debianPackage)
        .contains("mmdebstrap", "e2fsprogs", "busybox-static", "debian-archive-keyring");
    assertThat(HostPackages.missing()).isSubsetOf(HostPackages.all());
  }

  @Test
  void pipSettingsComeFromFilesAndEnvironment() throws IOException {
    Path etc = Files.createDirectory(folder.resolve("etc"));
    Path home = Files.createDirectories(folder.resolve("home/.config/pip")).getParent();
    Files.writeString(
        etc.resolve("pip.conf"),
        "[global]\nindex-url = https://a.example/simple\n# no\nuser = true\n[list]\nproxy = x\n");
    Files.writeString(
        folder.resolve("home/.config/pip/pip.conf"),
        "[install]\nextra_index_url =\n  https://b.example\n  https://c.example\ntimeout: 7\n");
    Map<String, String> environment =
        Map.of("PIP_TIMEOUT", "9", "PIP_USER", "1", "http_proxy", "http://p:1", "PATH", "/bin");
    HostSettings settings = new HostSettings(environment, folder.resolve("home"), etc);
    assertThat(home).exists();
    assertThat(settings.pip())
        .containsOnly(
            Map.entry("PIP_INDEX_URL", "https://a.example/simple"),
            Map.entry("PIP_EXTRA_INDEX_URL", "https://b.example https://c.example"),
            Map.entry("PIP_TIMEOUT", "9"));
    assertThat(settings.proxies()).containsOnly(Map.entry("http_proxy", "http://p:1"));
  }

  @Test
  void aptSettingsAreThoseThatReachArchives() {
    assertThat(
            AptSettings.wanted(
                """
                Acquire ""
                Acquire::http::Proxy "http://p:1"
                Acquire::https::Proxy ""
                Acquire::Check-Date "false"
                Acquire::Languages:: "en"
                """))
        .containsExactly("Acquire::http::Proxy \"http://p:1\"", "Acquire::Check-Date \"false\"");
  }

  @Test
  void certificatesAreThoseThatTheHostAdded() throws Exception {
    List<String> pems = someCertificates();
    Path added = Files.createDirectories(folder.resolve("added/company"));
    Path own = Files.createDirectories(folder.resolve("distribution"));
    Files.writeString(added.resolve("a.crt"), pems.get(0));
    Files.writeString(added.resolve("b.crt"), "not a certificate");
    Files.writeString(own.resolve("c.crt"), pems.get(1));
    Path bundle =
        Files.writeString(
            folder.resolve("bundle"), pems.get(0) + "# comment\n" + pems.get(1) + pems.get(2));
    var read = HostCertificates.read(folder.resolve("added"), bundle, own);
    assertThat(read.values()).containsExactlyInAnyOrder(pems.get(0), pems.get(2));
    assertThat(HostCertificates.read(folder, folder.resolve("none"), folder.resolve("none")))
        .hasSize(2);
    assertThat(
            HostCertificates.read(
                folder.resolve("no"), folder.resolve("none"), folder.resolve("none")))
        .isEmpty();
  }

  private static List<String> someCertificates() throws GeneralSecurityException {
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init((KeyStore) null);
    List<String> pems = new ArrayList<>();
    for (TrustManager manager : factory.getTrustManagers()) {
      if (manager instanceof X509TrustManager trust) {
        for (Certificate certificate : trust.getAcceptedIssuers()) {
          String base64 =
              Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(certificate.getEncoded());
          pems.add("-----BEGIN CERTIFICATE-----\n" + base64 + "\n-----END CERTIFICATE-----\n");
        }
      }
    }
    Collections.sort(pems);
    return pems.subList(0, 3);
  }
}
