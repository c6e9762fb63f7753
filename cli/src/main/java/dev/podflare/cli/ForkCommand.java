package dev.podflare.cli;

import dev.podflare.client.ForkOptions;
import dev.podflare.client.Forked;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Forks a running sandbox. */
@Command(name = "fork", description = "Fork a running sandbox; prints the ids of its children.")
final class ForkCommand implements Runnable {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(paramLabel = "ID", description = "Sandbox to fork")
  private String id;

  @Option(names = "-n", paramLabel = "COUNT", defaultValue = "1", description = "Children")
  private int count;

  @Option(names = "--reseed", description = "Reseed Python's and NumPy's random generators")
  private boolean reseed;

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Override
  public void run() {
    try (Podflare podflare = server.connect()) {
      Forked forked = podflare.sandbox(id).fork(ForkOptions.of(count).withReseed(reseed));
      List<String> children = forked.children().stream().map(Sandbox::id).toList();
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        Output.json(out, answer(children, forked));
      } else {
        children.forEach(out::println);
        out.flush();
      }
    }
  }

  private static Map<String, Object> answer(List<String> children, Forked forked) {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("children", children);
    answer.put("reseeded", forked.reseeded());
    answer.put("timings_ms", forked.timingsMs());
    answer.put("parent_paused_ms", forked.parentPausedMs());
    return answer;
  }
}
