package dev.podflare.engine;

import dev.podflare.common.AwakeTime;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.network.SecretRule;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Clones repositories into sandboxes: git runs in the guest, as a call of bash. A credential does
 * not enter it. For as long as the call runs, the gate puts it into the two requests that read this
 * repository, if they have a placeholder, which git is told in its environment; nothing of it is in
 * the clone's configuration. Thread-safe.
 */
final class GitClones {
  /** Words stand in variables: nothing of a caller's is ever part of the program. */
  private static final String PROGRAM =
      """
      set -u
      command -v git >/dev/null || exit 90
      if [ -e "$PF_PATH" ] || [ -L "$PF_PATH" ]; then
        [ -d "$PF_PATH" ] || exit 91
        [ -z "$(ls -A -- "$PF_PATH")" ] || exit 91
        made=
      else
        made=1
      fi
      undo() {
        if [ -n "$made" ]; then rm -rf -- "$PF_PATH"; else find "$PF_PATH/" -mindepth 1 -delete; fi
      }
      trap 'undo; exit 130' INT TERM HUP
      mkdir -p -- "$PF_PATH" || exit 92
      depth=()
      [ -z "$PF_DEPTH" ] || depth=(--depth "$PF_DEPTH")
      if [ -n "$PF_COMMIT" ]; then
        git init -q -- "$PF_PATH" &&
          git -C "$PF_PATH" remote add origin "$PF_URL" &&
          git -C "$PF_PATH" fetch -q "${depth[@]}" origin "$PF_COMMIT" &&
          git -C "$PF_PATH" checkout -q --detach FETCH_HEAD
      elif [ -n "$PF_REF" ]; then
        git clone -q "${depth[@]}" --branch "$PF_REF" -- "$PF_URL" "$PF_PATH"
      else
        git clone -q "${depth[@]}" -- "$PF_URL" "$PF_PATH"
      fi
      if [ $? -ne 0 ]; then undo; exit 93; fi
      git -C "$PF_PATH" rev-parse HEAD || { undo; exit 93; }
      git -C "$PF_PATH" symbolic-ref -q --short HEAD || true
      """;

  private static final int NO_GIT = 90;
  private static final int NOT_EMPTY = 91;
  private static final int MOST_TEXT = 16 << 10;
  private static final int MOST_DEPTH = 1_000_000;
  private static final Duration LONGEST = Duration.ofHours(6);
  private static final Duration LOOK = Duration.ofSeconds(1);
  private static final Duration GRACE = Duration.ofSeconds(30);
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
  private static final Pattern REF =
      Pattern.compile(
          "(?!.*(?:\\.\\.|//|/\\.|\\.lock(?:/|$)))[A-Za-z0-9_][A-Za-z0-9._/+@-]{0,254}");
  private static final Pattern USER = Pattern.compile("[!-9;-~]{1,255}");

  private final Secrets secrets;
  private final Map<String, String> usualEnvironment;
  private final Runner runner;

  /** Runs code in a sandbox, and lends it secrets meanwhile. */
  @FunctionalInterface
  interface Runner {
    Loan run(Caller caller, String sandboxId, ExecRequest request, List<SecretRule> lent);
  }

  /** A call that has secrets until this is closed. */
  record Loan(Execution execution, Runnable takeBack) implements AutoCloseable {
    @Override
    public void close() {
      takeBack.run();
    }
  }

  GitClones(Secrets secrets, Map<String, String> usualEnvironment, Runner runner) {
    this.secrets = secrets;
    this.usualEnvironment = Map.copyOf(usualEnvironment);
    this.runner = runner;
  }

  private record Outcome(int code, ExecEvent.Reason reason, String out, String err) {}

  ClonedRepository clone(Caller caller, String sandboxId, GitCloneRequest request) {
    GitAddress address = GitAddress.parse(request.url());
    String path = path(request, address);
    Duration timeout =
        SandboxPlanner.within(
            "timeout_seconds", request.timeout().orElse(GitCloneRequest.USUAL_TIMEOUT), LONGEST);
    List<SecretRule> lent = request.credential().map(it -> lent(address, it)).orElse(List.of());
    ExecRequest call = call(request, address, path, lent, timeout);
    try (Loan loan = runner.run(caller, sandboxId, call, lent)) {
      return result(path, request, outcome(loan.execution(), timeout.plus(GRACE)));
    }
  }

