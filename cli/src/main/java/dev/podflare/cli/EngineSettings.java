package dev.podflare.cli;

import dev.podflare.common.DataSize;
import dev.podflare.engine.EngineConfig;
import dev.podflare.engine.EngineConfig.PoolSize;
import dev.podflare.qemu.HypervisorConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;

/** Turns the daemon's configuration into the engine's; what is not said keeps its default. */
final class EngineSettings {
  private EngineSettings() {}

  static EngineConfig of(ServeConfig config, Path templates, HypervisorConfig.Choice choice) {
    ServeFile.EnginePart more = config.more();
    return EngineConfig.of(config.data())
        .withTemplates(templates, config.template())
        .withAccelerator(choice)
        .withPools(pools(config))
        .withLimits(lifetimes(more), limits(more))
        .withVolumes(volumes(more))
        .withNetwork(NetworkSettings.of(config.network(), System.getenv()));
  }

  private static Map<String, PoolSize> pools(ServeConfig config) {
    Map<String, PoolSize> pools = new HashMap<>();
    config
        .more()
        .pools()
        .ifPresent(all ->
            all.forEach((name, part) -> pools.put(name, new PoolSize(part.pool(), part.blanks()))));
    PoolSize usual = PoolSize.ofHost();
    pools.put(
        config.template(),
        new PoolSize(config.pool().orElse(usual.warm()), config.blanks().orElse(usual.blanks())));
    return pools;
  }

  private static EngineConfig.Lifetimes lifetimes(ServeFile.EnginePart more) {
    EngineConfig.Lifetimes usual = EngineConfig.Lifetimes.defaults();
    return new EngineConfig.Lifetimes(
        seconds(more.timeoutSeconds(), usual.timeout()),
        usual.maxTimeout(),
        seconds(more.idleTimeoutSeconds(), usual.idle()),
        usual.maxIdle());
  }

  private static Duration seconds(OptionalInt value, Duration usual) {
    return value.isPresent() ? Duration.ofSeconds(value.getAsInt()) : usual;
  }

  private static EngineConfig.VolumeLimits volumes(ServeFile.EnginePart more) {
    EngineConfig.VolumeLimits usual = EngineConfig.VolumeLimits.defaults();
    return new EngineConfig.VolumeLimits(
        more.maxVolumes().orElse(usual.perKey()),
        more.maxVolumeMebibytes().isPresent()
            ? DataSize.ofMebibytes(more.maxVolumeMebibytes().getAsLong())
            : usual.bytes());
  }

  private static EngineConfig.Limits limits(ServeFile.EnginePart more) {
    EngineConfig.Limits usual = EngineConfig.Limits.defaults();
    return new EngineConfig.Limits(
        more.maxSandboxes().orElse(usual.sandboxes()),
        more.maxSandboxesPerKey().orElse(usual.sandboxesPerKey()),
        more.memoryOvercommit().orElse(usual.memoryOvercommit()),
        usual.memoryReserve(),
        usual.diskReserve(),
        usual.queuedExecutions(),
        usual.codeBytes(),
        more.maxFork().orElse(usual.maxFork()),
        more.maxUndo().orElse(usual.maxUndo()),
        usual.undoDisk(),
        more.maxProcesses().orElse(usual.processes()),
        more.maxContexts().orElse(usual.contexts()),
        more.maxOutputBytes().orElse(usual.outputBytes()));
  }
}
