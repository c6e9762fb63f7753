package dev.podflare.cli;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.exc.UnrecognizedPropertyException;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * The daemon's configuration file, one record per component; everything may be left out. A key that
 * is not known is refused.
 *
 * <pre>
 * data: /var/lib/podflare
 * server:
 *   listen: 127.0.0.1:8787
 *   region: eu                     # put into answers to create, with endpoint
 *   endpoint: https://eu.example
 *   ports_domain: sandboxes.example.com   # guests' ports are also PORT-ID.DOMAIN
 * engine:
 *   accelerator: auto              # or kvm, tcg
 *   templates: /srv/templates      # folder of built templates; else templates in data
 *   template: default              # template of a create that names none
 *   pool: 4                        # warm sandboxes of that template
 *   blanks: 2                      # machines that wait for a checkpoint
 *   pools:                         # the same for further templates
 *     python-datasci: {pool: 1, blanks: 1}
 *   max_sandboxes: 1000
 *   max_sandboxes_per_key: 200
 *   memory_overcommit: 4           # promised guest memory, as a multiple of the host's
 *   max_fork: 32                   # children of one fork, 100 at most
 *   max_contexts: 64               # interpreters of a sandbox beside its first one
 *   max_output_bytes: 1000000000   # of one call, which then ends with output_limit; else without limit
 *   max_undo: 32                   # calls that a sandbox can keep for an undo, 100 at most
 *   max_volumes: 100               # of one key
 *   max_volume_mebibytes: 10240    # that the files of a volume may take
 *   max_processes: 64              # started ones that run in a sandbox, 128 at most
 *   timeout_seconds: 1800          # lifetime of a sandbox that states none
 *   idle_timeout_seconds: 300
 * network:
 *   enabled: true                  # false: guests have none
 *   range: 10.213.0.0/16           # addresses of the guests' slots; else the first free block
 *   allow: [10.1.2.0/24]           # opened to guests, though private
 *   resolvers: [10.1.2.53]         # that names are asked of; else the host's
 *   certificates: [/etc/x.pem]     # authorities beside the usual ones, for hosts of secrets and in guests
 *   upload_bytes_per_second: 25000000    # of one guest, like the following
 *   download_bytes_per_second: 50000000
 *   packets_per_second: 20000
 *   connections: 512
 *   new_connections_per_second: 100
 * store:                           # of checkpoints: Spaces and snapshots
 *   url: s3://bucket/prefix/       # else the folder 'store' in data, or file:///another
 *   endpoint: http://127.0.0.1:9000      # of an S3 that is not AWS's
 *   region: us-east-1
 *   cache_mebibytes: 10240         # of this host's disk, before an S3
 *   key_file: /etc/podflare/store.key    # encrypts it; or PODFLARE_STORE_KEY
 * database:                        # of the records: a PostgreSQL, which several daemons may share
 *   url: postgresql://podflare@db.example:5432/podflare?sslmode=verify-full
 *   password_file: /etc/podflare/database.password   # or in the url, or all in PODFLARE_DATABASE
 *   node: host-a                   # this daemon's name; else one that is made and kept in data
 * webhooks:
 *   allow_private: false           # true: they may lead to every address but those of guests
 *   allow: [10.1.2.0/24]           # else to these blocks, though private
 * log:
 *   format: text                   # or json
 *   level: info
 * </pre>
 */
