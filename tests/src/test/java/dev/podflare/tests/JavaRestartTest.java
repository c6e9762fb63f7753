package dev.podflare.tests;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ClientConfig;
import dev.podflare.client.Language;
import dev.podflare.client.Podflare;
import dev.podflare.client.ProcessInfo;
import dev.podflare.client.ProcessOptions;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxProcess;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A daemon that is killed and starts anew while the Java SDK is at work. */
@OnPlatform
@Order(60)
class JavaRestartTest {
  private static final String COUNT =
      "import time\nfor i in range(400):\n    print(i, flush=True)\n    time.sleep(0.05)";

  @TempDir Path data;

  @Test
  void aCallAndAWaitOutliveTheDaemon() throws Exception {
    AtomicReference<RunResult> result = new AtomicReference<>();
    AtomicReference<ProcessInfo> end = new AtomicReference<>();
    DaemonProcess first = DaemonProcess.start(data);
    try (first;
        CuttingProxy address = new CuttingProxy(first.uri());
        Podflare client = new Podflare(ClientConfig.of(address.address(), key(first)))) {
      Sandbox sandbox = client.create();
      CountDownLatch begun = new CountDownLatch(1);
      RunListener listener =
          new RunListener() {
            @Override
            public void stdout(byte[] bytes) {
              begun.countDown();
            }
          };
      RunRequest counting = RunRequest.of(COUNT, Language.PYTHON);
      Thread call = Thread.ofVirtual().start(() -> result.set(sandbox.run(counting, listener)));
      assertThat(begun.await(TestPlatform.PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
      SandboxProcess process =
          sandbox.startProcess(
              ProcessOptions.command(
                  GuestProbe.inBash("for i in $(seq 100); do echo $i; WAIT; done; exit 3", 0.1)));
      process.awaitLine("^3$", TestPlatform.PATIENCE);
      Thread wait = Thread.ofVirtual().start(() -> end.set(process.await(TestPlatform.PATIENCE)));
      first.kill();
      try (DaemonProcess next = DaemonProcess.start(data)) {
        address.leadTo(next.uri());
        assertThat(sandbox.runCode("echo beside", Language.BASH).stdout()).isEqualTo("beside\n");
        assertThat(call.join(TestPlatform.PATIENCE)).isTrue();
        assertThat(wait.join(TestPlatform.PATIENCE)).isTrue();
        RunResult whole = requireNonNull(result.get());
        assertThat(whole.stdout())
            .isEqualTo(
                IntStream.range(0, 400).mapToObj(i -> i + "\n").collect(Collectors.joining()));
        assertThat(whole.truncated()).isFalse();
        assertThat(requireNonNull(end.get()).exitCode()).contains(3);
        sandbox.delete();
      }
    }
  }

  private static Optional<String> key(DaemonProcess daemon) throws Exception {
    return Optional.of(daemon.key());
  }
}
