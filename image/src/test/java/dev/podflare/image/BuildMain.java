package dev.podflare.image;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/** Builds templates by hand: {@code BuildMain STORE RECIPE…}; recipes are names or files. */
final class BuildMain {
  private BuildMain() {}

  public static void main(String[] arguments) {
    TemplateStore store = new TemplateStore(Path.of(arguments[0]));
    TemplateBuilder builder = new TemplateBuilder(store, List.of());
    for (String recipe : List.of(arguments).subList(1, arguments.length)) {
      System.out.println(builder.build(Recipes.find(recipe), new Printed()));
    }
  }

  private static final class Printed implements Progress {
    @Override
    public void started(Step step) {
      System.out.printf(
          Locale.ROOT, "%s %d/%d %s%n", step.template(), step.number(), step.count(), step.name());
    }

    @Override
    public void finished(Step step, Duration elapsed) {
      System.out.printf(Locale.ROOT, "  %d ms%n", elapsed.toMillis());
    }

    @Override
    public void waiting(String template, Duration elapsed) {
      System.out.printf(Locale.ROOT, "%s waits, %d ms%n", template, elapsed.toMillis());
    }
  }
}