  private static String path(GitCloneRequest request, GitAddress address) {
    String path = request.path().orElse("/root/" + address.name());
    if (!path.startsWith("/")
        || path.length() > 1024
        || path.matches("/+")
        || path.chars().anyMatch(it -> it < ' ' || it == 0x7f)) {
      throw invalid("path", "an absolute path of a folder, at most 1024 characters");
    }
    return path;
  }

  private List<SecretRule> lent(GitAddress address, GitCloneRequest.Credential credential) {
    if (!address.tls()) {
      throw invalid("url", "https:, since a credential is given");
    }
    if (!USER.matcher(credential.username()).matches()) {
      throw invalid("credential.username", "1 to 255 characters of visible ASCII without ':'");
    }
    byte[] password = credential.password().bytes();
    byte[] user = (credential.username() + ":").getBytes(StandardCharsets.UTF_8);
    byte[] both = Arrays.copyOf(user, user.length + password.length);
    System.arraycopy(password, 0, both, user.length, password.length);
    try {
      SecretValue value = SecretValue.of("Basic " + Base64.getEncoder().encodeToString(both));
      SecretRequest secret =
          new SecretRequest(
              "GIT", List.of(address.host()), new SecretRule.Place.Header("Authorization"), value);
      return List.of(secrets.vault().passing(secret, reading(address)));
    } finally {
      Arrays.fill(password, (byte) 0);
      Arrays.fill(both, (byte) 0);
    }
  }

  /**
   * The two requests that read a repository. The guest's other programs see the placeholder, too:
   * with any other request they could write. Some servers lead from the one name to the other.
   */
  private static List<SecretRule.Request> reading(GitAddress address) {
    return address.names().stream()
        .flatMap(path ->
            Stream.of(
                new SecretRule.Request("GET", path + "/info/refs?service=git-upload-pack"),
                new SecretRule.Request("POST", path + "/git-upload-pack")))
        .toList();
  }

  private ExecRequest call(
      GitCloneRequest request,
      GitAddress address,
      String path,
      List<SecretRule> lent,
      Duration timeout) {
    String ref = request.ref().orElse("");
    if (!ref.isEmpty() && !REF.matcher(ref).matches()) {
      throw invalid("ref", "the name of a branch or tag, or a commit of 40 hex digits");
    }
    if (request.depth().isPresent()
        && (request.depth().getAsInt() < 1 || request.depth().getAsInt() > MOST_DEPTH)) {
      throw invalid("depth", "1 to " + MOST_DEPTH);
    }
    Map<String, String> env = new HashMap<>();
    if (!lent.isEmpty()) {
      env.putAll(SecretEnvironment.reaching(lent, usualEnvironment));
      env.put("GIT_CONFIG_COUNT", "1");
      env.put("GIT_CONFIG_KEY_0", "http." + address.origin() + ".extraHeader");
      env.put("GIT_CONFIG_VALUE_0", "Authorization: " + lent.getFirst().placeholder());
    }
    env.put("PF_URL", address.url());
    env.put("PF_PATH", path);
    env.put("PF_DEPTH", request.depth().isPresent() ? "" + request.depth().getAsInt() : "");
    env.put("PF_COMMIT", COMMIT.matcher(ref).matches() ? ref : "");
    env.put("PF_REF", ref);
    env.put("GIT_TERMINAL_PROMPT", "0");
    env.put("GIT_ASKPASS", "/bin/false");
    env.put("LC_ALL", "C");
    return new ExecRequest(
        PROGRAM,
        ExecRequest.Language.BASH,
        ExecRequest.Framing.CHUNKS,
        Optional.of(timeout),
        Optional.of("/"),
        env,
        Optional.empty(),
        false,
        false,
        true,
        Optional.empty());
  }

