package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.SecretInfo;
import dev.podflare.client.SecretOptions;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
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

/** Secrets of a sandbox. */
@Command(
    name = "secret",
    description = {
      "Secrets of a sandbox, which never enter it.",
      "The server puts them into its requests over TLS to the hosts that they are for."
    },
    synopsisSubcommandLabel = "(set | ls | rm)",
    subcommands = {SecretCommand.Set.class, SecretCommand.Ls.class, SecretCommand.Rm.class})
final class SecretCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "set, ls or rm?");
  }

  /** Adds or changes one. */
  @Command(
      name = "set",
      description = {
        "Add a secret, or change the one of that name.",
        "The value is read from standard input, without the newline at its end."
      })
  static final class Set implements Runnable {
    private static final int LONGEST = 8193;

    @Spec private CommandSpec spec;
    @Mixin private ServerOptions server;

    @Parameters(index = "0", paramLabel = "ID", description = "Sandbox")
    private String id;

    @Parameters(
        index = "1",
        paramLabel = "NAME",
        description = "Of the variable that has its placeholder in the sandbox")
    private String name;

    @Option(
        names = "--host",
        required = true,
        paramLabel = "HOST",
        description = "api.example.com or *.example.com, with :PORT if it is not 443; repeatable")
    private List<String> hosts = List.of();

    @Option(names = "--header", paramLabel = "FIELD", description = "Header that it goes into")
    private @Nullable String header;

    @Option(names = "--query", paramLabel = "KEY", description = "Or parameter of the query")
    private @Nullable String query;

    @Override
    public void run() {
      if ((header == null) == (query == null)) {
        throw new ParameterException(spec.commandLine(), "Give --header or --query.");
      }
      String value = value();
      SecretOptions secret =
          header != null
              ? SecretOptions.header(name, hosts, header, value)
              : SecretOptions.query(name, hosts, String.valueOf(query), value);
      try (Podflare podflare = server.connect()) {
        SecretInfo set = podflare.sandbox(id).putSecret(secret);
        PrintWriter out = spec.commandLine().getOut();
        out.println(PlainText.of(set.name() + " is " + set.placeholder() + " in the sandbox"));
        out.flush();
      }
    }

    /** Never an argument: those are in the list of processes and in the shell's history. */
    private static String value() {
      try {
        byte[] bytes = System.in.readNBytes(LONGEST);
        String text = new String(bytes, StandardCharsets.UTF_8);
        return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
      } catch (IOException e) {
        throw new PodflareException(
            ErrorCode.BAD_REQUEST, "the value cannot be read from standard input", e);
      }
    }
  }

  /** Lists them. */
  @Command(name = "ls", description = "List the secrets of a sandbox, without their values.")
  static final class Ls implements Runnable {
    @Spec private CommandSpec spec;
    @Mixin private ServerOptions server;

    @Parameters(index = "0", paramLabel = "ID", description = "Sandbox")
    private String id;

    @Option(names = "--json", description = "Print JSON")
    private boolean json;

    @Override
    public void run() {
      try (Podflare podflare = server.connect()) {
        List<SecretInfo> secrets = podflare.sandbox(id).secrets();
        Output.list(
            spec.commandLine().getOut(), json, secrets, () -> table(secrets, Instant.now()));
      }
    }

    private static Table table(List<SecretInfo> secrets, Instant now) {
      Table table = new Table("NAME", "HOSTS", "PLACE", "USES", "REFUSED", "CHANGED");
      for (SecretInfo it : secrets) {
        table.row(
            it.name(),
            PlainText.line(String.join(",", it.hosts())),
            PlainText.line(
                it.header().map(key -> "header " + key).orElse("query " + it.query().orElse("?"))),
            String.valueOf(it.uses()),
            String.valueOf(it.refused()),
            Durations.between(Optional.of(it.changedAt()), now));
      }
      return table;
    }
  }

  /** Revokes some. */
  @Command(name = "rm", description = "Take secrets away: no request gets them any more.")
  static final class Rm implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private ServerOptions server;

    @Parameters(index = "0", paramLabel = "ID", description = "Sandbox")
    private String id;

    @Parameters(index = "1..*", arity = "1..*", paramLabel = "NAME", description = "Secrets")
    private List<String> names = List.of();

    @Override
    public Integer call() {
      try (Podflare podflare = server.connect()) {
        return Deletions.each(spec, names, it -> podflare.sandbox(id).deleteSecret(it));
      }
    }
  }
}
