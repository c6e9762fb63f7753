package dev.podflare.cli;

import dev.podflare.common.PodflareException;
import dev.podflare.engine.LocalEngine;
import dev.podflare.image.Progress;
import dev.podflare.image.Recipes;
import dev.podflare.image.TemplateFactory;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A daemon on a fresh machine builds its default template by itself, beside its other work. Closing
 * gives the build up, and ends the processes that it has started.
 */
final class FirstTemplate implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(FirstTemplate.class);
  private static final Duration END_PATIENCE = Duration.ofSeconds(20);

  private final Thread builder;

  private FirstTemplate(Runnable build) {
    builder = Thread.ofVirtual().name("first template").start(build);
  }

  /** Meanwhile creates answer {@code template_not_built}. */
  static Optional<FirstTemplate> buildIfMissing(ServeConfig config, LocalEngine engine) {
    TemplateFactory factory =
        new TemplateFactory(DaemonWiring.templates(config), DaemonWiring.choice(config));
    if (factory.store().find(config.template()).isPresent()) {
      return Optional.empty();
    }
    LOG.info("template {} is not built; building it now, once", config.template());
    return Optional.of(new FirstTemplate(() -> build(factory, config.template(), engine)));
  }

  private static void build(TemplateFactory factory, String template, LocalEngine engine) {
    try {
      factory.build(Recipes.find(template), false, new Logged());
      engine.preload();
      LOG.info("template {} is built; sandboxes can be made", template);
    } catch (PodflareException e) {
      LOG.error("template {} was not built: {}", template, e.sentence());
    }
  }

  @Override
  public void close() {
    builder.interrupt();
    try {
      if (!builder.join(END_PATIENCE)) {
        LOG.warn("the build of the template did not end; the next start ends what it left");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
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
