package dev.podflare.cli;

import dev.podflare.client.ApiException;
import dev.podflare.client.ClientConfig;
import dev.podflare.client.Podflare;
import dev.podflare.client.SandboxOptions;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * How long a daemon takes from the start of its process to the answer of a first create, as a
 * process of its own with the flags of this one. One thread.
 */
final class StartBench {
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private final ServeConfig config;

  /** Sandboxes that a daemon has when it dies. */
  static final int SANDBOXES = 20;

  StartBench(ServeConfig config) {
    this.config = config;
  }

  private interface Measurement {
    double in(Path data) throws IOException, InterruptedException;
  }

  /** Seconds. */
  double measure() {
    return inFolder(this::measureIn);
  }

  private static double inFolder(Measurement measurement) {
    Path data = TemporaryFolder.create("podflare-start");
    try {
      return measurement.in(data);
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot start a daemon", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.TIMED_OUT, "interrupted", e);
    } finally {
      TemporaryFolder.delete(data);
    }
  }

  private double measureIn(Path data) throws IOException, InterruptedException {
    int port = freePort();
    long begin = System.nanoTime();
    Process daemon = launch(data, port);
    try {
      awaitCreate(data, port, daemon);
      return (System.nanoTime() - begin) / 1e9;
    } finally {
      end(daemon);
    }
  }

  /**
   * Seconds from the start of a daemon, after another was killed, until all {@link #SANDBOXES} that
   * this one had have answered.
   */
  double measureRestart() {
    return inFolder(this::measureRestartIn);
  }

  private double measureRestartIn(Path data) throws IOException, InterruptedException {
    List<String> ids = new ArrayList<>();
    int port = freePort();
    Process first = launch(data, port);
    try {
      awaitCreate(data, port, first);
      try (Podflare podflare = new Podflare(address(data, port))) {
        while (ids.size() < SANDBOXES) {
          ids.add(podflare.create(SandboxOptions.builder().build()).id());
        }
      }
    } finally {
      first.destroyForcibly().waitFor();
    }
    int nextPort = freePort();
    long begin = System.nanoTime();
    Process next = launch(data, nextPort);
    try (Podflare podflare = new Podflare(address(data, nextPort))) {
      awaitAnswers(podflare, ids, next);
      return (System.nanoTime() - begin) / 1e9;
    } finally {
      end(next);
    }
  }

  private static void awaitAnswers(Podflare podflare, List<String> ids, Process daemon)
      throws InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    for (String id : ids) {
      while (!answers(podflare, id)) {
        if (System.nanoTime() > end || !daemon.isAlive()) {
          throw new PodflareException(ErrorCode.TIMED_OUT, id + " does not answer any more");
        }
        Thread.sleep(5);
      }
    }
  }

  private static boolean answers(Podflare podflare, String id) {
    try {
      return podflare.sandbox(id).runCode("print(1)").exitCode() == 0;
    } catch (ApiException notYet) {
      if (notYet.code().equals(ApiException.UNREACHABLE)) {
        return false;
      }
      throw notYet;
    }
  }

  private Process launch(Path data, int port) throws IOException {
    return new ProcessBuilder(command(data, port))
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  private static void end(Process daemon) throws InterruptedException {
    daemon.destroy();
    if (!daemon.waitFor(30, TimeUnit.SECONDS)) {
      daemon.destroyForcibly().waitFor();
    }
  }

  private static ClientConfig address(Path data, int port) {
    return ClientConfig.of(
            ClientConfig.address("http://127.0.0.1:" + port), DataFolder.adminKey(data))
        .withRetries(0) // the moment in which it answers is measured
        .withRejoinTimeout(Duration.ZERO);
  }

  private List<String> command(Path data, int port) {
    List<String> line = new ArrayList<>();
    line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    line.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    line.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    line.addAll(List.of("serve", "--listen", "127.0.0.1:" + port, "--data", data.toString()));
    line.addAll(List.of("--templates", DaemonWiring.templates(config).toString()));
    line.addAll(List.of("--template", config.template()));
    // The probe's answer is remembered until the next boot, but in the data folder's own place.
    line.addAll(List.of("--accel", config.accelerator().name().toLowerCase(java.util.Locale.ROOT)));
    return line;
  }

  private static void awaitCreate(Path data, int port, Process daemon) throws InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() < end && daemon.isAlive()) {
      if (DataFolder.adminKey(data).isPresent() && created(address(data, port))) {
        return;
      }
      Thread.sleep(5);
    }
    throw new PodflareException(ErrorCode.TIMED_OUT, "the daemon did not create a sandbox");
  }

  private static boolean created(ClientConfig address) {
    try (Podflare podflare = new Podflare(address)) {
      podflare.create(SandboxOptions.builder().build()).close();
      return true;
    } catch (ApiException notYet) {
      return false;
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
