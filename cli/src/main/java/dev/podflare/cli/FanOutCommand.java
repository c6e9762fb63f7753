package dev.podflare.cli;

import dev.podflare.client.FanOutListener;
import dev.podflare.client.FanOutOptions;
import dev.podflare.client.FanOutOptions.Pick;
import dev.podflare.client.FannedOut;
import dev.podflare.client.Language;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** Forks a sandbox, runs code in every child, keeps the best. */
@Command(
    name = "fanout",
    description = {
      "Fork a sandbox, run code in every child, and keep the best one.",
      "With one CODE all children run it; with more, each runs its own."
    })
final class FanOutCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(index = "0", paramLabel = "ID", description = "Sandbox to fork")
  private String id;

  @Parameters(index = "1..*", arity = "1..*", paramLabel = "CODE", description = "Code to run")
  private List<String> codes;

  @Option(names = "-n", paramLabel = "COUNT", description = "Children, if all run one CODE")
  private @Nullable Integer count;

  @Option(
      names = {"-l", "--language"},
      paramLabel = "LANGUAGE",
      converter = CodeSource.Languages.class,
      description = "python, unless it is bash")
  private Language language = Language.PYTHON;

  @Option(
      names = "--pick",
      paramLabel = "RULE",
      converter = Picks.class,
      description = {
        "Merge the winner, close the rest: first_success, or the min or max",
        "of the numbers printed last; without it all children live on"
      })
  private @Nullable Pick pick;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      converter = Durations.class,
      description = "Interrupt a call after this time, for example 30s or 10m")
  private @Nullable Duration timeout;

  @Option(names = "--reseed", description = "Reseed Python's and NumPy's random generators")
  private boolean reseed;

  @Option(names = "--json", description = "Print JSON at the end")
  private boolean json;

  @Override
  public Integer call() {
    FanOutOptions options = options();
    PrintWriter out = spec.commandLine().getOut();
    try (Podflare podflare = server.connect()) {
      FannedOut done = podflare.sandbox(id).fanOut(options, json ? FanOutListener.NONE : said(out));
      if (json) {
        Output.json(out, answer(done));
      } else {
        out.println(ending(done));
        out.flush();
      }
      return pick == null || done.winner().isPresent() ? 0 : 1;
    }
  }

  private FanOutOptions options() {
    if (count != null && codes.size() > 1 && count != codes.size()) {
      throw CodeSource.refused("-n " + count + " does not fit " + codes.size() + " codes");
    }
    FanOutOptions options =
        codes.size() == 1
            ? FanOutOptions.of(count == null ? 1 : count, codes.getFirst(), language)
            : FanOutOptions.each(codes, language);
    options = options.withReseed(reseed);
    if (timeout != null) {
      options = options.withTimeout(timeout);
    }
    return pick == null ? options : options.withPick(pick);
  }

  /** Each child's output as a block, when its call has ended. */
  private static FanOutListener said(PrintWriter out) {
    return new FanOutListener() {
      @Override
      public void ended(int child, RunResult result) {
        out.println("[" + child + "] exit code " + result.exitCode() + ", " + result.reason());
        (result.stdout() + result.stderr()).lines().forEach(line -> out.println("    " + line));
        out.flush();
      }
    };
  }

  private String ending(FannedOut done) {
    if (pick == null) {
      return String.join("\n", done.children().stream().map(Sandbox::id).toList());
    }
    return done.winner()
        .map(winner ->
            "["
                + winner.child()
                + "] goes on as "
                + id
                + (winner.value().isPresent() ? ": " + winner.value().getAsDouble() : ""))
        .orElse("nobody won; " + id + " is what it was");
  }

  private static Map<String, @Nullable Object> answer(FannedOut done) {
    Map<String, @Nullable Object> answer = new LinkedHashMap<>();
    List<Object> results = new ArrayList<>();
    for (int child = 0; child < done.results().size(); child++) {
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("sandbox", done.forked().children().get(child).id());
      done.results()
          .get(child)
          .ifPresent(ended -> {
            result.put("stdout", ended.stdout());
            result.put("stderr", ended.stderr());
            result.put("exit_code", ended.exitCode());
            result.put("reason", ended.reason());
          });
      results.add(result);
    }
    answer.put("results", results);
    answer.put("winner", done.winner().map(FannedOut.Winner::child).orElse(null));
    answer.put("children", done.children().stream().map(Sandbox::id).toList());
    return answer;
  }

  /** In the wire's words. */
  static final class Picks implements ITypeConverter<Pick> {
    @Override
    public Pick convert(String text) {
      return Optional.of(text.toUpperCase(Locale.ROOT).replace('-', '_'))
          .flatMap(
              name -> Arrays.stream(Pick.values()).filter(it -> it.name().equals(name)).findAny())
          .orElseThrow(() ->
              new TypeConversionException(
                  "'" + text + "' is not known; write first_success, min or max"));
    }
  }
}