  private static Outcome outcome(Execution execution, Duration patience) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    long deadline = AwakeTime.nanos() + patience.toNanos();
    try (ExecStream events = execution.stream(0)) {
      while (AwakeTime.nanos() < deadline) {
        Optional<ExecEvent> next = events.next(LOOK);
        if (next.isPresent() && next.get() instanceof ExecEvent.Output output) {
          keep(output.stream() == ExecEvent.Stream.STDOUT ? out : err, output.bytes());
        } else if (next.isPresent() && next.get() instanceof ExecEvent.Exit exit) {
          return new Outcome(exit.code(), exit.reason(), text(out), text(err));
        }
      }
      execution.cancel();
      return new Outcome(124, ExecEvent.Reason.TIMEOUT, text(out), text(err));
    } catch (InterruptedException e) {
      execution.cancel();
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted while cloning", e);
    }
  }

  private static void keep(ByteArrayOutputStream text, byte[] bytes) {
    text.write(bytes, 0, Math.min(bytes.length, MOST_TEXT - Math.min(MOST_TEXT, text.size())));
  }

  private static String text(ByteArrayOutputStream bytes) {
    return bytes.toString(StandardCharsets.UTF_8).replaceAll("[\\p{Cntrl}&&[^\n]]", " ").strip();
  }

  private static ClonedRepository result(String path, GitCloneRequest request, Outcome outcome) {
    if (outcome.reason() == ExecEvent.Reason.TIMEOUT) {
      throw new PodflareException(
          ErrorCode.TIMED_OUT, "the repository was not cloned within the time");
    }
    if (outcome.reason() == ExecEvent.Reason.EXITED && outcome.code() == 0) {
      List<String> lines = outcome.out().lines().toList();
      if (!lines.isEmpty() && COMMIT.matcher(lines.getFirst()).matches()) {
        return new ClonedRepository(
            path,
            lines.getFirst(),
            lines.size() > 1 ? Optional.of(lines.get(1)) : Optional.empty());
      }
    }
    throw switch (outcome.code()) {
      case NO_GIT ->
          new PodflareException(
              ErrorCode.GIT_NOT_AVAILABLE,
              "this sandbox has no git; choose a template that has it");
      case NOT_EMPTY ->
          new PodflareException(
              ErrorCode.DIRECTORY_NOT_EMPTY,
              path + " is there already, and no empty folder",
              Map.of("path", path));
      default -> failed(request, outcome.err());
    };
  }

  /** What git says about it, in the words of its C locale. */
  private static PodflareException failed(GitCloneRequest request, String said) {
    String lower = said.toLowerCase(Locale.ROOT);
    String shown = said.length() > 1000 ? said.substring(said.length() - 1000) : said;
    Map<String, Object> details = Map.of("git", shown);
    if (any(
        lower,
        "authentication failed",
        "could not read username",
        "returned error: 401",
        "returned error: 403",
        "access denied")) {
      return new PodflareException(
          ErrorCode.GIT_ACCESS_REFUSED,
          request.credential().isPresent()
              ? "the server refuses the credential"
              : "the server wants a credential",
          details);
    }
    if (any(
        lower,
        "remote branch",
        "couldn't find remote ref",
        "not our ref",
        "did not send all necessary objects")) {
      return new PodflareException(
          ErrorCode.GIT_REF_NOT_FOUND, "the repository has no such branch, tag or commit", details);
    }
    if (any(lower, "repository not found", "returned error: 404", "' not found", "not found:")) {
      return new PodflareException(
          ErrorCode.GIT_REPOSITORY_NOT_FOUND, "the server has no such repository", details);
    }
    return new PodflareException(
        ErrorCode.GIT_FAILED, "git could not clone the repository", details);
  }

  private static boolean any(String text, String... words) {
    return Arrays.stream(words).anyMatch(text::contains);
  }

  private static PodflareException invalid(String field, String expected) {
    return new PodflareException(
        ErrorCode.INVALID_FIELD,
        "'" + field + "' must be " + expected,
        Map.of("field", field, "expected", expected));
  }
}
