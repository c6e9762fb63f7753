package dev.podflare.cli;

import dev.podflare.client.ApiException;
import dev.podflare.client.ClientConfig;
import dev.podflare.client.ListFilter;
import dev.podflare.client.Podflare;
import dev.podflare.common.PodflareException;
import dev.podflare.mcp.Conversation;
import dev.podflare.mcp.PodflareFeatures;
import dev.podflare.mcp.SessionOptions;
import dev.podflare.mcp.StdioDoor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * Goes through what verbs do, so that the launcher can record which classes they load: the short
 * ones against a canned server in this process, a daemon's start on an empty data folder.
 */
@Command(name = "self-train", hidden = true, description = "For the launcher's start-up cache.")
final class SelfTrainCommand implements Runnable {
  @Parameters(arity = "0..1", description = "short, mcp, daemon or server", defaultValue = "short")
  private String kind;

  @Override
  public void run() {
    switch (kind) {
      case "daemon" -> daemon();
      case "mcp" -> withServer(SelfTrainCommand::mcp);
      case "server" -> serve();
      default -> withServer(SelfTrainCommand::shortVerbs);
    }
  }

  /** Without a template a create is refused, but nearly all that a start needs has been loaded. */
  private static void daemon() {
    Path data = TemporaryFolder.create("podflare-train");
    try {
      ServeConfig config = new DaemonOptions().resolve(Optional.of(DemoCommand.FREE_PORT));
      Logging.setUp(config.logFormat(), "error");
      try (Daemon daemon = DaemonWiring.start(config.on(data));
          Podflare podflare = new Podflare(daemon.address())) {
        podflare.info();
        podflare.capacity();
        podflare.listAll(ListFilter.ALL, 10);
        podflare.create().close();
      }
    } catch (ApiException | PodflareException expected) {
      // On a host that cannot run a daemon there is nothing to record.
    } finally {
      TemporaryFolder.delete(data);
    }
  }

  /** Only what most of them need: each class that is recorded is loaded at every start. */
  private static void shortVerbs(String url) {
    quietly("ls", "--url", url);
    quietly("run", "--url", url, "print(1)");
    quietly("rm", "--url", url, "sbx_1");
  }

  /** Gives the address of a canned server, which is another process: its classes are not wanted. */
  private static void withServer(Consumer<String> verbs) {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String classes = System.getProperty("java.class.path");
    List<String> line = List.of(java, "-cp", classes, Main.class.getName(), "self-train", "server");
    try {
      Process server = new ProcessBuilder(line).redirectError(Redirect.DISCARD).start();
      try {
        verbs.accept(server.inputReader().readLine());
      } finally {
        server.destroy();
      }
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
  }

  /** Until whoever has started it ends. */
  private static void serve() {
    try (CannedServer server = cannedServer()) {
      System.out.println(server.url());
      while (System.in.read() >= 0) {
        // nothing is said
      }
    } catch (IOException ended) {
      // as it is to be
    }
  }

  private static CannedServer cannedServer() {
    return new CannedServer()
        .on("GET /v1/sandboxes", 200, "{\"sandboxes\":[{\"id\":\"sbx_1\",\"state\":\"ready\"}]}")
        .on("POST /v1/sandboxes", 200, "{\"id\":\"sbx_1\",\"state\":\"ready\"}")
        .on(
            "POST /v1/sandboxes/sbx_1/exec",
            200,
            """
            {"type":"started","data":"exe_1","seq":0,"ts":1}
            {"type":"exit","data":0,"seq":1,"ts":1}
            """)
        .on("DELETE /v1/sandboxes/sbx_1", 204, "");
  }

  private static void mcp(String url) {
    String asked =
        """
        {"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}
        {"jsonrpc":"2.0","id":2,"method":"tools/list"}
        {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"run_code","arguments":{"code":"1"}}}
        """;
    ClientConfig config = ClientConfig.of(ClientConfig.address(url), Optional.empty());
    try (Podflare podflare = new Podflare(config)) {
      new StdioDoor(
              new ByteArrayInputStream(asked.getBytes(StandardCharsets.UTF_8)),
              OutputStream.nullOutputStream())
          .serve(
              new Conversation(
                  new PodflareFeatures(podflare, SessionOptions.DEFAULTS), Version.text()));
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
  }

  private static void quietly(String... arguments) {
    PrintWriter nowhere = new PrintWriter(new StringWriter());
    int ignored = Main.commandLine(arguments).setOut(nowhere).setErr(nowhere).execute(arguments);
    nowhere.println(ignored);
  }
}
