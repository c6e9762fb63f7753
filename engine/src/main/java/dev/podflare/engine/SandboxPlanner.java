package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.image.BuiltTemplate;
import dev.podflare.image.Shape;
import dev.podflare.store.SandboxRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Turns wishes into what will be done, or refuses them with the cap in the message. Immutable. */
final class SandboxPlanner {
  /** Shape and disk of a template that says nothing else. */
  static final Shape USUAL_SHAPE = new Shape(2, DataSize.ofGibibytes(1));

  static final DataSize USUAL_DISK = DataSize.ofGibibytes(4);

  /** Memory is rounded up to it, since every shape is booted and kept. */
  private static final int MEMORY_STEP_MEBIBYTES = 128;

  private static final int MAX_PAIRS = 256;
  private static final int MAX_PAIRS_CHARACTERS = 64 << 10;

  private final EngineConfig config;

  SandboxPlanner(EngineConfig config) {
    this.config = config;
  }

  /** A create, checked and with all defaults filled in. */
  record Plan(
      BuiltTemplate template,
      Shape shape,
      DataSize disk,
      Duration timeout,
      Duration idleTimeout,
      CreateRequest request) {

    SandboxRecord record(String id, Caller caller, List<SandboxMount> mounts, Instant now) {
      return new SandboxRecord(
          id,
          caller.keyId(),
          template.name(),
          SandboxState.READY.wireName(),
          shape.vcpus(),
          (int) shape.memory().mebibytes(),
          (int) Math.ceilDiv(disk.bytes(), 1L << 30),
          request.persistent(),
          request.autoResume().orElse(request.persistent()),
          request.undo(),
          PolicyText.of(request.network()),
          MountText.of(mounts),
          SecretText.NONE,
          request.env(),
          request.metadata(),
          Optional.empty(),
          now,
          now.plus(timeout),
          timeout,
          idleTimeout,
          Optional.empty(),
          Optional.empty(),
          Optional.empty());
    }
  }

  Plan plan(CreateRequest request, BuiltTemplate template) {
    checkPairs("env", request.env());
    checkPairs("metadata", request.metadata());
    undo(request.undo(), config);
    EngineConfig.Lifetimes lifetimes = config.lifetimes();
    return new Plan(
        template,
        shape(request, template),
        disk(request, template),
        within(
            "timeout_seconds",
            request.timeout().orElse(lifetimes.timeout()),
            lifetimes.maxTimeout()),
        within(
            "idle_timeout_seconds",
            request.idleTimeout().orElse(lifetimes.idle()),
            lifetimes.maxIdle()),
        request);
  }

  private Shape shape(CreateRequest request, BuiltTemplate template) {
    int vcpus = request.vcpus().orElse(template.shape().vcpus());
    if (vcpus < 1 || vcpus > config.caps().vcpus()) {
      throw invalid("vcpus", vcpus, "1 to " + config.caps().vcpus());
    }
    if (request.memoryMebibytes().isEmpty()) {
      return new Shape(vcpus, template.shape().memory());
    }
    int memory = request.memoryMebibytes().getAsInt();
    long cap = config.caps().memory().mebibytes();
    if (memory < 256 || memory > cap) {
      throw invalid("ram_mib", memory, "256 to " + cap);
    }
    long rounded = Math.ceilDiv(memory, MEMORY_STEP_MEBIBYTES) * (long) MEMORY_STEP_MEBIBYTES;
    return new Shape(vcpus, DataSize.ofMebibytes(rounded));
  }

  private DataSize disk(CreateRequest request, BuiltTemplate template) {
    if (request.diskGibibytes().isEmpty()) {
      return template.diskSize();
    }
    int gibibytes = request.diskGibibytes().getAsInt();
    long least = Math.ceilDiv(template.diskSize().bytes(), 1L << 30);
    long cap = config.caps().disk().bytes() >> 30;
    if (gibibytes < least || gibibytes > cap) {
      throw invalid("rootfs_gb", gibibytes, least + " to " + cap);
    }
    return DataSize.ofGibibytes(gibibytes);
  }

