package dev.podflare.cli;

import dev.podflare.client.NetworkInfo;
import dev.podflare.client.NetworkPolicy;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows what a sandbox's guest may reach, or replaces it. */
@Command(
    name = "network",
    description = {
      "Show what a sandbox may reach, what it moved and what it was refused.",
      "With a policy, replace it first: it is in force at once, for open connections too."
    })
final class NetworkCommand implements Runnable {
  private static final int SHOWN = 20;

  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(index = "0", paramLabel = "ID", description = "Sandbox")
  private String id;

  @Option(
      names = "--default",
      paramLabel = "allow|deny",
      description = "New policy: what happens to what no list mentions")
  private @Nullable String fallback;

  @Option(
      names = "--allow",
      paramLabel = "DEST",
      description = "New policy: example.com, *.example.com, address or CIDR, with :PORT if wanted")
  private List<String> allow = List.of();

  @Option(names = "--deny", paramLabel = "DEST", description = "New policy: the same, refused")
  private List<String> deny = List.of();

  @Option(names = "--dns", paramLabel = "on|off", description = "New policy: whether names resolve")
  private @Nullable String dns;

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Override
  public void run() {
    try (Podflare podflare = server.connect()) {
      Sandbox sandbox = podflare.sandbox(id);
      policy().ifPresent(sandbox::setNetwork);
      NetworkInfo network = sandbox.network();
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        Output.json(out, network);
      } else {
        print(out, network);
      }
    }
  }

  /** A list of what is allowed alone means that nothing else is. */
  private Optional<NetworkPolicy> policy() {
    if (fallback == null && allow.isEmpty() && deny.isEmpty() && dns == null) {
      return Optional.empty();
    }
    String otherwise = fallback != null ? fallback : allow.isEmpty() ? "allow" : "deny";
    return Optional.of(new NetworkPolicy(otherwise, allow, deny, Optional.ofNullable(dns)));
  }

  private static void print(PrintWriter out, NetworkInfo network) {
    out.println("default " + network.fallback() + ", dns " + network.dns());
    network.allow().forEach(it -> out.println("allow   " + PlainText.of(it)));
    network.deny().forEach(it -> out.println("deny    " + PlainText.of(it)));
    if (!network.networked()) {
      out.println("the server gives guests no network");
    }
    network
        .bytesSent()
        .ifPresent(sent ->
            out.println(
                "sent    " + sent + " bytes, received " + network.bytesReceived().orElse(0L)));
    network.refused().ifPresent(refused -> printCounts(out, refused));
    network
        .lastRefused()
        .ifPresent(last -> last.stream().limit(SHOWN).forEach(it -> print(out, it)));
    out.flush();
  }

  private static void printCounts(PrintWriter out, Map<String, Long> refused) {
    refused.forEach((reason, count) -> {
      if (count > 0) {
        out.println("refused " + count + " packets: " + PlainText.of(reason));
      }
    });
  }

  private static void print(PrintWriter out, NetworkInfo.Refused refused) {
    String target = refused.name().or(refused::address).orElse("?");
    String port = refused.port().map(it -> ":" + it).orElse("");
    out.println(
        refused.time()
            + "  "
            + refused.protocol()
            + " "
            + PlainText.of(target + port)
            + "  "
            + PlainText.of(refused.rule()));
  }
}
