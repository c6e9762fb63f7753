package dev.podflare.tests;

import dev.podflare.image.BuiltTemplate;
import dev.podflare.image.Progress;
import dev.podflare.image.Recipes;
import dev.podflare.image.TemplateFactory;
import dev.podflare.qemu.HypervisorConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The template that all tests of this module restore: built once, kept between runs. Thread-safe.
 */
final class TestTemplates {
  static final String NAME = "minimal";
  private static final Path USUAL = Path.of("/var/lib/podflare/templates");
  private static @Nullable BuiltTemplate built;

  private TestTemplates() {}

  /** {@code $PODFLARE_TEMPLATES}, else the daemon's usual place, else below {@code target}. */
  static Path folder() {
    String named = System.getenv("PODFLARE_TEMPLATES");
    if (named != null && !named.isBlank()) {
      return Path.of(named).toAbsolutePath();
    }
    return Files.isWritable(USUAL) ? USUAL : Path.of("target", "templates").toAbsolutePath();
  }

  static synchronized BuiltTemplate minimal() {
    BuiltTemplate known = built;
    if (known == null) {
      known = build(NAME);
      built = known;
    }
    return known;
  }

  /** A built-in template, which stays for other runs. */
  static synchronized BuiltTemplate build(String name) {
    return new TemplateFactory(folder(), HypervisorConfig.Choice.AUTO)
        .build(Recipes.builtIn(name), false, new Printed());
  }

  private record Printed() implements Progress {
    @Override
    public void started(Step step) {}

    @Override
    public void finished(Step step, Duration elapsed) {
      System.out.println(
          step.template()
              + " "
              + step.number()
              + "/"
              + step.count()
              + " "
              + step.name()
              + " "
              + elapsed.toSeconds()
              + " s");
    }

    @Override
    public void waiting(String template, Duration elapsed) {}
  }
}
