package dev.podflare.tests;

import static dev.podflare.tests.ConformanceScript.mapping;

import dev.podflare.client.ApiException;
import dev.podflare.client.ListFilter;
import dev.podflare.client.NetworkPolicy;
import dev.podflare.client.Podflare;
import dev.podflare.client.ResumeOptions;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.tests.ConformanceScript.Handle;
import dev.podflare.tests.ConformanceScript.Refused;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/** The calls of the conformance scripts, by the Java SDK. One thread. */
final class ConformanceCalls implements ConformanceScript.Runner {
  static final JsonMapper JSON =
      JsonMapper.builder().propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build();
  private static final int MOST = 10_000;

  /** A sandbox of the SDK. */
  record Box(Sandbox sandbox) implements Handle {
    @Override
    public String id() {
      return sandbox.id();
    }
  }

  private final Podflare client;

  ConformanceCalls(Podflare client) {
    this.client = client;
  }

  @Override
  public @Nullable Object call(String name, Optional<Handle> on, Map<String, Object> given)
      throws Refused {
    try {
      Given a = new Given(given);
      Object result =
          on.isPresent()
              ? new ConformanceBoxCalls(client, ((Box) on.get()).sandbox()).call(name, a)
              : call(name, a);
      a.assertAllUsed();
      return neutral(result);
    } catch (ApiException refused) {
      Map<String, Object> told = new HashMap<>();
      told.put("code", refused.code());
      told.put("status", refused.status());
      told.put("details", refused.details());
      told.put("error", refused.sentence());
      throw new Refused(told);
    }
  }

  private @Nullable Object call(String name, Given a) {
    return switch (name) {
      case "create" -> new Box(client.create(create(a)));
      case "connect" -> new Box(client.sandbox(a.text("id")));
      case "resume_space" -> new Box(client.spaces().resume(a.text("space"), resume(a)));
      case "list" ->
          client.listAll(
              new ListFilter(
                  a.maybe("state"),
                  a.maybe("template"),
                  a.texts("metadata").orElse(Map.of()),
                  Optional.empty(),
                  Optional.empty()),
              MOST);
      case "spaces" -> client.spaces().list();
      case "snapshots" -> client.snapshots().list();
      case "get_space" -> client.spaces().get(a.text("space"));
      case "delete_space" -> nothing(() -> client.spaces().delete(a.text("space")));
      case "delete_snapshot" -> nothing(() -> client.snapshots().delete(a.text("snapshot")));
      case "create_volume" -> client.volumes().create(a.text("name"), a.number("max_mib"));
      case "get_volume" -> client.volumes().get(a.text("volume"));
      case "delete_volume" ->
          nothing(
              a.flag("force").orElse(false)
                  ? () -> client.volumes().deleteByForce(a.text("volume"))
                  : () -> client.volumes().delete(a.text("volume")));
      case "volumes" -> client.volumes().list();
      case "info" -> client.info().all();
      case "capacity" -> client.capacity();
      case "healthz" -> client.healthy();
      default -> throw new AssertionError("there is no call " + name);
    };
  }

  static @Nullable Object nothing(Runnable call) {
    call.run();
    return null;
  }

  private static SandboxOptions create(Given a) {
    SandboxOptions.Builder options = SandboxOptions.builder();
    a.maybe("template").ifPresent(options::template);
    a.seconds("timeout_seconds").ifPresent(options::timeout);
    a.seconds("idle_timeout_seconds").ifPresent(options::idleTimeout);
    a.number("vcpus").ifPresent(options::vcpus);
    a.number("ram_mib").ifPresent(options::memoryMebibytes);
    a.number("rootfs_gb").ifPresent(options::diskGibibytes);
    a.flag("persistent").ifPresent(options::persistent);
    a.flag("auto_resume").ifPresent(options::autoResume);
    a.number("undo").ifPresent(options::undo);
    a.maybe("snapshot").ifPresent(options::snapshot);
    a.flag("egress").ifPresent(options::egress);
    a.policy("network").ifPresent(options::network);
    a.texts("env").ifPresent(options::env);
    a.texts("metadata").ifPresent(options::metadata);
    for (Object one : a.list("mounts").orElse(List.of())) {
      Given mount = new Given(mapping(one));
      options.mount(
          new SandboxOptions.Mount(
              mount.text("volume"),
              mount.text("path"),
              mount.flag("read_only").orElse(false),
              mount.flag("create").orElse(false)));
      mount.assertAllUsed();
    }
    return options.build();
  }

