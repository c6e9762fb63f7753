package dev.podflare.cli;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options of the verbs that run a daemon in this process; they win over the file. */
final class DaemonOptions {
  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Configuration as YAML; options win over it")
  @Nullable Path config;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Data folder; else /var/lib/podflare for root and ~/.podflare for others")
  @Nullable Path data;

  @Option(
      names = "--accel",
      paramLabel = "auto|kvm|tcg",
      description = "Accelerator; auto takes KVM where a probe shows that it accelerates")
  @Nullable AcceleratorChoice accelerator;

  @Option(
      names = "--templates",
      paramLabel = "DIR",
      description = "Folder of built templates; else templates in the data folder")
  @Nullable Path templates;

  @Option(
      names = "--template",
      paramLabel = "NAME",
      description = "Template of a create that names none; else default")
  @Nullable String template;

  @Option(
      names = "--pool",
      paramLabel = "N",
      description = "Warm sandboxes of the default template; else from the host's memory")
  @Nullable Integer pool;

  @Option(
      names = "--blanks",
      paramLabel = "N",
      description = "Machines that wait for a checkpoint; else from the host's memory")
  @Nullable Integer blanks;

  @Option(
      names = "--database",
      paramLabel = "URL",
      description = {
        "Records in a PostgreSQL: postgresql://USER:PASSWORD@HOST:PORT/DATABASE;",
        "else in a SQLite file of the data folder"
      })
  @Nullable String database;

  @Option(
      names = "--node",
      paramLabel = "NAME",
      description = "Name of this daemon among those that share the database")
  @Nullable String node;

  @Option(names = "--log-json", description = "Log as JSON, one object a line")
  boolean logJson;

  @Option(
      names = "--log-level",
      paramLabel = "LEVEL",
      description = "trace, debug, info, warn or error")
  @Nullable String logLevel;

  /** {@code listen}: an address that wins over the file; empty leaves it to the file. */
  ServeConfig resolve(Optional<ListenAddress> listen) {
    ServeConfig base = ServeConfig.of(config == null ? ServeFile.EMPTY : ServeFile.read(config));
    return new ServeConfig(
        listen.orElse(base.listen()),
        (data == null ? base.data() : data).toAbsolutePath().normalize(),
        accelerator == null ? base.accelerator() : accelerator,
        Optional.ofNullable(templates).or(base::templates),
        template == null ? base.template() : template,
        pool == null ? base.pool() : OptionalInt.of(pool),
        blanks == null ? base.blanks() : OptionalInt.of(blanks),
        base.more(),
        base.network(),
        base.store(),
        DatabaseSettings.merge(
            base.database(),
            Optional.ofNullable(database),
            Optional.ofNullable(node),
            System.getenv()),
        base.webhooks(),
        base.region(),
        base.endpoint(),
        base.portsDomain(),
        logJson ? LogFormat.JSON : base.logFormat(),
        logLevel == null ? base.logLevel() : logLevel);
  }
}
