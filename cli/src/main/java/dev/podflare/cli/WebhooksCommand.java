package dev.podflare.cli;

import dev.podflare.client.NewWebhook;
import dev.podflare.client.Podflare;
import dev.podflare.client.WebhookInfo;
import dev.podflare.client.WebhookOptions;
import java.io.PrintWriter;
import java.net.URI;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Says where events are to be sent. */
@Command(
    name = "webhooks",
    description = "Say where events are to be sent: add, ls, rm.",
    synopsisSubcommandLabel = "(add|ls|rm)",
    subcommands = {WebhooksCommand.Add.class, WebhooksCommand.Ls.class, WebhooksCommand.Rm.class})
final class WebhooksCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "add, ls or rm?");
  }

  /** Prints the id, and the secret this once. */
  @Command(name = "add", description = "Send what happens from now on to an address.")
  static final class Add implements Runnable {
    @Spec private CommandSpec spec;
    @Mixin private ServerOptions server;

    @Parameters(paramLabel = "URL", description = "Where to, for example https://example.com/hook")
    private URI url;

    @Option(
        names = "--type",
        paramLabel = "TYPE",
        description = "Only events of this type, for example sandbox.closed; repeatable")
    private List<String> types = List.of();

    @Option(
        names = "--secret",
        paramLabel = "SECRET",
        description = "whsec_ and base64 of 24 to 64 bytes; else the server makes one")
    private @Nullable String secret;

    @Option(names = "--json", description = "Print JSON")
    private boolean json;

    Add() {
      this.url = URI.create("");
    }

    @Override
    public void run() {
      try (Podflare podflare = server.connect()) {
        NewWebhook made =
            podflare.webhooks().add(new WebhookOptions(url, types, Optional.ofNullable(secret)));
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
          Output.json(out, made);
        } else {
          out.println(made.webhook().id());
          out.println("secret, shown once: " + made.secret());
          out.flush();
        }
      }
    }
  }

  /** With what went wrong last. */
  @Command(name = "ls", description = "List webhooks.")
  static final class Ls implements Runnable {
    @Spec private CommandSpec spec;
    @Mixin private ServerOptions server;

    @Option(names = "--json", description = "Print JSON")
    private boolean json;

    @Override
    public void run() {
      try (Podflare podflare = server.connect()) {
        List<WebhookInfo> webhooks = podflare.webhooks().list();
        Output.list(
            spec.commandLine().getOut(), json, webhooks, () -> table(webhooks, Instant.now()));
      }
    }

    private static Table table(List<WebhookInfo> webhooks, Instant now) {
      Table table = new Table("ID", "URL", "TYPES", "AGE", "WAITING", "STATE");
      for (WebhookInfo it : webhooks) {
        table.row(
            it.id(),
            PlainText.line(it.url()),
            it.types().isEmpty() ? "all" : String.join(",", it.types()),
            Durations.between(it.createdAt(), now),
            Long.toString(it.pending()),
            state(it));
      }
      return table;
    }

    private static String state(WebhookInfo it) {
      if (it.disabledAt().isPresent()) {
        return "disabled: " + PlainText.line(it.disabledReason().orElse("-"));
      }
      return it.failingSince().isPresent()
          ? "failing: " + PlainText.line(it.lastError().orElse("-"))
          : "ok";
    }
  }

  /** Goes on after one that cannot be deleted. */
  @Command(
      name = "rm",
      description = "Remove webhooks; what was not sent yet is not sent any more.")
  static final class Rm implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private ServerOptions server;

    @Parameters(paramLabel = "WEBHOOK", arity = "1..*", description = "Webhooks to remove")
    private List<String> ids = List.of();

    @Override
    public Integer call() {
      try (Podflare podflare = server.connect()) {
        return Deletions.each(spec, ids, podflare.webhooks()::delete);
      }
    }
  }
}
