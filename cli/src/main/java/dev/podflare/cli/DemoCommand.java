package dev.podflare.cli;

import dev.podflare.client.Podflare;
import java.io.PrintWriter;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Shows the platform at work on this machine: real guests, every answer checked. */
@Command(
    name = "demo",
    description = {
      "Start a daemon here, build what is needed, run real guests, and show what took how long.",
      "Exit code 0 only if every answer was right."
    })
final class DemoCommand implements Callable<Integer> {
  static final ListenAddress FREE_PORT = new ListenAddress("127.0.0.1", 0);
  @Spec private CommandSpec spec;
  @Mixin private DaemonOptions options;

  @Option(names = "--json", description = "Print the table as JSON")
  private boolean json;

  @Override
  public Integer call() {
    PrintWriter progress = spec.commandLine().getErr();
    ServeConfig config = options.resolve(Optional.of(FREE_PORT));
    Logging.setUp(config.logFormat(), options.logLevel == null ? "warn" : config.logLevel());
    DemoSteps steps = new DemoSteps(progress);
    try {
      steps.run("build template " + config.template(), () -> build(config, progress));
      Daemon daemon = steps.start("start the daemon", () -> DaemonWiring.start(config));
      try (daemon;
          Podflare podflare = new Podflare(daemon.address())) {
        new DemoScript(podflare, steps).run();
      }
    } catch (DemoSteps.Wrong wrong) {
      progress.println("podflare: " + wrong.getMessage());
      progress.flush();
    }
    show(steps);
    return steps.allRight() ? 0 : Failures.OURS;
  }

  private static String build(ServeConfig config, PrintWriter progress) {
    TemplateWiring.Template built =
        TemplateWiring.build(
            DaemonWiring.templates(config),
            DaemonWiring.choice(config),
            config.template(),
            false,
            StepPrinter.on(progress));
    return built.digest();
  }

  private void show(DemoSteps steps) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      Output.json(out, steps.done());
      return;
    }
    out.println();
    Table table = new Table("STEP", "TOOK", "RIGHT", "SEEN");
    for (DemoSteps.Done it : steps.done()) {
      table.row(it.step(), Durations.text(it.millis()), it.right() ? "yes" : "NO", it.seen());
    }
    table.print(out);
  }
}
