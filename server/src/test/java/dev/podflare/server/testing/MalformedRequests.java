package dev.podflare.server.testing;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Sends seeded malformed requests to any server of the API, several at a time, and gathers what is
 * wrong with the answers: a {@code 5xx} but 501, 503 and 502 of a port, an answer that is not in
 * the contract, none at all where one is due, or a hang. Creates a sandbox to aim at and deletes
 * all it made. One thread.
 */
public final class MalformedRequests {
  private static final int AT_ONCE = 8;

  private final URI base;
  private final String key;
  private final OpenApiContract contract;
  private final Duration patience;
  private final Queue<String> faults = new ConcurrentLinkedQueue<>();
  private final Queue<Integer> statuses = new ConcurrentLinkedQueue<>();

  /**
   * What came of it.
   *
   * @param statuses how often each status came; 0: closed without an answer
   */
  public record Report(Map<Integer, Integer> statuses, List<String> faults) {}

  /** {@code patience}: an answer that is not there by then counts as a hang. */
  public MalformedRequests(URI base, String key, OpenApiContract contract, Duration patience) {
    this.base = base;
    this.key = key;
    this.contract = contract;
    this.patience = patience;
  }

  public Report run(long seed, int count) throws InterruptedException {
    try (ApiClient api = new ApiClient(base, key, contract)) {
      List<String> before = sandboxes(api);
      String target = api.create();
      try {
        sendAll(new MalformedGenerator(seed, key, target), count);
      } finally {
        sandboxes(api).stream()
            .filter(id -> !before.contains(id))
            .forEach(id -> api.call("DELETE", "/v1/sandboxes/" + id, ""));
      }
    }
    Map<Integer, Integer> counts = new TreeMap<>();
    statuses.forEach(status -> counts.merge(status, 1, Integer::sum));
    return new Report(counts, List.copyOf(faults));
  }

  private void sendAll(MalformedGenerator generator, int count) throws InterruptedException {
    Semaphore free = new Semaphore(AT_ONCE);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < count; i++) {
        MalformedRequest request = generator.next();
        if (!free.tryAcquire(2 * patience.toMillis(), TimeUnit.MILLISECONDS)) {
          faults.add("nothing ends any more before " + request.shown());
          threads.shutdownNow();
          return;
        }
        threads.execute(() -> {
          try {
            judge(request);
          } finally {
            free.release();
          }
        });
      }
    }
  }

  private void judge(MalformedRequest request) {
    try (RawHttp raw = new RawHttp(base, patience)) {
      Thread sender = Thread.ofVirtual().start(() -> send(raw, request));
      Optional<Answer> answer = raw.answer(request.method().equals("HEAD"));
      sender.join(patience);
      statuses.add(answer.map(Answer::status).orElse(0));
      fault(request, answer).ifPresent(fault -> faults.add(fault + " after " + request.shown()));
    } catch (SocketTimeoutException hang) {
      faults.add("no answer within " + patience + " after " + request.shown());
    } catch (IOException | RuntimeException broken) {
      // A connection reset while we still send is a refusal, not a fault.
      statuses.add(0);
      boolean refusal = broken instanceof IOException && (request.cut() || large(request));
      if (!refusal) {
        faults.add(broken + " after " + request.shown());
      }
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  private Optional<String> fault(MalformedRequest request, Optional<Answer> answer) {
    if (answer.isEmpty()) {
      return request.cut() ? Optional.empty() : Optional.of("closed without an answer");
    }
    int status = answer.get().status();
    // Nothing listens in those guests; an answer to HEAD cannot say so in words.
    boolean port =
        request.path().contains("/ports/")
            && (request.method().equals("HEAD")
                || answer.get().text().contains("port_not_listening"));
    if (status >= 500 && status != 501 && status != 503 && !(status == 502 && port)) {
      return Optional.of("status " + status + " " + answer.get().text());
    }
    return contract.fault(request.method(), request.path(), answer.get());
  }

  private static void send(RawHttp raw, MalformedRequest request) {
    try {
      for (byte[] part : request.parts()) {
        raw.send(part);
        if (request.pauseMillis() > 0) {
          Thread.sleep(request.pauseMillis());
        }
      }
      if (request.cut()) {
        raw.endOfOutput();
      }
    } catch (IOException refused) {
      // The answer, or its absence, tells the rest.
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  private static boolean large(MalformedRequest request) {
    return request.parts().stream().mapToInt(part -> part.length).sum() > 16 * 1024;
  }

  private static List<String> sandboxes(ApiClient api) {
    List<String> ids = new ArrayList<>();
    ApiClient.json(api.get("/v1/sandboxes?limit=1000"))
        .get("sandboxes")
        .forEach(sandbox -> ids.add(sandbox.get("id").stringValue()));
    return ids;
  }
}
