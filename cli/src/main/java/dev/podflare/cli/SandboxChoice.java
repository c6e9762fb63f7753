package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** An existing sandbox, or one made for this call and deleted after it. */
final class SandboxChoice {
  @Option(
      names = "--sandbox",
      paramLabel = "ID",
      description = "Use this sandbox and leave it; else one is made and deleted")
  @Nullable String id;

  @Option(names = "--template", paramLabel = "NAME", description = "Template of a new sandbox")
  @Nullable String template;

  @Option(
      names = "--snapshot",
      paramLabel = "SNAPSHOT",
      description = "Snapshot from which a new sandbox goes on; id or name")
  @Nullable String snapshot;

  @Option(
      names = "--undo",
      paramLabel = "K",
      description = "Let a new sandbox take its last K calls back with 'undo'")
  @Nullable Integer undo;

  @Option(
      names = "--mount",
      paramLabel = "VOLUME:PATH[:ro]",
      description = "Volume of a new sandbox, made if it is missing; repeatable")
  List<String> mounts = List.of();

  /** A sandbox and what to do with it at the end. */
  record Chosen(Sandbox sandbox, boolean ours) implements AutoCloseable {
    @Override
    public void close() {
      if (ours) {
        sandbox.close();
      }
    }
  }

  Chosen open(Podflare podflare) {
    if (id != null) {
      return new Chosen(podflare.sandbox(id), false);
    }
    SandboxOptions.Builder options = SandboxOptions.builder();
    if (template != null) {
      options.template(template);
    }
    if (snapshot != null) {
      options.snapshot(snapshot);
    }
    if (undo != null) {
      options.undo(undo);
    }
    mounts.forEach(it -> options.mount(MountText.parse(it)));
    return new Chosen(podflare.create(options.build()), true);
  }
}
