package dev.podflare.client;

import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A Podflare server. Every method may throw {@link ApiException}. Thread-safe; calls block and suit
 * virtual threads.
 *
 * <pre>{@code
 * try (Podflare podflare = Podflare.fromEnvironment();
 *     Sandbox sandbox = podflare.create()) {
 *   System.out.println(sandbox.runCode("print(6 * 7)").stdout());
 * }
 * }</pre>
 */
public final class Podflare implements AutoCloseable {
  private final ClientConfig config;
  private final HttpCaller http;

  public Podflare(ClientConfig config) {
    this.config = config;
    this.http = new HttpCaller(config);
  }

  public Podflare(URI baseUrl, String key) {
    this(ClientConfig.of(baseUrl, Optional.of(key)));
  }

  private Podflare(ClientConfig config, HttpCaller http) {
    this.config = config;
    this.http = http;
  }

  /**
   * The same server for the owner of another key, over this one's connections: it is not to be
   * closed, and works until this one is.
   */
  public Podflare withKey(Optional<String> key) {
    ClientConfig other = config.withKey(key);
    return new Podflare(other, new HttpCaller(other, http));
  }

  /** The server that {@link ClientConfig#fromEnvironment} names. */
  public static Podflare fromEnvironment() {
    return new Podflare(ClientConfig.fromEnvironment(System.getenv()));
  }

  /** A new sandbox with the server's defaults. */
  public Sandbox create() {
    return create(SandboxOptions.defaults());
  }

  public Sandbox create(SandboxOptions options) {
    Created created = http.create("/v1/sandboxes", options.body(), Created.class);
    return new Sandbox(http, config, created.id(), Optional.of(created));
  }

  /** A handle on a sandbox that exists already; asks nothing of the server. */
  public Sandbox sandbox(String id) {
    return new Sandbox(http, config, id, Optional.empty());
  }

  /** One page of the sandboxes that this key may see. */
  public SandboxPage list(ListFilter filter) {
    return http.get("/v1/sandboxes" + filter.query(), SandboxPage.class);
  }

  /** All pages together; at most {@code limit} sandboxes. */
  public List<SandboxInfo> listAll(ListFilter filter, int limit) {
    List<SandboxInfo> all = new ArrayList<>();
    ListFilter next = filter;
    while (true) {
      SandboxPage page = list(next);
      all.addAll(page.sandboxes());
      if (page.nextCursor().isEmpty() || all.size() >= limit) {
        return List.copyOf(all.subList(0, Math.min(limit, all.size())));
      }
      next = next.from(page.nextCursor().get());
    }
  }

  /** Pool and capacity counters. */
  public Capacity capacity() {
    return http.get("/v1/capacity", Capacity.class);
  }

  /** What the server is, and its limits. */
  public ServerInfo info() {
    return ServerInfo.of(http.call("GET", "/v1/info"));
  }

  /** Frozen sandboxes. */
  public Spaces spaces() {
    return new Spaces(http, config);
  }

  /** Copies of sandboxes, to go on from. */
  public Snapshots snapshots() {
    return new Snapshots(http);
  }

  /** Folders that many sandboxes mount. */
  public Volumes volumes() {
    return new Volumes(http);
  }

  /** What happens to this key's sandboxes; of an admin key: to all. The caller closes it. */
  public EventStream events(EventsFrom from) {
    return new EventStream(http, from, config.callTimeout());
  }

  /** Where events are sent to. */
  public Webhooks webhooks() {
    return new Webhooks(http);
  }

  /** API keys; for admin keys only. */
  public Keys keys() {
    return new Keys(http);
  }

  /** Removes what the checkpoint store holds for nobody; for admin keys only. */
  public CleaningReport cleanStore() {
    return http.post("/v1/gc", Map.of(), CleaningReport.class);
  }

  /** Whether a server answers; needs no key. */
  public boolean healthy() {
    try {
      http.call("GET", "/v1/healthz");
      return true;
    } catch (ApiException unwell) {
      return false;
    }
  }

  /**
   * Does a call of the API that this SDK has no method for, such as one of a newer server. Not
   * repeated, unless the server saw nothing of it.
   *
   * @param path with its query, for example {@code /v1/sandboxes}
   * @param body is sent as JSON
   * @return the answer's JSON as maps, lists, texts, numbers and booleans; empty if there is none
   */
  public Optional<Object> call(String method, String path, Optional<Object> body) {
    ApiRequest request =
        body.isPresent()
            ? ApiRequest.of(method, path, body.get())
            : ApiRequest.of(method, path).repeated(false);
    byte[] answer = http.call(request);
    return answer.length == 0 ? Optional.empty() : Optional.of(Json.read(answer, Object.class));
  }

  public ClientConfig config() {
    return config;
  }

  /** Ends open connections. Sandboxes live on. */
  @Override
  public void close() {
    http.close();
  }
}
