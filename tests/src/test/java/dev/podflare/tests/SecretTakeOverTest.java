package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SecretInfo;
import dev.podflare.client.SecretOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/** Secrets outlive the daemon: by the records, never by what is left of it. */
@OnPlatform
@ResourceLock(SecretSite.LOCK)
@Order(45)
class SecretTakeOverTest {
  private static final String NAME = "kept.example";
  private static final String GET =
      "import urllib.request as u; print(u.urlopen('https://kept.example/', timeout=60)"
          + ".read().decode())";

  @TempDir Path data;
  @TempDir Path folder;

  private final TestInternet internet = TestInternet.get();
  private final String value = "sk" + UUID.randomUUID().toString().replace("-", "");

  @AfterEach
  void clear() throws Exception {
    if (!HostState.leftovers(data, internet).isEmpty()) {
      DaemonProcess.start(data, internet).close();
    }
  }

  @Test
  void theNextDaemonPutsItInAndNothingHasIt() throws Exception {
    SecretSite.Certificate certificate = SecretSite.Certificate.make(folder, NAME);
    internet.names.put(NAME, TestInternet.SERVER);
    Map<String, String> trusting = Map.of("SSL_CERT_FILE", certificate.pem().toString());
    try (SecretSite site = SecretSite.tls(internet, TestInternet.SERVER, 443, certificate)) {
      String id;
      String placeholder;
      try (DaemonProcess first = DaemonProcess.start(data, internet, trusting);
          NamespaceDoor door = NamespaceDoor.open(internet.hostNamespace(), first.uri());
          Podflare client = first.client(door.uri())) {
        SecretOptions secret =
            SecretOptions.header("API_KEY", List.of(NAME), "Authorization", value);
        Sandbox sandbox = client.create(SandboxOptions.builder().secrets(List.of(secret)).build());
        id = sandbox.id();
        assertThat(python(sandbox, GET)).isEqualTo("fine");
        placeholder = sandbox.secrets().getFirst().placeholder();
        first.kill();
        assertThat(SecretSearch.files(data, HostState.processes(data), value)).isEmpty();
        for (long pid : HostState.processes(data)) {
          assertThat(SecretSearch.memory(pid, value)).isEmpty();
        }
        assertThat(first.log()).doesNotContain(value);
      }
      try (DaemonProcess next = DaemonProcess.start(data, internet, trusting);
          NamespaceDoor door = NamespaceDoor.open(internet.hostNamespace(), next.uri());
          Podflare client = next.client(door.uri())) {
        Sandbox sandbox = client.sandbox(id);
        assertThat(python(sandbox, GET)).isEqualTo("fine");
        SecretInfo info = sandbox.secrets().getFirst();
        assertThat(info.placeholder()).isEqualTo(placeholder);
        assertThat(info.uses()).isEqualTo(1);
        assertThat(bash(sandbox, "echo $API_KEY")).isEqualTo(placeholder);
        assertThat(site.seen)
            .hasSize(2)
            .allSatisfy(it -> assertThat(it.field("authorization")).containsExactly(value));
        assertThat(SecretSearch.files(data, HostState.processes(data), value)).isEmpty();
        assertThat(next.log()).doesNotContain(value);
        sandbox.delete();
      }
    }
    assertThat(HostState.leftovers(data, internet)).isEmpty();
  }
}
