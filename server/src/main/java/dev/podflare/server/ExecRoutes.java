package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.Engine;
import dev.podflare.engine.ExecRequest;
import dev.podflare.engine.ExecRequest.Framing;
import dev.podflare.engine.ExecRequest.Language;
import dev.podflare.engine.Execution;
import dev.podflare.engine.ReplayEvent;
import jakarta.servlet.ServletOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Run code, and look after what runs. Thread-safe. */
final class ExecRoutes {
  private static final String SANDBOX = "/v1/sandboxes/{id}";
  private static final String ONE = SANDBOX + "/execs/{exec}";
  private static final int REPLAY_STEP = 64 * 1024;

  private final Engine engine;
  private final EventStream streams;
  private final Metrics metrics;

  ExecRoutes(Engine engine, EventStream streams, Metrics metrics) {
    this.engine = engine;
    this.streams = streams;
    this.metrics = metrics;
  }

  List<Route> routes() {
    return List.of(
        new Route("POST", SANDBOX + "/exec", Scope.EXEC, this::exec),
        new Route("GET", SANDBOX + "/execs", Scope.READ, this::list),
        new Route("GET", ONE, Scope.READ, this::get),
        new Route("GET", ONE + "/stream", Scope.READ, this::join),
        new Route("POST", ONE + "/cancel", Scope.EXEC, this::cancel),
        new Route("POST", ONE + "/stdin", Scope.EXEC, this::stdin),
        new Route("GET", SANDBOX + "/replay", Scope.READ, this::replay));
  }

  private void exec(Exchange exchange) {
    ExecRequest request = request(exchange.fields());
    Execution execution = engine.exec(exchange.caller(), exchange.path("id"), request);
    exchange.releaseBody();
    metrics.execution(request.language());
    exchange.context().header("X-Exec-Id", execution.id());
    if (request.background()) {
      exchange.answer(ExecAnswers.started(execution.view()));
    } else {
      streams.send(exchange, execution, execution.stream(0), request.cancelOnDisconnect());
    }
  }

  private void list(Exchange exchange) {
    List<Map<String, @Nullable Object>> records =
        engine.executions(exchange.caller(), exchange.path("id")).stream()
            .map(view -> ExecAnswers.record(view).map())
            .toList();
    exchange.answer(Json.object().put("execs", records));
  }

  private void get(Exchange exchange) {
    exchange.answer(ExecAnswers.record(execution(exchange).view()));
  }

  private void join(Exchange exchange) {
    long from =
        exchange
            .query("from_seq")
            .map(text -> Numbers.inRange("from_seq", text, 0, Long.MAX_VALUE))
            .orElse(0L);
    Execution execution = execution(exchange);
    streams.send(exchange, execution, execution.stream(from), false);
  }

  private void cancel(Exchange exchange) {
    Execution execution = execution(exchange);
    execution.cancel();
    exchange.answer(ExecAnswers.record(execution.view()));
  }

  private void stdin(Exchange exchange) {
    Fields fields = exchange.fields();
    boolean end = fields.flag("eof").orElse(false);
    Optional<String> text = fields.text("data");
    Optional<String> base64 = fields.text("data_b64");
    if (text.isPresent() == base64.isPresent() && !(end && text.isEmpty())) {
      throw Fields.invalid("data", "given, or 'data_b64' in its place");
    }
    byte[] bytes =
        base64
            .map(ExecRoutes::decoded)
            .orElseGet(() -> text.orElse("").getBytes(StandardCharsets.UTF_8));
    execution(exchange).writeStdin(bytes, end);
    exchange.noContent();
  }

  private void replay(Exchange exchange) throws IOException {
    List<ReplayEvent> events = engine.replay(exchange.caller(), exchange.path("id"));
    var response = exchange.context().res();
    response.setStatus(200);
    response.setContentType("application/x-ndjson");
    ServletOutputStream out = response.getOutputStream();
    try (EventWriter writer = new EventWriter(Framing.CHUNKS, out)) {
      for (ReplayEvent each : events) {
        writer.write(each.event(), each.framing(), Map.of("exec_id", each.executionId()));
        if (writer.written() >= REPLAY_STEP) {
          writer.passOn();
        }
      }
      writer.passOn();
    }
    out.close();
  }

  private Execution execution(Exchange exchange) {
    return engine.execution(exchange.caller(), exchange.path("id"), exchange.path("exec"));
  }

  private static ExecRequest request(Fields fields) {
    String code = fields.text("code").orElseThrow(() -> Fields.invalid("code", "given, as text"));
    Language language = language(fields);
    Optional<String> stdin = fields.text("stdin");
    boolean stdinOpen = fields.flag("stdin_open").orElse(false);
    if (language == Language.PYTHON && (stdin.isPresent() || stdinOpen)) {
      throw Fields.invalid("stdin", "left out for python; bash has a standard input");
    }
    return new ExecRequest(
        code,
        language,
        framing(fields),
        fields.seconds("timeout_seconds"),
        fields.shortText("cwd"),
        CreateBody.env(fields),
        stdin,
        stdinOpen,
        fields.flag("background").orElse(false),
        fields.flag("cancel_on_disconnect").orElse(false),
        context(fields));
  }

  private static Optional<String> context(Fields fields) {
    Optional<String> context = fields.shortText("context");
    if (context.isPresent() && fields.text("language").isPresent()) {
      throw Fields.invalid("language", "left out: the context has one");
    }
    return context;
  }

  static Language language(Fields fields) {
    String name = fields.text("language").orElse("python");
    return switch (name) {
      case "python" -> Language.PYTHON;
      case "bash" -> Language.BASH;
      default ->
          throw new PodflareException(
              ErrorCode.LANGUAGE_NOT_AVAILABLE,
              "'language' must be python or bash",
              Map.of("available", List.of("python", "bash")));
    };
  }

  static Framing framing(Fields fields) {
    return switch (fields.text("framing").orElse("lines")) {
      case "lines" -> Framing.LINES;
      case "chunks" -> Framing.CHUNKS;
      default -> throw Fields.invalid("framing", "\"lines\" or \"chunks\"");
    };
  }

  private static byte[] decoded(String base64) {
    try {
      return Base64.getDecoder().decode(base64);
    } catch (IllegalArgumentException malformed) {
      throw Fields.invalid("data_b64", "base64 with padding");
    }
  }
}
