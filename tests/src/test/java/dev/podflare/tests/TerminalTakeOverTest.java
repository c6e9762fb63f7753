package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.Terminal;
import dev.podflare.client.TerminalOptions;
import dev.podflare.client.TerminalRead;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code kill -9} of the daemon while terminals are open, and the next one goes on with them. */
@OnPlatform
@Order(89)
class TerminalTakeOverTest {
  @TempDir Path data;

  @Test
  void terminalsGoOnWithEveryByteNumberedAsItWas() throws Exception {
    String id;
    String shell;
    String counter;
    String flood;
    long heard;
    try (DaemonProcess first = DaemonProcess.start(data);
        Podflare client = first.client()) {
      Sandbox sandbox = client.create();
      id = sandbox.id();
      Terminal terminal = TerminalTest.shell(sandbox);
      shell = terminal.id();
      counter =
          sandbox
              .openTerminal(
                  TerminalOptions.command(
                      "stty -opost; i=0; until [ -e /root/stop ]; do echo $i; i=$((i+1));"
                          + " ((i % 200)) || sleep 0.05; done"))
              .id();
      try (Watcher watcher = new Watcher(terminal)) {
        watcher.awaitText("$ ").ask("x=kept; echo set-$x", "set-kept");
      }
      // So much that what was said before it is forgotten.
      Terminal much =
          sandbox.openTerminal(TerminalOptions.command("head -c 4000000 /dev/zero; exit 3"));
      flood = much.id();
      try (Watcher watcher = new Watcher(much)) {
        assertThat(watcher.end()).contains(3);
      }
      heard = 0;
      for (long next = 1; next > heard || heard < 20_000; ) {
        heard = next;
        next = sandbox.terminal(counter).read(heard, 1 << 20, Duration.ZERO).nextSeq();
      }
      first.kill();
    }
    try (DaemonProcess next = DaemonProcess.start(data);
        Podflare client = next.client()) {
      Sandbox sandbox = client.sandbox(id);
      assertThat(sandbox.terminals()).extracting(it -> it.ptyId()).contains(shell, counter);
      try (Watcher watcher = new Watcher(sandbox.terminal(shell))) {
        watcher.awaitText("set-kept").ask("echo again-$x", "again-kept");
        watcher.ask("touch /root/stop; echo stopped", "stopped\r\n");
        watcher.type("exit 5\n");
        assertThat(watcher.end()).contains(5);
      }
      StringBuilder rest = new StringBuilder();
      long from = heard;
      TerminalRead read = sandbox.terminal(counter).read(from, 1 << 20, Duration.ofSeconds(20));
      while (true) {
        assertThat(read.truncated()).isFalse();
        rest.append(new String(read.bytes(), StandardCharsets.US_ASCII));
        if (read.exitCode().isPresent()) {
          break;
        }
        read = sandbox.terminal(counter).read(read.nextSeq(), 1 << 20, Duration.ofSeconds(20));
      }
      assertThat(read.exitCode()).contains(0);
      int last =
          Integer.parseInt(rest.toString().strip().lines().reduce((a, b) -> b).orElseThrow());
      String whole =
          IntStream.rangeClosed(0, last).mapToObj(i -> i + "\n").collect(Collectors.joining());
      assertThat(read.nextSeq()).isEqualTo(whole.length());
      assertThat(rest.toString()).isEqualTo(whole.substring((int) heard));
      assertThat(sandbox.terminals())
          .filteredOn(it -> it.ptyId().equals(flood))
          .allSatisfy(it -> assertThat(it.exitCode()).contains(3));
      sandbox.delete();
      assertThat(next.terminate()).isEqualTo(143);
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }
}
