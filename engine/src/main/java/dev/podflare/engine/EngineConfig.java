package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.qemu.HypervisorConfig;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Settings of a {@link LocalEngine}.
 *
 * @param dataFolder everything durable
 * @param templatesFolder built templates; may be shared among data folders
 * @param node four hex digits in every sandbox id
 * @param accelerator which one to use
 * @param defaultTemplate template of a create that names none
 * @param pool wanted members of the default template's warm pool
 * @param blanks wanted blanks behind it
 * @param lifetimes default and largest lifetime and idle time
 * @param caps largest sandbox, and defaults where the template says nothing
 * @param limits of the whole host and of one key
 * @param deadlines of the engine's own waits
 */
public record EngineConfig(
    Path dataFolder,
    Path templatesFolder,
    String node,
    HypervisorConfig.Choice accelerator,
    String defaultTemplate,
    int pool,
    int blanks,
    Lifetimes lifetimes,
    Caps caps,
    Limits limits,
    Deadlines deadlines) {

  public EngineConfig {
    check(pool >= 0 && pool <= 1000, "pool must be 0 to 1000, not " + pool);
    check(blanks >= 0 && blanks <= 1000, "blanks must be 0 to 1000, not " + blanks);
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
   */
  public record Limits(
      int sandboxes,
      int sandboxesPerKey,
      double memoryOvercommit,
      DataSize memoryReserve,
      DataSize diskReserve,
      int queuedExecutions,
      long codeBytes) {
    public static Limits defaults() {
      return new Limits(
          1000, 200, 4.0, DataSize.ofMebibytes(768), DataSize.ofGibibytes(1), 64, 64L << 20);
    }
  }

  /**
   * Deadlines.
   *
   * @param create until a sandbox is handed over or refused
   * @param boot until a freshly booted guest is ready
   * @param guest until the agent answers
   * @param interruptGrace from an interrupt to a kill
   * @param execution of a call that states none
   */
  public record Deadlines(
      Duration create, Duration boot, Duration guest, Duration interruptGrace, Duration execution) {
    public static Deadlines defaults() {
      return new Deadlines(
          Duration.ofSeconds(60),
          Duration.ofMinutes(3),
          Duration.ofSeconds(30),
          Duration.ofSeconds(5),
          Duration.ofDays(1));
    }
  }

  /** Defaults for a data folder; the pool is sized by the host's memory. */
  public static EngineConfig of(Path dataFolder) {
    int pool = Math.clamp(HostResources.totalMemory() / (4L << 30), 2, 16);
    return new EngineConfig(
        dataFolder,
        dataFolder.resolve("templates"),
        "0000",
        HypervisorConfig.Choice.AUTO,
        "default",
        pool,
        Math.max(1, pool / 2),
        Lifetimes.defaults(),
        Caps.defaults(),
        Limits.defaults(),
        Deadlines.defaults());
  }

  public EngineConfig withPool(int members, int waiting) {
    return new EngineConfig(
        dataFolder,
        templatesFolder,
        node,
        accelerator,
        defaultTemplate,
        members,
        waiting,
        lifetimes,
        caps,
        limits,
        deadlines);
  }

  public EngineConfig withTemplates(Path folder, String template) {
    return new EngineConfig(
        dataFolder,
        folder,
        node,
        accelerator,
        template,
        pool,
        blanks,
        lifetimes,
        caps,
        limits,
        deadlines);
  }

  public EngineConfig withAccelerator(HypervisorConfig.Choice choice) {
    return new EngineConfig(
        dataFolder,
        templatesFolder,
        node,
        choice,
        defaultTemplate,
        pool,
        blanks,
        lifetimes,
        caps,
        limits,
        deadlines);
  }

  public EngineConfig withLimits(Lifetimes newLifetimes, Limits newLimits) {
    return new EngineConfig(
        dataFolder,
        templatesFolder,
        node,
        accelerator,
        defaultTemplate,
        pool,
        blanks,
        newLifetimes,
        caps,
        newLimits,
        deadlines);
  }

  private static void check(boolean condition, String message) {
    if (!condition) {
      throw new PodflareException(ErrorCode.INVALID_CONFIG, message);
    }
  }
}
