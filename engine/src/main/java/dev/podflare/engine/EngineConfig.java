package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.qemu.HypervisorConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Settings of a {@link LocalEngine}.
 *
 * @param dataFolder everything durable
 * @param templatesFolder built templates; may be shared among data folders
 * @param node four hex digits in every sandbox id
 * @param accelerator which one to use
 * @param defaultTemplate template of a create that names none
 * @param pools what is made ahead of each template's own shape; others get none
 * @param lifetimes default and largest lifetime and idle time
 * @param caps largest sandbox, and defaults where the template says nothing
 * @param limits of the whole host and of one key
 * @param deadlines of the engine's own waits
 * @param network how guests are joined to the host's network; empty: not at all
 * @param volumes what folders that many sandboxes mount may take
 */
public record EngineConfig(
    Path dataFolder,
    Path templatesFolder,
    String node,
    HypervisorConfig.Choice accelerator,
    String defaultTemplate,
    Map<String, PoolSize> pools,
    Lifetimes lifetimes,
    Caps caps,
    Limits limits,
    Deadlines deadlines,
    Optional<GuestNetworkConfig> network,
    VolumeLimits volumes) {

  /** Where a guest has all certificates, the host's added ones among them. */
  static final Path GUEST_CERTIFICATES = Path.of("/etc/ssl/certs/ca-certificates.crt");

  public EngineConfig {
    pools = Map.copyOf(pools);
  }

  /**
   * What is made ahead.
   *
   * @param warm members of the warm pool
   * @param blanks machines that wait for a checkpoint
   */
  public record PoolSize(int warm, int blanks) {
    static final PoolSize NONE = new PoolSize(0, 0);

    public PoolSize {
      check(warm >= 0 && warm <= 1000, "pool must be 0 to 1000, not " + warm);
      check(blanks >= 0 && blanks <= 1000, "blanks must be 0 to 1000, not " + blanks);
    }

    /** By the host's memory: a member takes some 60 MB and, while it is made, a processor. */
    public static PoolSize ofHost() {
      int warm = Math.clamp(HostResources.totalMemory() / (4L << 30), 2, 16);
      return new PoolSize(warm, Math.max(1, warm / 2));
    }
  }

  public record Lifetimes(Duration timeout, Duration maxTimeout, Duration idle, Duration maxIdle) {
    public Lifetimes {
      check(!timeout.isNegative() && timeout.compareTo(maxTimeout) <= 0, "timeout above its cap");
      check(!idle.isNegative() && idle.compareTo(maxIdle) <= 0, "idle timeout above its cap");
    }

    public static Lifetimes defaults() {
      return new Lifetimes(
          Duration.ofMinutes(30), Duration.ofDays(7), Duration.ofMinutes(5), Duration.ofDays(7));
    }
  }

  /**
   * Caps of one sandbox.
   *
   * @param shapes most shapes kept beside the templates' own
   */
  public record Caps(int vcpus, DataSize memory, DataSize disk, int shapes) {
    public static Caps defaults() {
      return new Caps(16, DataSize.ofGibibytes(16), DataSize.ofGibibytes(64), 16);
    }
  }

  /**
   * Limits of the host.
   *
   * @param sandboxes most live sandboxes
   * @param sandboxesPerKey most of one key that states none itself
   * @param memoryOvercommit guest memory that may be promised, as a multiple of the host's memory
   * @param memoryReserve host memory that must stay available
   * @param diskReserve space of the data folder that must stay free
   * @param queuedExecutions most Python calls that wait in one sandbox
   * @param codeBytes most code of one call
   * @param maxFork most children of one fork, 1 to 100
   * @param maxUndo most calls that a sandbox can keep for an undo, 0 to 100
   * @param undoDisk most memory that one sandbox's undo may keep on disk, beside its newest
   * @param processes most started processes that run in one sandbox, 1 to 128
   * @param contexts interpreters that a sandbox may have beside its first one, 0 to 1,000
   * @param outputBytes of one call, its values included, after which it is ended
   */
  public record Limits(
      int sandboxes,
      int sandboxesPerKey,
      double memoryOvercommit,
      DataSize memoryReserve,
      DataSize diskReserve,
      int queuedExecutions,
      long codeBytes,
      int maxFork,
      int maxUndo,
      DataSize undoDisk,
      int processes,
      int contexts,
      long outputBytes) {
    public Limits {
      check(maxUndo >= 0 && maxUndo <= 100, "max_undo must be 0 to 100, not " + maxUndo);
      check(processes >= 1 && processes <= 128, "max_processes must be 1 to 128, not " + processes);
      check(contexts >= 0 && contexts <= 1000, "max_contexts must be 0 to 1000, not " + contexts);
      check(outputBytes > 0, "max_output_bytes must be positive, not " + outputBytes);
      check(maxFork >= 1 && maxFork <= 100, "max_fork must be 1 to 100, not " + maxFork);
    }

    public static Limits defaults() {
      return new Limits(
          1000,
          200,
          4.0,
          DataSize.ofMebibytes(768),
          DataSize.ofGibibytes(1),
          64,
          64L << 20,
          32,
          32,
          DataSize.ofGibibytes(2),
          64,
          64,
          Long.MAX_VALUE);
    }
  }

  /**
   * Limits of volumes.
   *
   * @param perKey most volumes of one key
   * @param bytes most that the files of one may take
   */
  public record VolumeLimits(int perKey, DataSize bytes) {
    public VolumeLimits {
      check(perKey >= 0 && perKey <= 10_000, "max_volumes must be 0 to 10000, not " + perKey);
      check(bytes.bytes() >= 1 << 20, "max_volume_mib must be 1 or more");
    }

    public static VolumeLimits defaults() {
      return new VolumeLimits(100, DataSize.ofGibibytes(10));
    }
  }

  /**
   * Deadlines.
   *
   * @param create until a sandbox is handed over or refused; shorter than the 30 s after which the
   *     official client gives up on an answer, for it would leave behind a sandbox that it never
   *     heard of
   * @param boot until a freshly booted guest is ready
   * @param guest until the agent answers
   * @param interruptGrace from an interrupt to a kill
   * @param execution of a call that states none
   */
  public record Deadlines(
      Duration create, Duration boot, Duration guest, Duration interruptGrace, Duration execution) {
    public static Deadlines defaults() {
      return new Deadlines(
          Duration.ofSeconds(25),
          Duration.ofMinutes(3),
          Duration.ofSeconds(30),
          Duration.ofSeconds(5),
          Duration.ofDays(1));
    }
  }

  /** Defaults for a data folder; the pool is sized by the host's memory. */
  public static EngineConfig of(Path dataFolder) {
    return new EngineConfig(
        dataFolder,
        dataFolder.resolve("templates"),
        "0000",
        HypervisorConfig.Choice.AUTO,
        "default",
        Map.of("default", PoolSize.ofHost()),
        Lifetimes.defaults(),
        Caps.defaults(),
        Limits.defaults(),
        Deadlines.defaults(),
        Optional.of(GuestNetworkConfig.defaults()),
        VolumeLimits.defaults());
  }

  /** Variables that every execution has, unless a caller sets them. */
  Map<String, String> guestEnvironment() {
    return network.map(it -> it.proxy().guestEnvironment(GUEST_CERTIFICATES)).orElse(Map.of());
  }

  /** The same with another network, or with none. */
  public EngineConfig withNetwork(Optional<GuestNetworkConfig> other) {
    return with(parts -> parts.network = other);
  }

  /** Pool sizes by template. */
  public EngineConfig withPools(Map<String, PoolSize> others) {
    return with(parts -> parts.pools = others);
  }

  /** A pool of the default template only. */
  public EngineConfig withPool(int warm, int blanks) {
    return withPools(Map.of(defaultTemplate, new PoolSize(warm, blanks)));
  }

  /** The default template's pool is of the host's size; set others after this. */
  public EngineConfig withTemplates(Path folder, String template) {
    return with(parts -> {
      parts.templatesFolder = folder;
      parts.defaultTemplate = template;
      parts.pools = Map.of(template, PoolSize.ofHost());
    });
  }

  /** The same with other limits of volumes. */
  public EngineConfig withVolumes(VolumeLimits others) {
    return with(parts -> parts.volumes = others);
  }

  public EngineConfig withAccelerator(HypervisorConfig.Choice choice) {
    return with(parts -> parts.accelerator = choice);
  }

  /** The same with other deadlines. */
  public EngineConfig withDeadlines(Deadlines others) {
    return with(parts -> parts.deadlines = others);
  }

  public EngineConfig withLimits(Lifetimes newLifetimes, Limits newLimits) {
    return with(parts -> {
      parts.lifetimes = newLifetimes;
      parts.limits = newLimits;
    });
  }

  private EngineConfig with(Consumer<Parts> change) {
    Parts parts = new Parts(this);
    change.accept(parts);
    return parts.whole();
  }

  /** What can be changed of a configuration, while it is. */
  private static final class Parts {
    private final EngineConfig from;
    private Path templatesFolder;
    private HypervisorConfig.Choice accelerator;
    private String defaultTemplate;
    private Map<String, PoolSize> pools;
    private Lifetimes lifetimes;
    private Limits limits;
    private Deadlines deadlines;
    private Optional<GuestNetworkConfig> network;
    private VolumeLimits volumes;

    Parts(EngineConfig from) {
      this.from = from;
      this.templatesFolder = from.templatesFolder;
      this.accelerator = from.accelerator;
      this.defaultTemplate = from.defaultTemplate;
      this.pools = from.pools;
      this.lifetimes = from.lifetimes;
      this.limits = from.limits;
      this.deadlines = from.deadlines;
      this.network = from.network;
      this.volumes = from.volumes;
    }

    EngineConfig whole() {
      return new EngineConfig(
          from.dataFolder,
          templatesFolder,
          from.node,
          accelerator,
          defaultTemplate,
          pools,
          lifetimes,
          from.caps,
          limits,
          deadlines,
          network,
          volumes);
    }
  }

  private static void check(boolean condition, String message) {
    if (!condition) {
      throw new PodflareException(ErrorCode.INVALID_CONFIG, message);
    }
  }
}
