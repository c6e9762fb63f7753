package dev.podflare.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What to ask of a new sandbox; what is empty takes the server's default.
 *
 * @param timeout lifetime
 * @param idleTimeout end after this time without a call
 * @param memoryMebibytes guest RAM
 * @param diskGibibytes root disk
 * @param persistent frozen into a Space where another sandbox would be ended or lost
 * @param autoResume whether calls wake it, where it is paused or frozen; else if persistent
 * @param undo how many of its last calls {@link Sandbox#undo} can take back; each call then takes
 *     some milliseconds more
 * @param snapshot id or name of one to go on from, whose template, sizes, volumes and variables it
 *     has
 * @param mounts volumes that it has
 * @param secrets what the server puts into its requests
 */
public record SandboxOptions(
    Optional<String> template,
    Optional<Duration> timeout,
    Optional<Duration> idleTimeout,
    Optional<Integer> vcpus,
    Optional<Integer> memoryMebibytes,
    Optional<Integer> diskGibibytes,
    Optional<Boolean> persistent,
    Optional<Boolean> autoResume,
    Optional<Integer> undo,
    Optional<String> snapshot,
    Optional<Boolean> egress,
    Optional<NetworkPolicy> network,
    List<Mount> mounts,
    List<SecretOptions> secrets,
    Map<String, String> env,
    Map<String, String> metadata) {

  /**
   * A volume in the new sandbox.
   *
   * @param volume id or name
   * @param path folder in the guest
   * @param create it is made if there is none of this name
   */
  public record Mount(String volume, String path, boolean readOnly, boolean create) {
    Map<String, Object> body() {
      return Map.of("volume", volume, "path", path, "read_only", readOnly, "create", create);
    }
  }

  public SandboxOptions {
    mounts = List.copyOf(mounts);
    secrets = List.copyOf(secrets);
    env = Map.copyOf(env);
    metadata = Map.copyOf(metadata);
  }

  public static SandboxOptions defaults() {
    return new Builder().build();
  }

  public static Builder builder() {
    return new Builder();
  }

  Map<String, Object> body() {
    Map<String, Object> body = new LinkedHashMap<>();
    template.ifPresent(it -> body.put("template", it));
    timeout.ifPresent(it -> body.put("timeout_seconds", Wire.seconds(it)));
    idleTimeout.ifPresent(it -> body.put("idle_timeout_seconds", Wire.seconds(it)));
    vcpus.ifPresent(it -> body.put("vcpus", it));
    memoryMebibytes.ifPresent(it -> body.put("ram_mib", it));
    diskGibibytes.ifPresent(it -> body.put("rootfs_gb", it));
    persistent.ifPresent(it -> body.put("persistent", it));
    autoResume.ifPresent(it -> body.put("auto_resume", it));
    undo.ifPresent(it -> body.put("undo", it));
    snapshot.ifPresent(it -> body.put("snapshot", it));
    egress.ifPresent(it -> body.put("egress", it));
    network.ifPresent(it -> body.put("network", it.body()));
    if (!mounts.isEmpty()) {
      body.put("mounts", mounts.stream().map(Mount::body).toList());
    }
    if (!secrets.isEmpty()) {
      body.put("secrets", secrets.stream().map(SecretOptions::body).toList());
    }
    if (!env.isEmpty()) {
      body.put("env", env);
    }
    if (!metadata.isEmpty()) {
      body.put("metadata", metadata);
    }
    return body;
  }

  /** Gathers options. One thread. */
  public static final class Builder {
    private Optional<String> template = Optional.empty();
    private Optional<Duration> timeout = Optional.empty();
    private Optional<Duration> idleTimeout = Optional.empty();
    private Optional<Integer> vcpus = Optional.empty();
    private Optional<Integer> memoryMebibytes = Optional.empty();
    private Optional<Integer> diskGibibytes = Optional.empty();
    private Optional<Boolean> persistent = Optional.empty();
    private Optional<Boolean> autoResume = Optional.empty();
    private Optional<Integer> undo = Optional.empty();
    private Optional<String> snapshot = Optional.empty();
    private Optional<Boolean> egress = Optional.empty();
    private Optional<NetworkPolicy> network = Optional.empty();
    private final List<Mount> mounts = new ArrayList<>();
    private List<SecretOptions> secrets = List.of();
    private Map<String, String> env = Map.of();
    private Map<String, String> metadata = Map.of();

    private Builder() {}

    public Builder template(String value) {
      template = Optional.of(value);
      return this;
    }

    public Builder timeout(Duration value) {
      timeout = Optional.of(value);
      return this;
    }

    public Builder idleTimeout(Duration value) {
      idleTimeout = Optional.of(value);
      return this;
    }

    public Builder vcpus(int value) {
      vcpus = Optional.of(value);
      return this;
    }

    public Builder memoryMebibytes(int value) {
      memoryMebibytes = Optional.of(value);
      return this;
    }

    public Builder diskGibibytes(int value) {
      diskGibibytes = Optional.of(value);
      return this;
    }

    public Builder persistent(boolean value) {
      persistent = Optional.of(value);
      return this;
    }

    public Builder autoResume(boolean value) {
      autoResume = Optional.of(value);
      return this;
    }

    public Builder undo(int calls) {
      undo = Optional.of(calls);
      return this;
    }

    /** Goes on where this was taken; leave out template, sizes and variables, which it has. */
    public Builder snapshot(String idOrName) {
      snapshot = Optional.of(idOrName);
      return this;
    }

    public Builder egress(boolean value) {
      egress = Optional.of(value);
      return this;
    }

    /** More than {@link #egress} can say. */
    public Builder network(NetworkPolicy value) {
      network = Optional.of(value);
      return this;
    }

    /** One more volume. */
    public Builder mount(Mount value) {
      mounts.add(value);
      return this;
    }

    /** A volume that is there already, to be read and written. */
    public Builder mount(String volume, String path) {
      return mount(new Mount(volume, path, false, false));
    }

    public Builder secrets(List<SecretOptions> value) {
      secrets = value;
      return this;
    }

    public Builder env(Map<String, String> value) {
      env = value;
      return this;
    }

    public Builder metadata(Map<String, String> value) {
      metadata = value;
      return this;
    }

    public SandboxOptions build() {
      return new SandboxOptions(
          template,
          timeout,
          idleTimeout,
          vcpus,
          memoryMebibytes,
          diskGibibytes,
          persistent,
          autoResume,
          undo,
          snapshot,
          egress,
          network,
          mounts,
          secrets,
          env,
          metadata);
    }
  }
}
