package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.LogLine;
import dev.podflare.client.Podflare;
import dev.podflare.client.ProcessInfo;
import dev.podflare.client.ProcessOptions;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxProcess;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code kill -9} of the daemon while processes run, and the next one goes on with them. */
@OnPlatform
@Order(90)
class ProcessTakeOverTest {
  private static final Duration PATIENCE = TestPlatform.PATIENCE;

  @TempDir Path data;

  @Test
  void processesGoOnWithEveryEventNumberedAsItWas() throws Exception {
    String id;
    String counter;
    String cat;
    String ends;
    ProcessInfo web;
    LogLine hundredth;
    LogHeard heard;
    try (DaemonProcess first = DaemonProcess.start(data);
        Podflare client = first.client()) {
      Sandbox sandbox = client.create();
      id = sandbox.id();
      SandboxProcess counts = sandbox.startProcess(ProcessesTest.COUNTER.withName("counter"));
      counter = counts.id();
      web = sandbox.startProcess(ProcessesTest.web(8000)).info();
      sandbox.awaitPort(8000, PATIENCE, Optional.of("web"));
      SandboxProcess reads = sandbox.startProcess(ProcessOptions.of("cat").withInput());
      cat = reads.id();
      reads.input("before\n".getBytes(StandardCharsets.UTF_8));
      reads.awaitText("before", 0, PATIENCE);
      // So much that what was said before it is forgotten, but for what goes along.
      SandboxProcess flood =
          sandbox.startProcess(ProcessOptions.command("head -c 4000000 /dev/zero"));
      assertThat(flood.await(PATIENCE).exitCode()).contains(0);
      ends =
          sandbox
              .startProcess(
                  ProcessOptions.command(
                      GuestProbe.inBash("until [ -e /root/end ]; do WAIT; done; exit 7", 0.1)))
              .id();
      hundredth = counts.awaitLine("^100$", PATIENCE);
      heard = LogHeard.kept(counts, 0);
      bash(sandbox, "(sleep 2; touch /root/end) > /dev/null 2>&1 &");
      first.kill();
    }
    try (DaemonProcess next = DaemonProcess.start(data);
        Podflare client = next.client()) {
      Sandbox sandbox = client.sandbox(id);
      assertThat(sandbox.processes())
          .extracting(ProcessInfo::processId)
          .contains(counter, cat, ends, web.processId());
      ProcessInfo now = sandbox.process("web").info();
      assertThat(now.pid()).isEqualTo(web.pid());
      assertThat(now.startedAt()).isEqualTo(web.startedAt());
      assertThat(now.command()).isEqualTo(web.command());
      assertThat(sandbox.awaitPort(8000, PATIENCE, Optional.of("web")).reachable()).isTrue();
      SandboxProcess reads = sandbox.process(cat);
      reads.input("after\n".getBytes(StandardCharsets.UTF_8));
      reads.awaitText("after", 0, PATIENCE);
      reads.closeInput();
      LogHeard read = LogHeard.toTheEnd(reads, 0);
      assertThat(read.stdout()).isEqualTo("before\nafter\n");
      assertThat(read.code()).isZero();
      assertThat(sandbox.process(ends).await(PATIENCE).exitCode()).contains(7);
      SandboxProcess counts = sandbox.process("counter");
      assertThat(counts.awaitLine("^100$", PATIENCE)).isEqualTo(hundredth);
      bash(sandbox, "touch /root/stop");
      LogHeard rest = LogHeard.toTheEnd(counts, heard.next());
      assertThat(rest.skipped()).isZero();
      List<String> all = (heard.stdout() + rest.stdout()).lines().toList();
      for (int i = 0; i < all.size(); i++) {
        assertThat(all.get(i)).isEqualTo(Integer.toString(i));
      }
      assertThat(rest.code()).isEqualTo(5);
      sandbox.process("web").end();
      assertThat(sandbox.process("web").await(PATIENCE).exitCode()).contains(143);
      sandbox.delete();
      assertThat(next.terminate()).isEqualTo(143);
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }
}
