package dev.podflare.cli;

import dev.podflare.image.BuiltTemplate;
import dev.podflare.image.Progress;
import dev.podflare.image.Recipes;
import dev.podflare.image.TemplateFactory;
import dev.podflare.image.TemplateStore;
import dev.podflare.qemu.HypervisorConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** Connects the template verbs with the builder. */
final class TemplateWiring {
  private TemplateWiring() {}

  /** A built template, as it is listed. */
  record Template(
      String name, String digest, int vcpus, long ramMib, long diskBytes, Instant builtAt) {
    static Template of(BuiltTemplate built) {
      return new Template(
          built.name(),
          built.digest(),
          built.shape().vcpus(),
          built.shape().memory().mebibytes(),
          built.diskSize().bytes(),
          built.builtAt());
    }
  }

  /** Builds a template of a name or a recipe file, or finds it built. */
  static Template build(
      Path templates,
      HypervisorConfig.Choice accelerator,
      String nameOrFile,
      boolean refresh,
      StepPrinter printer) {
    return Template.of(
        new TemplateFactory(templates, accelerator)
            .build(Recipes.find(nameOrFile), refresh, new Printed(printer)));
  }

  static List<Template> list(Path templates) {
    return new TemplateStore(templates).list().stream().map(Template::of).toList();
  }

  private record Printed(StepPrinter printer) implements Progress {
    @Override
    public void started(Step step) {
      printer.started(step.template(), step.name(), step.number(), step.count());
    }

    @Override
    public void finished(Step step, Duration elapsed) {
      printer.finished(step.template(), step.name(), step.number(), step.count(), elapsed);
    }

    @Override
    public void waiting(String template, Duration elapsed) {
      printer.waiting(template, elapsed);
    }
  }
}