  /** How many calls a sandbox may keep for an undo. */
  static int undo(int calls, EngineConfig config) {
    int most = config.limits().maxUndo();
    if (calls < 0 || calls > most) {
      throw invalid("undo", calls, "1 to " + most);
    }
    return calls;
  }

  static Duration within(String field, Duration value, Duration cap) {
    if (value.isZero() || value.isNegative() || value.compareTo(cap) > 0) {
      throw invalid(field, value.toSeconds(), "1 to " + cap.toSeconds());
    }
    return value;
  }

  SandboxRecord patch(SandboxRecord old, PatchRequest request, Instant now) {
    request.metadata().ifPresent(metadata -> checkPairs("metadata", metadata));
    EngineConfig.Lifetimes lifetimes = config.lifetimes();
    Optional<Duration> timeout =
        request.timeout().map(value -> within("timeout_seconds", value, lifetimes.maxTimeout()));
    Optional<Duration> idle =
        request
            .idleTimeout()
            .map(value -> within("idle_timeout_seconds", value, lifetimes.maxIdle()));
    return new SandboxRecord(
        old.id(),
        old.keyId(),
        old.template(),
        old.state(),
        old.vcpus(),
        old.memoryMebibytes(),
        old.diskGibibytes(),
        request.persistent().orElse(old.persistent()),
        request.autoResume().or(request::persistent).orElse(old.autoResume()),
        old.undo(),
        old.network(),
        old.mounts(),
        old.secrets(),
        old.env(),
        request.metadata().orElse(old.metadata()),
        old.parent(),
        old.createdAt(),
        timeout.map(now::plus).orElse(old.expiresAt()),
        timeout.orElse(old.timeout()),
        idle.orElse(old.idleTimeout()),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  void check(ExecRequest request) {
    checkPairs("env", request.env());
    long most = config.limits().codeBytes();
    if (request.code().length() > most) {
      throw new PodflareException(
          ErrorCode.PAYLOAD_TOO_LARGE,
          "code has " + request.code().length() + " characters, at most " + most);
    }
    if (request.context().isPresent() && (request.cwd().isPresent() || !request.env().isEmpty())) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          "a context has a folder and variables of its own: no cwd, no env");
    }
    boolean noInput =
        request.context().isPresent() || request.language() == ExecRequest.Language.PYTHON;
    if (noInput && (request.stdin().isPresent() || request.stdinOpen())) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD, "stdin is for bash without a context only");
    }
    if (request.process().isEmpty()) { // which may run for ever
      request
          .timeout()
          .ifPresent(value -> within("timeout_seconds", value, config.deadlines().execution()));
    }
  }

  void check(ContextRequest request) {
    checkPairs("env", request.env());
  }

  static void checkPairs(String field, Map<String, String> pairs) {
    long characters = 0;
    for (Map.Entry<String, String> pair : pairs.entrySet()) {
      characters += pair.getKey().length() + (long) pair.getValue().length();
      if (field.equals("env") && !pair.getKey().matches("[A-Za-z_][A-Za-z0-9_]*")) {
        throw new PodflareException(
            ErrorCode.INVALID_FIELD, "env: not a variable's name: '" + pair.getKey() + "'");
      }
      if ((pair.getKey() + pair.getValue()).indexOf('\0') >= 0) {
        throw new PodflareException(ErrorCode.INVALID_FIELD, field + " contains a NUL character");
      }
    }
    if (pairs.size() > MAX_PAIRS || characters > MAX_PAIRS_CHARACTERS) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          field
              + " may have "
              + MAX_PAIRS
              + " entries and "
              + MAX_PAIRS_CHARACTERS
              + " characters in all");
    }
  }

  private static PodflareException invalid(String field, long value, String range) {
    return new PodflareException(
        ErrorCode.INVALID_FIELD,
        field + " must be " + range + ", not " + value,
        Map.of("field", field, "value", value));
  }
}
