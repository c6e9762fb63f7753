package dev.podflare.cli;

import dev.podflare.client.ApiException;
import dev.podflare.common.PodflareException;
import java.util.List;
import java.util.function.Consumer;
import picocli.CommandLine.Model.CommandSpec;

/** Deletes one after the other, and goes on after one that cannot be deleted. */
final class Deletions {
  private Deletions() {}

  /** Prints what is gone, and why what is not; returns the worst exit code. */
  static int each(CommandSpec spec, List<String> all, Consumer<String> delete) {
    int worst = 0;
    for (String one : all) {
      try {
        delete.accept(one);
        spec.commandLine().getOut().println(one);
        spec.commandLine().getOut().flush();
      } catch (ApiException | PodflareException refused) {
        spec.commandLine().getErr().println("podflare: " + one + ": " + Failures.text(refused));
        spec.commandLine().getErr().flush();
        worst = Math.max(worst, Failures.exitCode(refused));
      }
    }
    return worst;
  }
}