record ServeFile(
    Optional<Path> data,
    Optional<ServerPart> server,
    Optional<EnginePart> engine,
    Optional<NetworkPart> network,
    Optional<StorePart> store,
    Optional<DatabasePart> database,
    Optional<WebhooksPart> webhooks,
    Optional<LogPart> log) {

  record ServerPart(
      Optional<String> listen,
      Optional<String> region,
      Optional<String> endpoint,
      Optional<String> portsDomain) {
    static final ServerPart EMPTY =
        new ServerPart(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
  }

  record EnginePart(
      Optional<AcceleratorChoice> accelerator,
      Optional<Path> templates,
      Optional<String> template,
      OptionalInt pool,
      OptionalInt blanks,
      Optional<Map<String, PoolPart>> pools,
      OptionalInt maxSandboxes,
      OptionalInt maxSandboxesPerKey,
      OptionalDouble memoryOvercommit,
      OptionalInt maxFork,
      OptionalInt maxUndo,
      OptionalInt maxVolumes,
      OptionalLong maxVolumeMebibytes,
      OptionalInt maxProcesses,
      OptionalInt maxContexts,
      OptionalLong maxOutputBytes,
      OptionalInt timeoutSeconds,
      OptionalInt idleTimeoutSeconds) {
    static final EnginePart EMPTY =
        new EnginePart(
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            OptionalInt.empty(),
            OptionalInt.empty(),
            Optional.empty(),
            OptionalInt.empty(),
            OptionalInt.empty(),
            OptionalDouble.empty(),
            OptionalInt.empty(),
            OptionalInt.empty(),
            OptionalInt.empty(),
            OptionalLong.empty(),
            OptionalInt.empty(),
            OptionalInt.empty(),
            OptionalLong.empty(),
            OptionalInt.empty(),
            OptionalInt.empty());
  }

  record PoolPart(int pool, int blanks) {}

  record NetworkPart(
      Optional<Boolean> enabled,
      Optional<String> range,
      Optional<Ipv6Choice> ipv6,
      Optional<List<String>> allow,
      Optional<List<String>> resolvers,
      Optional<List<Path>> certificates,
      OptionalLong uploadBytesPerSecond,
      OptionalLong downloadBytesPerSecond,
      OptionalInt packetsPerSecond,
      OptionalInt connections,
      OptionalInt newConnectionsPerSecond) {
    static final NetworkPart EMPTY = enabled(Optional.empty());

    /** Guests have no network. */
    static final NetworkPart NONE = enabled(Optional.of(false));

    /** The same with other resolvers, and for guests that may move as much as they can. */
    NetworkPart unlimited(List<String> otherResolvers) {
      return unlimited(otherResolvers, allow, certificates);
    }

    /** The same, with some addresses opened, and certificates of hosts trusted. */
    NetworkPart unlimited(
        List<String> otherResolvers, Optional<List<String>> opened, Optional<List<Path>> trusted) {
      return new NetworkPart(
          enabled,
          range,
          ipv6,
          opened,
          Optional.of(otherResolvers),
          trusted,
          OptionalLong.of(1_000_000_000),
          OptionalLong.of(1_000_000_000),
          OptionalInt.of(1_000_000),
          connections,
          newConnectionsPerSecond);
    }

    private static NetworkPart enabled(Optional<Boolean> enabled) {
      return new NetworkPart(
          enabled,
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          OptionalLong.empty(),
          OptionalLong.empty(),
          OptionalInt.empty(),
          OptionalInt.empty(),
          OptionalInt.empty());
    }
  }

  record StorePart(
      Optional<String> url,
      Optional<String> endpoint,
      Optional<String> region,
      OptionalLong cacheMebibytes,
      Optional<Path> keyFile) {
    static final StorePart EMPTY =
        new StorePart(
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            OptionalLong.empty(),
            Optional.empty());
  }

  /** {@code url} may have a password in it, which nothing prints. */
  record DatabasePart(Optional<String> url, Optional<Path> passwordFile, Optional<String> node) {
    static final DatabasePart EMPTY =
        new DatabasePart(Optional.empty(), Optional.empty(), Optional.empty());

    @Override
    public String toString() {
      return "DatabasePart[node=" + node.orElse("") + "]";
    }
  }

  record WebhooksPart(Optional<Boolean> allowPrivate, Optional<List<String>> allow) {
    static final WebhooksPart EMPTY = new WebhooksPart(Optional.empty(), Optional.empty());
  }

  record LogPart(Optional<LogFormat> format, Optional<String> level) {
    static final LogPart EMPTY = new LogPart(Optional.empty(), Optional.empty());
  }

  static final ServeFile EMPTY =
      new ServeFile(
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty());

  private static final YAMLMapper MAPPER =
      YAMLMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(tools.jackson.databind.MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
          .build();

  /** Reads a file; {@code INVALID_CONFIG} names the key. */
  static ServeFile read(Path file) {
    try {
      return parse(Files.readString(file), file.toString());
    } catch (IOException unreadable) {
      throw refused("cannot read the configuration " + file + ": " + unreadable, unreadable);
    }
  }

  static ServeFile parse(String yaml, String name) {
    if (yaml.lines().allMatch(line -> line.isBlank() || line.strip().startsWith("#"))) {
      return EMPTY;
    }
    try {
      return MAPPER.readValue(yaml, ServeFile.class);
    } catch (UnrecognizedPropertyException unknown) {
      throw refused(
          name
              + ": unknown key '"
              + path(unknown)
              + "'; known there: "
              + unknown.getKnownPropertyIds(),
          unknown);
    } catch (JacksonException malformed) {
      throw refused(name + place(malformed) + ": " + words(malformed), malformed);
    }
  }

  /** Without the lines of the file that the parser shows, or any other password of an address. */
  private static String words(JacksonException failure) {
    return String.valueOf(failure.getOriginalMessage())
        .lines()
        .filter(line -> !line.startsWith("    "))
        .collect(Collectors.joining("\n"))
        .replaceAll("(://[^/\\s:]*):\\S*@", "$1:…@");
  }

  private static String path(JacksonException failure) {
    return failure.getPath().stream()
        .map(it -> String.valueOf(it.getPropertyName()))
        .collect(Collectors.joining("."));
  }

  /** The line, where the parser knows it, else the key. */
  private static String place(JacksonException failure) {
    if (failure.getLocation() != null && failure.getLocation().getLineNr() > 0) {
      return ", line " + failure.getLocation().getLineNr();
    }
    return failure.getPath().isEmpty() ? "" : ", " + path(failure);
  }

  private static PodflareException refused(String message, Exception cause) {
    return new PodflareException(ErrorCode.INVALID_CONFIG, message, cause);
  }
}
