package dev.podflare.server;

import dev.podflare.engine.Engine;
import dev.podflare.engine.ExecRequest.Framing;
import dev.podflare.engine.GuestListing;
import dev.podflare.engine.LogMatch;
import dev.podflare.engine.LogWish;
import dev.podflare.engine.PortFound;
import dev.podflare.engine.PortWish;
import dev.podflare.engine.ProcessRequest;
import dev.podflare.engine.ProcessView;
import dev.podflare.engine.SandboxProcess;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Start processes, look at them, wait for what they do. Thread-safe. */
final class ProcessRoutes {
  private static final String SANDBOX = "/v1/sandboxes/{id}";
  private static final String ALL = SANDBOX + "/processes";
  private static final String ONE = ALL + "/{process}";

  private final Engine engine;
  private final EventStream streams;

  ProcessRoutes(Engine engine, EventStream streams) {
    this.engine = engine;
    this.streams = streams;
  }

  List<Route> routes() {
    return List.of(
        new Route("POST", ALL, Scope.EXEC, this::start),
        new Route("GET", ALL, Scope.READ, this::list),
        new Route("GET", ONE, Scope.READ, this::get),
        new Route("DELETE", ONE, Scope.EXEC, this::end),
        new Route("POST", ONE + "/signal", Scope.EXEC, this::signal),
        new Route("POST", ONE + "/wait", Scope.READ, this::await),
        new Route("POST", ONE + "/stdin", Scope.EXEC, this::stdin),
        new Route("GET", ONE + "/logs", Scope.READ, this::logs),
        new Route("POST", SANDBOX + "/wait_for_port", Scope.READ, this::awaitPort),
        new Route("POST", SANDBOX + "/wait_for_log", Scope.READ, this::awaitLine));
  }

  private void start(Exchange exchange) {
    ProcessRequest request = ProcessBody.request(exchange.fields());
    SandboxProcess process = engine.startProcess(exchange.caller(), exchange.path("id"), request);
    exchange.answer(ProcessAnswers.record(process.view()));
  }

  private void list(Exchange exchange) {
    List<Map<String, @Nullable Object>> started =
        engine.processes(exchange.caller(), exchange.path("id")).stream()
            .map(view -> ProcessAnswers.record(view).map())
            .toList();
    Json.Entries answer = Json.object().put("processes", started);
    if (exchange.query("all").map(text -> flag("all", text)).orElse(false)) {
      GuestListing guest = engine.guestProcesses(exchange.caller(), exchange.path("id"));
      answer
          .put(
              "guest",
              guest.processes().stream().map(it -> ProcessAnswers.ofGuest(it).map()).toList())
          .put("truncated", guest.truncated());
    }
    exchange.answer(answer);
  }

  private static boolean flag(String name, String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw Fields.invalid(name, "true or false");
    };
  }

  private void get(Exchange exchange) {
    exchange.answer(ProcessAnswers.record(process(exchange).view()));
  }

  private void end(Exchange exchange) {
    process(exchange).end();
    exchange.noContent();
  }

  private void signal(Exchange exchange) {
    Fields fields = exchange.fields();
    int number = ProcessBody.signal(fields);
    process(exchange).signal(number, fields.flag("group").orElse(true));
    exchange.noContent();
  }

  private void await(Exchange exchange) {
    Duration patience = ProcessBody.patience(exchange.fields());
    exchange.releaseBody();
    SandboxProcess process = process(exchange);
    ProcessView view = streams.await(() -> process.await(patience));
    exchange.answer(ProcessAnswers.record(view));
  }

  private void stdin(Exchange exchange) {
    ProcessBody.Input input = ProcessBody.Input.of(exchange.fields());
    process(exchange).writeStdin(input.bytes(), input.close());
    exchange.noContent();
  }

  private void logs(Exchange exchange) {
    long from =
        exchange
            .query("from_seq")
            .map(text -> Numbers.inRange("from_seq", text, 0, Long.MAX_VALUE))
            .orElse(0L);
    boolean follow = exchange.query("follow").map(text -> flag("follow", text)).orElse(false);
    streams.send(
        exchange, Framing.CHUNKS, new ProcessLogSource(process(exchange).log(from), follow));
  }

  private void awaitPort(Exchange exchange) {
    PortWish wish = ProcessBody.port(exchange.fields());
    exchange.releaseBody();
    PortFound found =
        streams.await(() -> engine.awaitPort(exchange.caller(), exchange.path("id"), wish));
    exchange.answer(ProcessAnswers.found(found));
  }

  private void awaitLine(Exchange exchange) {
    Fields fields = exchange.fields();
    LogWish wish = ProcessBody.line(fields);
    String name = fields.shortText("process").orElseThrow(() -> Fields.invalid("process", "given"));
    exchange.releaseBody();
    SandboxProcess process = engine.process(exchange.caller(), exchange.path("id"), name);
    LogMatch match = streams.await(() -> process.awaitLine(wish));
    exchange.answer(ProcessAnswers.match(match));
  }

  private SandboxProcess process(Exchange exchange) {
    return engine.process(exchange.caller(), exchange.path("id"), exchange.path("process"));
  }
}