  private static ResumeOptions resume(Given a) {
    return new ResumeOptions(
        a.seconds("timeout_seconds"),
        a.seconds("idle_timeout_seconds"),
        a.flag("persistent"),
        a.flag("auto_resume"),
        a.policy("network"),
        a.texts("metadata"),
        a.flag("keep").orElse(false));
  }

  /** A result in the names of {@code openapi.yaml}. */
  private static @Nullable Object neutral(@Nullable Object value) {
    return switch (value) {
      case null -> null;
      case Handle handle -> handle;
      case byte[] bytes -> bytes;
      case Optional<?> maybe -> neutral(maybe.orElse(null));
      case OptionalDouble maybe -> maybe.isPresent() ? maybe.getAsDouble() : null;
      case List<?> list -> {
        List<Object> all = new ArrayList<>();
        list.forEach(one -> all.add(neutral(one)));
        yield all;
      }
      case Map<?, ?> map -> {
        Map<String, Object> all = new LinkedHashMap<>();
        map.forEach((key, one) -> all.put((String) key, neutral(one)));
        yield all;
      }
      default -> JSON.convertValue(value, Object.class);
    };
  }

  @Override
  public void close(Handle handle) {
    try {
      ((Box) handle).sandbox().delete();
    } catch (ApiException gone) {
      if (!gone.code().equals("sandbox_not_found")) {
        throw gone;
      }
    }
  }

  /** Arguments by name, each of which is to be used. */
  static final class Given {
    private final Map<String, Object> all;
    private final Map<String, Object> left;

    Given(Map<String, Object> all) {
      this.all = all;
      this.left = new HashMap<>(all);
    }

    Optional<Object> value(String name) {
      left.remove(name);
      return Optional.ofNullable(all.get(name));
    }

    boolean has(String name) {
      return all.containsKey(name);
    }

    Object needed(String name) {
      return value(name).orElseThrow(() -> new AssertionError("no " + name + " in " + all));
    }

    String text(String name) {
      return (String) needed(name);
    }

    Optional<String> maybe(String name) {
      return value(name).map(it -> (String) it);
    }

    Optional<Integer> number(String name) {
      return value(name).map(it -> ((Number) it).intValue());
    }

    Optional<Boolean> flag(String name) {
      return value(name).map(it -> (Boolean) it);
    }

    Optional<Duration> seconds(String name) {
      return value(name).map(it -> Duration.ofMillis((long) (((Number) it).doubleValue() * 1000)));
    }

    Optional<List<?>> list(String name) {
      return value(name).map(it -> (List<?>) it);
    }

    List<String> words(String name) {
      return list(name).orElse(List.of()).stream().map(it -> (String) it).toList();
    }

    Optional<Map<String, String>> texts(String name) {
      return value(name)
          .map(it ->
              mapping(it).entrySet().stream()
                  .collect(
                      Collectors.toMap(Map.Entry::getKey, e -> Objects.toString(e.getValue()))));
    }

    /** A policy as the SDK has it. */
    Optional<NetworkPolicy> policy(String name) {
      return value(name)
          .map(it -> {
            Given policy = new Given(mapping(it));
            NetworkPolicy read =
                new NetworkPolicy(
                    policy.maybe("default").orElse("allow"),
                    policy.words("allow"),
                    policy.words("deny"),
                    policy.maybe("dns"));
            policy.assertAllUsed();
            return read;
          });
    }

    void assertAllUsed() {
      if (!left.isEmpty()) {
        throw new AssertionError("arguments that this runner does not know: " + left);
      }
    }
  }
}
