package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.Engine;
import dev.podflare.engine.ExecRequest.Framing;
import dev.podflare.engine.Terminal;
import dev.podflare.engine.TerminalEnd;
import dev.podflare.engine.TerminalView;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Open terminals, look at them, type into them. Thread-safe. */
final class TerminalRoutes {
  private static final String ALL = "/v1/sandboxes/{id}/pty";
  private static final String ONE = ALL + "/{pty}";
  private static final int USUAL_READ = 64 * 1024;
  private static final int LONGEST_WAIT_MILLIS = 30_000;

  private final Engine engine;
  private final EventStream streams;

  TerminalRoutes(Engine engine, EventStream streams) {
    this.engine = engine;
    this.streams = streams;
  }

  List<Route> routes() {
    return List.of(
        new Route("POST", ALL, Scope.EXEC, this::open),
        new Route("GET", ALL, Scope.READ, this::list),
        new Route("GET", ONE + "/attach", Scope.READ, this::attach),
        new Route("POST", ONE + "/input", Scope.EXEC, this::input),
        new Route("POST", ONE + "/resize", Scope.EXEC, this::resize),
        new Route("POST", ONE + "/kill", Scope.EXEC, this::kill),
        new Route("POST", ONE + "/read", Scope.EXEC, this::read));
  }

  private void open(Exchange exchange) {
    Fields fields = exchange.fields();
    boolean attach = fields.flag("attach").orElse(true);
    Terminal terminal =
        engine.openTerminal(exchange.caller(), exchange.path("id"), TerminalBody.request(fields));
    exchange.releaseBody();
    if (attach) {
      streams.send(exchange, Framing.CHUNKS, TerminalSource.opened(terminal));
    } else {
      exchange.answer(record(terminal.view()));
    }
  }

  private void list(Exchange exchange) {
    List<Map<String, @Nullable Object>> records =
        engine.terminals(exchange.caller(), exchange.path("id")).stream()
            .map(view -> record(view).map())
            .toList();
    exchange.answer(200, Json.bytes(records));
  }

  private void attach(Exchange exchange) {
    streams.send(exchange, Framing.CHUNKS, TerminalSource.attached(terminal(exchange)));
  }

  private void input(Exchange exchange) {
    byte[] bytes = TerminalBody.input(exchange.fields());
    terminal(exchange).input(bytes);
    exchange.noContent();
  }

  private void resize(Exchange exchange) {
    TerminalBody.Size size = TerminalBody.Size.of(exchange.fields());
    terminal(exchange).resize(size.cols(), size.rows());
    exchange.noContent();
  }

  private void kill(Exchange exchange) {
    terminal(exchange).kill();
    exchange.noContent();
  }

  private void read(Exchange exchange) throws InterruptedException {
    Fields fields = exchange.fields();
    long since = fields.natural("since_seq", Long.MAX_VALUE).orElse(0);
    int most = fields.positive("max_bytes").orElse(USUAL_READ);
    long millis = fields.natural("timeout_ms", LONGEST_WAIT_MILLIS).orElse(0);
    Terminal.Read read =
        terminal(exchange).read(since, Math.min(most, Terminal.KEPT), Duration.ofMillis(millis));
    if (read.end().orElse(null) instanceof TerminalEnd.Lost(String why)
        && read.piece().bytes().length == 0) {
      throw new PodflareException(ErrorCode.PTY_CLOSED, why);
    }
    exchange.answer(
        Json.object()
            .put("data_b64", Base64.getEncoder().encodeToString(read.piece().bytes()))
            .put("next_seq", read.piece().next())
            .put(
                "exit_code",
                read.end().orElse(null) instanceof TerminalEnd.Exited(int code) ? code : null)
            .put("truncated", read.piece().skipped() > 0));
  }

  private Terminal terminal(Exchange exchange) {
    return engine.terminal(exchange.caller(), exchange.path("id"), exchange.path("pty"));
  }

  private static Json.Entries record(TerminalView view) {
    return Json.object()
        .put("pty_id", view.id())
        .put("cmd_label", Text.writable(view.label()))
        .put("created_at_ms", view.createdAt().toEpochMilli())
        .put("exit_code", view.exitCode().isPresent() ? view.exitCode().getAsInt() : null)
        .put("cols", view.cols())
        .put("rows", view.rows());
  }
}
