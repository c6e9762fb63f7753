package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** A network namespace that stands for the host, with a way out that leads nowhere. */
final class HostNamespace implements AutoCloseable {
  private final String name;

  HostNamespace(String what) {
    name = "pf-" + what + "-" + ProcessHandle.current().pid();
    run("ip netns add " + name);
    try {
      run("ip -n " + name + " link set lo up");
      run("ip -n " + name + " link add uplink type veth peer name outside");
      run("ip -n " + name + " address add 198.51.100.2/24 dev uplink");
      run("ip -n " + name + " link set uplink up");
      run("ip -n " + name + " link set outside up");
      run("ip -n " + name + " route add default via 198.51.100.1");
    } catch (RuntimeException | AssertionError e) {
      close();
      throw e;
    }
  }

  Path path() {
    return Path.of("/run/netns", name);
  }

  private static void run(String command) {
    try {
      Process process = new ProcessBuilder(command.split(" ")).redirectErrorStream(true).start();
      byte[] output = process.getInputStream().readAllBytes();
      assertThat(process.onExit().orTimeout(20, TimeUnit.SECONDS).join().exitValue())
          .as("%s: %s", command, new String(output, StandardCharsets.UTF_8))
          .isZero();
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  @Override
  public void close() {
    run("ip netns del " + name);
  }
}
