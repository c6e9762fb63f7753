package dev.podflare.tests;

import static dev.podflare.tests.ConformanceCalls.nothing;

import dev.podflare.client.FanOutListener;
import dev.podflare.client.FanOutOptions;
import dev.podflare.client.FannedOut;
import dev.podflare.client.FileDiff;
import dev.podflare.client.FileWriteOptions;
import dev.podflare.client.ForkOptions;
import dev.podflare.client.Language;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunEvent;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxPatch;
import dev.podflare.client.SnapshotOptions;
import dev.podflare.tests.ConformanceCalls.Box;
import dev.podflare.tests.ConformanceCalls.Given;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The calls of the conformance scripts of one sandbox, by the Java SDK. One thread. */
final class ConformanceBoxCalls {
  private static final RunListener NOBODY = new RunListener() {};

  private final Podflare client;
  private final Sandbox box;

  ConformanceBoxCalls(Podflare client, Sandbox box) {
    this.client = client;
    this.box = box;
  }

  @Nullable Object call(String name, Given a) {
    return switch (name) {
      case "run_code" -> runCode(a);
      case "run_code_stream" -> streamed(a);
      case "start_code" -> Map.of("exec_id", box.start(request(a)));
      case "join" -> told(box.join(a.text("exec_id"), a.number("from_seq").orElse(0), NOBODY));
      case "executions" -> box.execs();
      case "execution" -> box.execution(a.text("exec_id"));
      case "cancel" -> nothing(() -> box.cancel(a.text("exec_id")));
      case "write_stdin" -> nothing(() -> writeStdin(a));
      case "replay" -> box.replay().stream().map(ConformanceBoxCalls::told).toList();
      case "fork" -> box.fork(fork(a)).children().stream().map(Box::new).toList();
      case "merge_into" ->
          nothing(() ->
              box.mergeInto(
                  ((Box) a.needed("winner")).sandbox(), a.flag("close_siblings").orElse(false)));
      case "fanout" -> fanOut(a);
      case "diff" -> paths(diff(a));
      case "diff_changes" -> diff(a);
      case "tree" -> box.tree();
      case "record" -> box.info();
      case "update" ->
          box.patch(
              new SandboxPatch(
                  a.seconds("timeout_seconds"),
                  a.seconds("idle_timeout_seconds"),
                  a.flag("persistent"),
                  a.flag("auto_resume"),
                  a.texts("metadata")));
      case "network" -> box.network();
      case "set_network" -> setNetwork(a);
      case "pause" -> box.pause();
      case "wake" -> box.resume();
      case "freeze" -> box.freeze();
      case "snapshot" ->
          box.snapshot(new SnapshotOptions(a.maybe("name"), a.seconds("expires_in_seconds")));
      case "rollback" -> box.rollback(a.text("snapshot"));
      case "undo" -> box.undo(a.number("n").orElse(1));
      case "port_link" ->
          box.portLink(
              a.number("port").orElseThrow(), a.seconds("expires_in_seconds").orElseThrow());
      case "close" -> nothing(box::close);
      case "delete" -> nothing(box::delete);
      case "upload",
          "download",
          "read_file",
          "write_file",
          "list_files",
          "stat_file",
          "make_folder",
          "move_file",
          "remove_file" ->
          files(name, a);
      case "create_context" ->
          box.contexts().open(a.text("language"), a.maybe("cwd"), a.texts("env").orElse(Map.of()));
      case "list_contexts" -> box.contexts().list();
      case "restart_context" -> box.contexts().restart(a.text("context"));
      case "remove_context" -> nothing(() -> box.contexts().close(a.text("context")));
      default -> new ConformanceProgramCalls(box).call(name, a);
    };
  }

  /** The SDK's types leave no place for a language that there is not; its raw call has one. */
  private Object runCode(Given a) {
    boolean known =
        Arrays.stream(Language.values())
            .anyMatch(it -> !a.has("language") || it.wireName().equals(a.text("language")));
    if (known) {
      return told(box.run(request(a), NOBODY));
    }
    Map<String, Object> body = Map.of("code", a.text("code"), "language", a.text("language"));
    String path = "/v1/sandboxes/" + box.id() + "/exec";
    return client.call("POST", path, Optional.of(body)).orElseThrow();
  }

  private static RunRequest request(Given a) {
    Language language =
        Language.valueOf(a.maybe("language").orElse("python").toUpperCase(Locale.ROOT));
    return new RunRequest(
        a.text("code"),
        language,
        a.seconds("timeout_seconds"),
        a.maybe("cwd"),
        a.texts("env").orElse(Map.of()),
        a.maybe("stdin"),
        false,
        a.maybe("context"),
        a.flag("stdin_open").orElse(false));
  }

  private List<Map<String, Object>> streamed(Given a) {
    String framing = a.maybe("framing").orElse("lines").toUpperCase(Locale.ROOT);
    List<Map<String, Object>> events = new ArrayList<>();
    Consumer<RunEvent> keep = event -> events.add(told(event));
    box.stream(request(a), RunEvent.Framing.valueOf(framing), keep);
    return events;
  }

