package dev.podflare.cli;

import dev.podflare.client.ClientConfig;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * What MCP costs: {@code run_code} through both doors against the same call over HTTP, all in one
 * warm sandbox and in turns. One thread.
 */
final class McpBench {
  private static final int WARM_UP_ROUNDS = 50;
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final String INITIALIZE =
      "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
          + "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"b\",\"version\":\"1\"}}}";

  private final Podflare podflare;
  private final SandboxOptions options;
  private final int rounds;

  McpBench(Podflare podflare, SandboxOptions options, int rounds) {
    this.podflare = podflare;
    this.options = options;
    this.rounds = rounds;
  }

  /** A door, from the client's side. */
  private interface Door extends AutoCloseable {
    /** Sends a message and gives what answers it, as text. */
    String ask(String message) throws IOException, InterruptedException;

    @Override
    void close();
  }

  List<BenchRow> measure(Consumer<String> progress) {
    progress.accept("run_code by MCP, " + rounds + " calls a door");
    List<Double> exec = new ArrayList<>();
    List<Double> http = new ArrayList<>();
    List<Double> stdio = new ArrayList<>();
    try (Sandbox sandbox = podflare.create(options);
        Door overHttp = new HttpDoor(podflare.config());
        Door onStreams = new StdioProcess(podflare.config())) {
      overHttp.ask(INITIALIZE);
      onStreams.ask(INITIALIZE);
      for (int round = -WARM_UP_ROUNDS; round < rounds; round++) {
        double bare = millis(() -> check(sandbox.runCode("print(1)").stdout().equals("1\n")));
        double first = millis(() -> check(runs(overHttp, sandbox)));
        double second = millis(() -> check(runs(onStreams, sandbox)));
        if (round >= 0) {
          exec.add(bare);
          http.add(first);
          stdio.add(second);
        }
      }
    } catch (IOException | InterruptedException failed) {
      throw new PodflareException(ErrorCode.INTERNAL, "MCP does not answer: " + failed, failed);
    }
    Statistics floor = Statistics.of(exec);
    return List.of(
        row("MCP run_code over HTTP, p50", Statistics.of(http), floor),
        row("MCP run_code on standard streams, p50", Statistics.of(stdio), floor));
  }

  private static BenchRow row(String name, Statistics measured, Statistics floor) {
    return BenchRow.bounded(
        name,
        measured.p50(),
        "ms",
        new BenchRow.Floor("HTTP exec p50", floor.p50()),
        1.0,
        5,
        String.format(
            Locale.ROOT, "n=%d, p95 %s", measured.count(), Durations.text(measured.p95())));
  }

  private static boolean runs(Door door, Sandbox sandbox) throws IOException, InterruptedException {
    String answer =
        door.ask(
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
                + "\"run_code\",\"arguments\":{\"code\":\"print(1)\",\"sandbox\":\""
                + sandbox.id()
                + "\"}}}");
    return answer.contains("\"stdout\":\"1\\n\"");
  }

  private static void check(boolean right) {
    if (!right) {
      throw new PodflareException(ErrorCode.INTERNAL, "print(1) did not print 1");
    }
  }

  /** Something to be timed. */
  private interface Step {
    void run() throws IOException, InterruptedException;
  }

  private static double millis(Step step) throws IOException, InterruptedException {
    long began = System.nanoTime();
    step.run();
    return (System.nanoTime() - began) / 1e6;
  }

  /** A bare client, so that none is measured. */
  private static final class HttpDoor implements Door {
    private final HttpClient http =
        HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final URI address;
    private final Optional<String> key;
    private Optional<String> session = Optional.empty();

    HttpDoor(ClientConfig config) {
      this.address = config.baseUrl().resolve("/mcp");
      this.key = config.key();
    }

    @Override
    public String ask(String message) throws IOException, InterruptedException {
      HttpResponse<String> answer =
          http.send(
              request()
                  .header("Content-Type", "application/json")
                  .POST(HttpRequest.BodyPublishers.ofString(message))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
      session = answer.headers().firstValue("Mcp-Session-Id").or(() -> session);
      return answer.body();
    }

    private HttpRequest.Builder request() {
      HttpRequest.Builder request =
          HttpRequest.newBuilder(address)
              .timeout(PATIENCE)
              .header("Accept", "application/json, text/event-stream");
      key.ifPresent(it -> request.header("Authorization", "Bearer " + it));
      session.ifPresent(it -> request.header("Mcp-Session-Id", it));
      return request;
    }

    @Override
    public void close() {
      try {
        http.send(request().DELETE().build(), HttpResponse.BodyHandlers.discarding());
      } catch (IOException gone) {
        // Its deadline ends it.
      } catch (InterruptedException hurried) {
        Thread.currentThread().interrupt();
      }
      http.close();
    }
  }

  /** The program, as a client starts it. */
  private static final class StdioProcess implements Door {
    private final Process process;
    private final BufferedReader answers;
    private final OutputStream messages;

    StdioProcess(ClientConfig config) throws IOException {
      ProcessBuilder builder =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-XX:+UseSerialGC",
                  "-XX:TieredStopAtLevel=1",
                  "-cp",
                  System.getProperty("java.class.path"),
                  Main.class.getName(),
                  "mcp",
                  "--url",
                  config.baseUrl().toString())
              .redirectError(ProcessBuilder.Redirect.INHERIT);
      config.key().ifPresent(it -> builder.environment().put("PODFLARE_API_KEY", it));
      this.process = builder.start();
      this.answers =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
      this.messages = process.getOutputStream();
    }

    @Override
    public String ask(String message) throws IOException {
      messages.write((message + "\n").getBytes(StandardCharsets.UTF_8));
      messages.flush();
      String answer = answers.readLine();
      if (answer == null) {
        throw new IOException("it has ended");
      }
      return answer;
    }

    @Override
    public void close() {
      try {
        messages.close();
        if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
          process.destroyForcibly();
        }
      } catch (IOException gone) {
        process.destroyForcibly();
      } catch (InterruptedException hurried) {
        process.destroyForcibly();
        Thread.currentThread().interrupt();
      }
    }
  }
}
