package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.Engine;
import dev.podflare.mcp.HttpSessions;
import dev.podflare.mcp.SessionLimits;
import dev.podflare.store.Store;
import dev.podflare.webhook.Webhooks;
import io.javalin.Javalin;
import io.javalin.util.JavalinBindException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.eclipse.jetty.websocket.server.ServerWebSocketContainer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The HTTP door: routes, authentication, streams and metrics over an {@link Engine}. Thread-safe.
 * It closes neither engine nor store nor webhooks.
 */
public final class PodflareServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PodflareServer.class);

  private final Javalin javalin;
  private final HttpListener listener;
  private final ServerConfig config;
  private final ServerLimits limits;
  private final EventStream streams;
  private final LifecycleStreams lifecycles;
  private final List<Route> routes;
  private final PortProxy ports;
  private final McpStreams mcpStreams;
  private final McpFeatures mcpFeatures;
  private final Sweeper sweeper;
  private final Optional<AdminKeyFile> adminKey;
  private volatile int port;

  private PodflareServer(
      ServerConfig config,
      Engine engine,
      Store store,
      Webhooks webhooks,
      InstantSource clock,
      Optional<McpRoutes.Source> otherMcp) {
    this.config = config;
    this.limits = config.limits();
    this.adminKey =
        config.authDisabled()
            ? Optional.empty()
            : Optional.of(AdminKeyFile.open(config.dataFolder()));
    Metrics metrics = new Metrics(engine);
    this.streams = new EventStream(limits.heartbeat());
    PortLinks links = PortLinks.open(config.dataFolder(), clock);
    Authenticator authenticator = new Authenticator(config, adminKey, store.keys());
    this.lifecycles =
        new LifecycleStreams(
            store.events(), limits.heartbeat(), id -> authenticator.byId(id).isPresent());
    HttpSessions mcp = new HttpSessions(SessionLimits.DEFAULTS, clock, engine.info().version());
    this.mcpStreams = new McpStreams(limits.heartbeat());
    this.mcpFeatures = new McpFeatures(config, this::port);
    this.sweeper = new Sweeper(mcp::sweep);
    RequestLimits requestLimits = new RequestLimits();
    Idempotency idempotency = new Idempotency(store.answers(), limits.idempotencyWait());
    this.routes =
        Stream.of(
                new SandboxRoutes(engine, config, idempotency).routes(),
                new NetworkRoutes(engine).routes(),
                new SecretRoutes(engine).routes(),
                new GitRoutes(engine).routes(),
                new SavedRoutes(engine, config, idempotency).routes(),
                new FamilyRoutes(engine, idempotency, streams, metrics).routes(),
                new ExecRoutes(engine, streams, metrics).routes(),
                new ContextRoutes(engine).routes(),
                new VolumeRoutes(engine, idempotency).routes(),
                new TerminalRoutes(engine, streams).routes(),
                new ProcessRoutes(engine, streams).routes(),
                new FileRoutes(engine).routes(),
                new FileTreeRoutes(engine, streams).routes(),
                new InfoRoutes(engine, config, metrics).routes(),
                new ErrorPages().routes(),
                new KeyRoutes(store.keys(), authenticator.fixedKeyIds(), requestLimits, idempotency)
                    .routes(),
                new LinkRoutes(engine, config, links).routes(),
                new EventRoutes(store.events(), lifecycles).routes(),
                new WebhookRoutes(webhooks, idempotency).routes(),
                new McpRoutes(mcp, mcpStreams, otherMcp.orElse(mcpFeatures), config).routes(),
                new LaterRoutes().routes())
            .flatMap(List::stream)
            .toList();
    LocalOnly localOnly = new LocalOnly(config.authDisabled());
    RouteTable table =
        new RouteTable(
            routes,
            authenticator,
            requestLimits,
            new JsonBodies(limits),
            BodyBudget.forHeap(limits.maxBody()),
            localOnly);
    this.ports =
        new PortProxy(
            engine,
            new PortAccess(authenticator, links, localOnly),
            config.ports(),
            config.endpoint().filter(it -> it.startsWith("https:")).isPresent());
    PortTargets targets = new PortTargets(config.ports().domain());
    this.listener = new HttpListener(config, new PortGate(targets, ports, metrics), metrics);
    this.javalin = Javalin.create(javalinConfig -> listener.configure(javalinConfig, table));
  }

  /**
   * Makes the admin key if there is none, then listens.
   *
   * @throws PodflareException {@code INVALID_CONFIG} when the address is taken or the admin key
   *     file cannot be used
   */
  public static PodflareServer start(
      ServerConfig config, Engine engine, Store store, Webhooks webhooks) {
    return start(config, engine, store, webhooks, InstantSource.system());
  }

  /** As above with another clock for links and MCP sessions. */
  static PodflareServer start(
      ServerConfig config, Engine engine, Store store, Webhooks webhooks, InstantSource clock) {
    return start(new PodflareServer(config, engine, store, webhooks, clock, Optional.empty()));
  }

  /** As above with other tools behind {@code /mcp}. */
  static PodflareServer start(
      ServerConfig config, Engine engine, Store store, Webhooks webhooks, McpRoutes.Source mcp) {
    InstantSource clock = InstantSource.system();
    return start(new PodflareServer(config, engine, store, webhooks, clock, Optional.of(mcp)));
  }

  private static PodflareServer start(PodflareServer server) {
    ServerConfig config = server.config;
    try {
      server.javalin.start();
      server.ports.use(ServerWebSocketContainer.ensure(server.javalin.jettyServer().server()));
    } catch (RuntimeException failed) {
      server.close();
      if (failed instanceof JavalinBindException) {
        throw new PodflareException(
            ErrorCode.INVALID_CONFIG,
            "cannot listen on "
                + config.host()
                + ":"
                + config.port()
                + "; is another server there, or is the port not allowed?",
            failed);
      }
      throw failed;
    }
    server.port = server.javalin.port();
    server.listener.watch();
    server.sweeper.start();
    return server;
  }

  /** The port that is listened on; the same after {@link #close}. */
  public int port() {
    return port;
  }

  /** Text of the admin key if this start made it; print it once. It is in {@code admin.key}. */
  public Optional<String> newAdminKey() {
    return adminKey.filter(AdminKeyFile::made).map(AdminKeyFile::text);
  }

  /** All of the contract that is served, as {@code GET /v1/info}. */
  Set<String> operations() {
    Set<String> operations = new TreeSet<>(PortGate.operations());
    routes.forEach(route -> operations.add(route.method() + " " + route.path()));
    return operations;
  }

  /** Takes in no more, lets streams end within {@link ServerLimits#drain}, then cuts them. */
  @Override
  public void close() {
    try {
      listener.shutDown();
      lifecycles.endAll();
      long end = System.nanoTime() + limits.drain().toNanos();
      boolean all = ports.drain(limits.drain());
      Duration left = Duration.ofNanos(Math.max(0, end - System.nanoTime()));
      if (!(listener.drain(left) && all)) {
        LOG.info("some requests did not end within {}; they are cut", limits.drain());
      }
    } catch (InterruptedException hurried) {
      Thread.currentThread().interrupt();
    } finally {
      streams.interruptAll();
      lifecycles.interruptAll();
      mcpStreams.interruptAll();
      sweeper.close();
      mcpFeatures.close();
      ports.close();
      javalin.stop();
    }
  }
}
