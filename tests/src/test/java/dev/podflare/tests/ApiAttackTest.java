package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.NetworkPolicy;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import java.nio.file.Path;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A daemon that listens for a whole network does not listen to its own guests. */
@OnPlatform
@Order(45)
class ApiAttackTest {
  private final TestInternet internet = TestInternet.get();

  @Test
  void aGuestDoesNotReachTheDaemonThatKeepsIt(@TempDir Path data) throws Exception {
    try (DaemonProcess daemon = DaemonProcess.startPublic(data, internet);
        NamespaceDoor door = NamespaceDoor.open(internet.hostNamespace(), daemon.uri());
        Podflare client = daemon.client(door.uri());
        Sandbox guest =
            client.create(SandboxOptions.builder().network(NetworkPolicy.open()).build())) {
      String ask =
          """
          import urllib.request, urllib.error
          try:
              print(urllib.request.urlopen('%s/v1/healthz', timeout=10).status)
          except urllib.error.URLError as error:
              print(type(error.reason).__name__)
          """
              .formatted(daemon.uri());
      assertThat(python(guest, ask)).isEqualTo("ConnectionRefusedError");
      internet.filter(data, "flush chain inet %s input");
      assertThat(python(guest, ask)).as("without the guard").isEqualTo("200");
    }
  }
}
