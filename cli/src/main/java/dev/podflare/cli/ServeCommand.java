package dev.podflare.cli;

import java.io.PrintWriter;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Runs the daemon until it is told to end. */
@Command(name = "serve", description = "Run the daemon until SIGINT or SIGTERM.")
final class ServeCommand implements Callable<Integer> {
  /** Most time that a start may still take once it was told to end. */
  private static final int START_SECONDS = 60;

  @Spec private CommandSpec spec;
  @Mixin private DaemonOptions options;

  @Option(
      names = "--listen",
      paramLabel = "HOST:PORT",
      description = "Address to listen on; else that of the file, else 127.0.0.1:8787")
  private @Nullable String listen;

  @Option(
      names = "--on-stop",
      paramLabel = "end|keep",
      defaultValue = "end",
      description = {
        "What becomes of the sandboxes when the daemon is told to end: 'end' freezes persistent",
        "ones and closes the others; 'keep' lets them go on, for the next daemon to take over"
      })
  private OnStop onStop = OnStop.END;

  @Override
  public Integer call() throws InterruptedException {
    ServeConfig config = options.resolve(Optional.ofNullable(listen).map(ListenAddress::parse));
    Logging.setUp(config.logFormat(), config.logLevel());
    CountDownLatch ended = new CountDownLatch(1);
    LocalDaemon daemon = start(config, onStop, ended);
    announce(daemon);
    FirstTemplate.buildIfMissing(config, daemon.engine())
        .ifPresent(first -> daemon.undo().add(first::close));
    ended.await(); // until told to end: the one wait without a deadline
    return 0;
  }

  /** Told to end while it starts, it starts to its end and is then closed: nothing must be left. */
  private static LocalDaemon start(ServeConfig config, OnStop onStop, CountDownLatch ended) {
    CompletableFuture<Optional<LocalDaemon>> started = new CompletableFuture<>();
    Runnable closing =
        () -> {
          started.completeOnTimeout(Optional.empty(), START_SECONDS, TimeUnit.SECONDS);
          started.join().ifPresent(LocalDaemon::close);
          ended.countDown();
        };
    Runtime.getRuntime().addShutdownHook(new Thread(closing, "podflare-shutdown"));
    try {
      LocalDaemon daemon = DaemonWiring.start(config, onStop);
      started.complete(Optional.of(daemon));
      return daemon;
    } finally {
      started.complete(Optional.empty()); // if it did not start: it has undone what it did
    }
  }

  /** On stderr: the key is for the person who starts it, not for a log. */
  private void announce(LocalDaemon daemon) {
    PrintWriter err = spec.commandLine().getErr();
    err.println("podflare: listening on " + daemon.address().baseUrl());
    daemon
        .newAdminKey()
        .ifPresent(
            key -> err.println("podflare: admin key (shown once, kept in admin.key): " + key));
    err.flush();
  }
}
