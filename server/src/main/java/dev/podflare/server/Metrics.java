package dev.podflare.server;

import dev.podflare.engine.CapacityView;
import dev.podflare.engine.Engine;
import dev.podflare.engine.ExecRequest;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.Set;
import java.util.function.IntSupplier;
import java.util.function.ToDoubleFunction;

/** Counters and gauges in Prometheus's text form. Thread-safe. */
final class Metrics {
  static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;
  private static final Set<String> METHODS =
      Set.of("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS");

  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();
  private final Counter requests =
      Counter.builder()
          .name("podflare_http_requests_total")
          .help("Answered requests.")
          .labelNames("route", "method", "code")
          .register(registry);
  private final Histogram seconds =
      Histogram.builder()
          .name("podflare_http_request_seconds")
          .help("Time from a request's head to the end of its answer; streams count whole.")
          .labelNames("route")
          .classicUpperBounds(.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60)
          .classicOnly()
          .register(registry);
  private final Counter executions =
      Counter.builder()
          .name("podflare_executions_total")
          .help("Executions that were started or queued.")
          .labelNames("language")
          .register(registry);

  Metrics(Engine engine) {
    pool(
        engine,
        "podflare_pool_ready",
        "Sandboxes ready to be handed out.",
        CapacityView.Pool::ready);
    pool(engine, "podflare_pool_target", "Ready sandboxes wanted.", CapacityView.Pool::target);
    pool(
        engine,
        "podflare_pool_blanks",
        "Machines that wait for a checkpoint.",
        CapacityView.Pool::blanks);
    gauge(engine, "podflare_sandboxes", "Live sandboxes.", CapacityView::sandboxes);
    gauge(engine, "podflare_sandboxes_limit", "Most live sandboxes.", CapacityView::maxSandboxes);
    gauge(engine, "podflare_memory_used_bytes", "Memory in use.", CapacityView::memoryUsedBytes);
    gauge(engine, "podflare_memory_free_bytes", "Memory free.", CapacityView::memoryFreeBytes);
    gauge(engine, "podflare_disk_used_bytes", "Disk in use.", CapacityView::diskUsedBytes);
    gauge(engine, "podflare_disk_free_bytes", "Disk free.", CapacityView::diskFreeBytes);
    gauge(engine, "podflare_accepting", "1 if creates are taken.", c -> c.accepting() ? 1 : 0);
  }

  void request(String route, String method, int status, double elapsedSeconds) {
    String known = METHODS.contains(method) ? method : "other";
    requests.labelValues(route, known, Integer.toString(status)).inc();
    seconds.labelValues(route).observe(elapsedSeconds);
  }

  void refusedByJetty(int status) {
    requests.labelValues("malformed", "other", Integer.toString(status)).inc();
  }

  void execution(ExecRequest.Language language) {
    executions.labelValues(language.name().toLowerCase(Locale.ROOT)).inc();
  }

  void inFlight(IntSupplier value) {
    GaugeWithCallback.builder()
        .name("podflare_http_requests_in_flight")
        .help("Requests at work.")
        .callback(callback -> callback.call(value.getAsInt()))
        .register(registry);
  }

  byte[] text() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      writer.write(out, registry.scrape());
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    return out.toByteArray();
  }

  private void gauge(
      Engine engine, String name, String help, ToDoubleFunction<CapacityView> value) {
    GaugeWithCallback.builder()
        .name(name)
        .help(help)
        .callback(callback -> callback.call(value.applyAsDouble(engine.capacity())))
        .register(registry);
  }

  private void pool(
      Engine engine, String name, String help, ToDoubleFunction<CapacityView.Pool> value) {
    GaugeWithCallback.builder()
        .name(name)
        .help(help)
        .labelNames("template")
        .callback(callback ->
            engine
                .capacity()
                .templates()
                .forEach((name1, pool) -> callback.call(value.applyAsDouble(pool), name1)))
        .register(registry);
  }
}
