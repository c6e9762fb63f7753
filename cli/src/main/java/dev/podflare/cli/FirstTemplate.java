package dev.podflare.cli;

import dev.podflare.common.PodflareException;
import dev.podflare.engine.LocalEngine;
import dev.podflare.image.Progress;
import dev.podflare.image.Recipes;
import dev.podflare.image.TemplateFactory;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A daemon on a fresh machine builds its default template by itself, beside its other work. */
final class FirstTemplate {
  private static final Logger LOG = LoggerFactory.getLogger(FirstTemplate.class);

  private FirstTemplate() {}

  /** Meanwhile creates answer {@code template_not_built}. */
  static void buildIfMissing(ServeConfig config, LocalEngine engine) {
    TemplateFactory factory =
        new TemplateFactory(DaemonWiring.templates(config), DaemonWiring.choice(config));
    if (factory.store().find(config.template()).isPresent()) {
      return;
    }
    LOG.info("template {} is not built; building it now, once", config.template());
    Thread.ofVirtual()
        .name("first template")
        .start(() -> {
          try {
            factory.build(Recipes.find(config.template()), false, new Logged());
            engine.preload();
          } catch (PodflareException e) {
            LOG.error("template {} was not built: {}", config.template(), e.sentence());
          }
        });
  }

  private static final class Logged implements Progress {
    @Override
    public void started(Step step) {
      LOG.info("{} {}/{} {}", step.template(), step.number(), step.count(), step.name());
    }

    @Override
    public void finished(Step step, Duration elapsed) {}

    @Override
    public void waiting(String template, Duration elapsed) {
      if (elapsed.toSeconds() % 30 == 0) {
        LOG.info("{}: waiting for another build", template);
      }
    }
  }
}
