package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.PortForward;
import java.io.PrintWriter;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** Forwards a local port to a port of a guest until it is told to end. */
@Command(
    name = "port",
    description = {
      "Forward a port of 127.0.0.1 to a port of a sandbox, until Ctrl-C.",
      "Any protocol over TCP: HTTP, ssh, databases."
    })
final class PortCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(index = "0", paramLabel = "ID", description = "Sandbox")
  private String id;

  @Parameters(
      index = "1",
      paramLabel = "PORT[:LOCAL]",
      description = "Port of the sandbox, and of this machine; the same one if not given, 0 any")
  private String ports;

  @Option(names = "--json", description = "Print the local address as one line of JSON")
  private boolean json;

  @Override
  public Integer call() throws InterruptedException {
    String[] parts = ports.split(":", 2);
    int port = number(parts[0], 1);
    int local = parts.length == 2 ? number(parts[1], 0) : port;
    PrintWriter err = spec.commandLine().getErr();
    try (Podflare podflare = server.connect()) {
      var sandbox = podflare.sandbox(id);
      var ignored = sandbox.info(); // says at once if it is not there
      try (PortForward forward =
          sandbox.forward(
              port,
              local,
              refused -> {
                err.println("podflare: " + Failures.text(refused));
                err.flush();
              })) {
        announce(forward, port);
        new CountDownLatch(1).await(); // until told to end: the one wait without a deadline
        return 0;
      }
    }
  }

  private void announce(PortForward forward, int port) {
    String host = forward.address().getAddress().getHostAddress();
    int local = forward.address().getPort();
    PrintWriter out = spec.commandLine().getOut();
    out.println(
        json
            ? JsonMapper.shared()
                .writeValueAsString(Map.of("host", host, "port", local, "sandbox_port", port))
            : host + ":" + local + " is port " + port + " of " + id + "; Ctrl-C ends it");
    out.flush();
  }

  private int number(String text, int least) {
    int number = text.matches("[0-9]{1,5}") ? Integer.parseInt(text) : -1;
    if (number < least || number > 65535) {
      throw new ParameterException(
          spec.commandLine(), "PORT[:LOCAL] are numbers up to 65535, not '" + ports + "'");
    }
    return number;
  }
}
