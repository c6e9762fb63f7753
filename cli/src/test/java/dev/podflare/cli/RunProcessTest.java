package dev.podflare.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The program as a process: bytes, standard input, signals. */
class RunProcessTest {
  private final AtomicBoolean deleted = new AtomicBoolean();
  private final CannedServer server =
      new CannedServer()
          .on("POST /v1/sandboxes", 200, "{\"id\":\"sbx_1\",\"state\":\"ready\"}")
          .on(
              "DELETE /v1/sandboxes/sbx_1",
              exchange -> {
                deleted.set(true);
                exchange.sendResponseHeaders(204, -1);
              });

  @AfterEach
  void stop() {
    server.close();
  }

  private Process start(String... arguments) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    command.addAll(List.of(arguments));
    command.addAll(List.of("--url", server.url(), "--key", "k"));
    return new ProcessBuilder(command).start();
  }

  private static void line(OutputStream out, String text) throws IOException {
    out.write((text + "\n").getBytes(UTF_8));
    out.flush();
  }

  @Test
  void bytesComeThroughUnchangedAndTheSandboxGoes() throws Exception {
    server.on(
        "POST /v1/sandboxes/sbx_1/exec",
        200,
        """
        {"type":"started","data":"exe_1"}
        {"type":"stdout","data":"no newline"}
        {"type":"stdout","data_b64":"//4="}
        {"type":"stderr","data":"err\\n"}
        {"type":"exit","data":3,"reason":"exited"}
        """);
    Process process = start("run");
    process.outputWriter().write("print()");
    process.outputWriter().close();
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(3);
    byte[] out = process.getInputStream().readAllBytes();
    assertThat(out).startsWith("no newline".getBytes(UTF_8)).endsWith(0xff, 0xfe).hasSize(12);
    assertThat(process.getErrorStream().readAllBytes()).asString(UTF_8).isEqualTo("err\n");
    assertThat(deleted).isTrue();
  }

  @Test
  void anInterruptCancelsTheExecutionAndDeletesTheSandbox() throws Exception {
    CountDownLatch cancelled = new CountDownLatch(1);
    CountDownLatch started = new CountDownLatch(1);
    server
        .on(
            "POST /v1/sandboxes/sbx_1/exec",
            exchange -> {
              exchange.sendResponseHeaders(200, 0);
              line(exchange.getResponseBody(), "{\"type\":\"started\",\"data\":\"exe_1\"}");
              line(exchange.getResponseBody(), "{\"type\":\"stdout\",\"data\":\"on\\n\"}");
              started.countDown();
              if (arrived(cancelled)) {
                line(
                    exchange.getResponseBody(),
                    "{\"type\":\"exit\",\"data\":130,\"reason\":\"cancelled\"}");
              }
            })
        .on(
            "POST /v1/sandboxes/sbx_1/execs/exe_1/cancel",
            exchange -> {
              cancelled.countDown();
              exchange.sendResponseHeaders(204, -1);
            });
    Process process = start("run", "while True: pass");
    assertThat(started.await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(process.inputReader().readLine()).isEqualTo("on");
    new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    assertThat(cancelled.getCount()).isZero();
    assertThat(process.exitValue()).isEqualTo(130);
    await().atMost(Duration.ofSeconds(5)).untilTrue(deleted);
  }

  private static boolean arrived(CountDownLatch latch) {
    try {
      return latch.await(20, TimeUnit.SECONDS);
    } catch (InterruptedException interrupted) {
      return false;
    }
  }

  @Test
  void standardInputIsPassedOn() throws Exception {
    List<String> bodies = new CopyOnWriteArrayList<>();
    server.on(
        "POST /v1/sandboxes/sbx_1/exec",
        exchange -> {
          bodies.add(new String(exchange.getRequestBody().readAllBytes(), UTF_8));
          exchange.sendResponseHeaders(200, 0);
          line(exchange.getResponseBody(), "{\"type\":\"exit\",\"data\":0,\"reason\":\"exited\"}");
        });
    Process process = start("run", "-i", "-l", "bash", "cat");
    process.getOutputStream().write("größe\n".getBytes(UTF_8));
    process.getOutputStream().close();
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isZero();
    assertThat(bodies).singleElement().asString().contains("\"stdin\":\"größe\\n\"");
  }

  @Test
  void theShellRunsLinesBlocksAndBash() throws Exception {
    List<String> bodies = new CopyOnWriteArrayList<>();
    server.on(
        "POST /v1/sandboxes/sbx_1/exec",
        exchange -> {
          bodies.add(new String(exchange.getRequestBody().readAllBytes(), UTF_8));
          exchange.sendResponseHeaders(200, 0);
          line(exchange.getResponseBody(), "{\"type\":\"result\",\"data\":{\"text/plain\":\"5\"}}");
          line(exchange.getResponseBody(), "{\"type\":\"exit\",\"data\":0,\"reason\":\"exited\"}");
        });
    Process process = start("shell");
    process.outputWriter().write("2 + 3\nif True:\n  4\n\n!ls\nexit\nnever\n");
    process.outputWriter().close();
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isZero();
    assertThat(bodies).hasSize(3);
    assertThat(bodies.get(0)).contains("\"code\":\"2 + 3\\n\"", "\"language\":\"python\"");
    assertThat(bodies.get(1)).contains("\"code\":\"if True:\\n  4\\n\"");
    assertThat(bodies.get(2)).contains("\"code\":\"ls\"", "\"language\":\"bash\"");
    assertThat(process.getInputStream().readAllBytes()).asString(UTF_8).isEqualTo("5\n5\n5\n");
    assertThat(deleted).isTrue();
  }
}
