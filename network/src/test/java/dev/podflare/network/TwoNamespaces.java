package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.linux.NamespaceThread;
import java.io.IOException;
import java.net.Inet4Address;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * A "host" and a guest, joined by a cable. The host holds the address of a server outside, too, so
 * no packet leaves the machine.
 */
final class TwoNamespaces {
  static final Inet4Address SLOT = MemorySlots.v4("192.0.2.2");
  static final Inet4Address GATEWAY = MemorySlots.v4("192.0.2.1");
  static final Inet4Address SERVER = MemorySlots.v4("203.0.113.5");

  private final String hostName = "pfhost-" + ProcessHandle.current().pid();
  private final String guestName = "pfguest-" + ProcessHandle.current().pid();
  private final Path guestFiles = Path.of("/etc/netns", guestName);
  final NamespaceThread host;
  final NamespaceThread guest;

  TwoNamespaces() throws Exception {
    Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
    try {
      run("ip netns add " + hostName);
      run("ip netns add " + guestName);
      run("ip -n " + hostName + " link add eth0 type veth peer name eth0 netns " + guestName);
      run("ip -n " + hostName + " address add 192.0.2.1/24 dev eth0");
      run("ip -n " + hostName + " address add 203.0.113.5/32 dev lo");
      run("ip -n " + guestName + " address add 192.0.2.2/24 dev eth0");
      for (String name : new String[] {hostName, guestName}) {
        run("ip -n " + name + " link set lo up");
        run("ip -n " + name + " link set eth0 up");
      }
      run("ip -n " + guestName + " route add default via 192.0.2.1");
      Files.createDirectories(guestFiles);
      Files.writeString(
          guestFiles.resolve("resolv.conf"), "nameserver 192.0.2.1\noptions timeout:2\n");
      host = NamespaceThread.open("host", Optional.of(Path.of("/run/netns", hostName)));
      guest = NamespaceThread.open("guest", Optional.of(Path.of("/run/netns", guestName)));
    } catch (Exception e) {
      remove();
      throw e;
    }
  }

  /** Sends connections to this port of the guest's to the gate. */
  void redirect(int port, int gate) throws Exception {
    String in = "ip netns exec " + hostName + " nft ";
    run(in + "add table ip t");
    run(in + "add chain ip t c { type nat hook prerouting priority -100 ; }");
    run(in + "add rule ip t c ip saddr 192.0.2.2 tcp dport " + port + " redirect to :" + gate);
  }

  /** Runs a program in the guest; its output, whatever it ended with. */
  String inGuest(String command) throws Exception {
    return output("ip netns exec " + guestName + " " + command).strip();
  }

  private static void run(String command) throws Exception {
    String output = output(command);
    assertThat(output).as(command).isEmpty();
  }

  private static String output(String command) throws Exception {
    Process process = new ProcessBuilder(command.split(" ")).redirectErrorStream(true).start();
    byte[] output = process.getInputStream().readAllBytes();
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    return new String(output, StandardCharsets.UTF_8);
  }

  private void remove() throws Exception {
    output("ip netns del " + hostName);
    output("ip netns del " + guestName);
    Files.deleteIfExists(guestFiles.resolve("resolv.conf"));
    Files.deleteIfExists(guestFiles);
    try {
      Files.deleteIfExists(Path.of("/etc/netns"));
    } catch (IOException e) {
      // Others have files there.
    }
  }

  void close() throws Exception {
    host.close();
    guest.close();
    remove();
  }
}