  private static Map<String, Object> told(RunEvent event) {
    Map<String, Object> told = new HashMap<>();
    told.put("type", event.type());
    told.put("data", event.data());
    told.put("seq", event.seq());
    event.reason().ifPresent(it -> told.put("reason", it));
    return told;
  }

  private static Map<String, Object> told(RunResult result) {
    Map<String, Object> told = new LinkedHashMap<>();
    told.put("stdout", withoutNewline(result.stdout()));
    told.put("stderr", withoutNewline(result.stderr()));
    told.put("exit_code", result.exitCode());
    told.put("reason", result.reason());
    told.put("exec_id", result.execId());
    told.put("truncated", result.truncated());
    told.put("results", result.results());
    told.put("exception", result.exception());
    return told;
  }

  private static String withoutNewline(String text) {
    return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
  }

  private void writeStdin(Given a) {
    Optional<String> data = a.maybe("data");
    data.ifPresent(it -> box.input(a.text("exec_id"), it.getBytes(StandardCharsets.UTF_8)));
    if (a.flag("eof").orElse(false)) {
      box.closeInput(a.text("exec_id"));
    }
  }

  private static ForkOptions fork(Given a) {
    return new ForkOptions(
        a.number("n").orElseThrow(),
        a.texts("metadata"),
        a.seconds("timeout_seconds"),
        a.flag("reseed").orElse(false));
  }

  private Map<String, Object> fanOut(Given a) {
    List<String> codes =
        a.has("codes")
            ? a.words("codes")
            : Collections.nCopies(a.number("n").orElseThrow(), a.text("code"));
    Language language =
        Language.valueOf(a.maybe("language").orElse("python").toUpperCase(Locale.ROOT));
    FannedOut done =
        box.fanOut(
            new FanOutOptions(
                codes,
                language,
                a.seconds("timeout_seconds"),
                a.maybe("pick").map(it -> FanOutOptions.Pick.valueOf(it.toUpperCase(Locale.ROOT))),
                a.flag("reseed").orElse(false)),
            FanOutListener.NONE);
    Map<String, Object> told = new LinkedHashMap<>();
    told.put("children", done.children().stream().map(Box::new).toList());
    told.put(
        "results", done.results().stream().map(it -> it.map(ConformanceBoxCalls::told)).toList());
    told.put(
        "winner",
        done.winner()
            .map(it ->
                Map.of("index", it.child(), "sandbox_id", it.sandboxId(), "value", it.value())));
    return told;
  }

  private FileDiff diff(Given a) {
    return box.diff(
        ((Box) a.needed("other")).sandbox(), a.words("paths"), a.flag("content").orElse(false));
  }

  private static Map<String, List<String>> paths(FileDiff diff) {
    return Map.of(
        "added", paths(diff.added()),
        "removed", paths(diff.removed()),
        "modified", paths(diff.modified()));
  }

  private static List<String> paths(List<FileDiff.FileChange> changes) {
    return changes.stream()
        .filter(it -> it.type().equals("file"))
        .map(FileDiff.FileChange::path)
        .toList();
  }

  /** The same for fields that a policy does not have. */
  private Object setNetwork(Given a) {
    Map<String, Object> policy = ConformanceScript.mapping(a.needed("policy"));
    if (List.of("default", "allow", "deny", "dns").containsAll(policy.keySet())) {
      return box.setNetwork(a.policy("policy").orElseThrow());
    }
    String path = "/v1/sandboxes/" + box.id() + "/network";
    return client.call("PUT", path, Optional.of(policy)).orElseThrow();
  }

  private @Nullable Object files(String name, Given a) {
    String path = a.text("path");
    return switch (name) {
      case "upload" -> nothing(() -> box.files().write(path, (byte[]) a.needed("data")));
      case "write_file" ->
          box.files()
              .write(
                  path,
                  (byte[]) a.needed("data"),
                  new FileWriteOptions(
                      a.maybe("mode"),
                      a.flag("only_new").orElse(false),
                      Optional.empty(),
                      0,
                      true));
      case "download" -> bytes(box.files().read(path));
      case "read_file" -> {
        int offset = a.number("offset").orElse(0);
        Optional<Integer> length = a.number("length");
        yield bytes(
            length.isPresent()
                ? box.files().read(path, offset, length.get())
                : box.files().read(path, offset));
      }
      case "list_files" ->
          box.files().page(path, a.number("depth").orElse(1), 10_000, Optional.empty()).entries();
      case "stat_file" -> box.files().stat(path);
      case "make_folder" ->
          box.files().makeFolder(path, a.maybe("mode"), a.flag("parents").orElse(true));
      case "move_file" ->
          box.files().move(path, a.text("target"), a.flag("overwrite").orElse(false));
      case "remove_file" ->
          nothing(() -> box.files().delete(path, a.flag("recursive").orElse(false)));
      default -> throw new AssertionError("there is no call " + name);
    };
  }

  private static byte[] bytes(InputStream in) {
    try (in) {
      return Objects.requireNonNull(in.readAllBytes());
    } catch (IOException broken) {
      throw new UncheckedIOException(broken);
    }
  }
}
