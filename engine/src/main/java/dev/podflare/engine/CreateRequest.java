package dev.podflare.engine;

import dev.podflare.network.EgressPolicy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a caller asks of a new sandbox; empty fields take the server's defaults. Values are checked
 * against the caps by the engine.
 *
 * @param memoryMebibytes guest RAM in MiB
 * @param diskGibibytes size of the root disk in GiB
 * @param autoResume whether any call wakes it, where it is paused or frozen; empty: if persistent
 * @param undo how many of its last calls it can take back; 0: none
 * @param network what its guest may reach
 * @param mounts volumes that it has
 * @param secrets what the gate puts into its guest's requests
 * @param env variables set for every execution of the sandbox
 */
public record CreateRequest(
    Optional<String> template,
    Optional<Duration> timeout,
    Optional<Duration> idleTimeout,
    OptionalInt vcpus,
    OptionalInt memoryMebibytes,
    OptionalInt diskGibibytes,
    boolean persistent,
    Optional<Boolean> autoResume,
    int undo,
    EgressPolicy network,
    List<MountRequest> mounts,
    List<SecretRequest> secrets,
    Map<String, String> env,
    Map<String, String> metadata) {
  public CreateRequest {
    mounts = List.copyOf(mounts);
    secrets = List.copyOf(secrets);
    env = Map.copyOf(env);
    metadata = Map.copyOf(metadata);
  }

  /** The same with volumes. */
  public CreateRequest withMounts(List<MountRequest> others) {
    return new CreateRequest(
        template,
        timeout,
        idleTimeout,
        vcpus,
        memoryMebibytes,
        diskGibibytes,
        persistent,
        autoResume,
        undo,
        network,
        others,
        secrets,
        env,
        metadata);
  }

  /** Everything by default. */
  public static CreateRequest defaults() {
    return new CreateRequest(
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        OptionalInt.empty(),
        OptionalInt.empty(),
        OptionalInt.empty(),
        false,
        Optional.empty(),
        0,
        EgressPolicy.OPEN,
        List.of(),
        List.of(),
        Map.of(),
        Map.of());
  }
}
