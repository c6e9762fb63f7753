package dev.podflare.cli;

import dev.podflare.client.ListFilter;
import dev.podflare.client.Podflare;
import dev.podflare.client.SandboxInfo;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Deletes sandboxes; goes on after one that cannot be deleted. */
@Command(name = "rm", description = "Delete sandboxes.")
final class RmCommand implements Callable<Integer> {
  private static final int MOST = 10_000;

  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @ArgGroup(multiplicity = "1")
  private Which which;

  static final class Which {
    @Parameters(paramLabel = "ID", arity = "1..*", description = "Sandboxes to delete")
    private List<String> ids = List.of();

    @Option(names = "--all", description = "Every sandbox that this key may see, frozen ones too")
    private boolean all;
  }

  @Override
  public Integer call() {
    try (Podflare podflare = server.connect()) {
      return Deletions.each(spec, ids(podflare), id -> podflare.sandbox(id).delete());
    }
  }

  private List<String> ids(Podflare podflare) {
    if (!which.all) {
      return which.ids;
    }
    return podflare.listAll(ListFilter.ALL, MOST).stream().map(SandboxInfo::id).toList();
  }
}
