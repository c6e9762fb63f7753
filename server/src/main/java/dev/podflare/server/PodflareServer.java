package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.Engine;
import dev.podflare.store.Store;
import io.javalin.Javalin;
import io.javalin.util.JavalinBindException;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The HTTP door: routes, authentication, streams and metrics over an {@link Engine}. Thread-safe.
 * It closes neither engine nor store.
 */
public final class PodflareServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PodflareServer.class);

  private final Javalin javalin;
  private final HttpListener listener;
  private final ServerLimits limits;
  private final EventStream streams;
  private final List<Route> routes;
  private final Optional<AdminKeyFile> adminKey;
  private volatile int port;

  private PodflareServer(ServerConfig config, Engine engine, Store store) {
    this.limits = config.limits();
    this.adminKey =
        config.authDisabled()
            ? Optional.empty()
            : Optional.of(AdminKeyFile.open(config.dataFolder()));
    Metrics metrics = new Metrics(engine);
    this.streams = new EventStream(limits.heartbeat());
    Authenticator authenticator = new Authenticator(config, adminKey, store.keys());
    RequestLimits requestLimits = new RequestLimits();
    Idempotency idempotency = new Idempotency(store.answers(), limits.idempotencyWait());
    this.routes =
        Stream.of(
                new SandboxRoutes(engine, config, idempotency).routes(),
                new NetworkRoutes(engine).routes(),
                new FamilyRoutes(engine, idempotency, streams, metrics).routes(),
                new ExecRoutes(engine, streams, metrics).routes(),
                new InfoRoutes(engine, config, metrics).routes(),
                new KeyRoutes(store.keys(), authenticator.fixedKeyIds(), requestLimits, idempotency)
                    .routes(),
                new LaterRoutes().routes())
            .flatMap(List::stream)
            .toList();
    RouteTable table =
        new RouteTable(
            routes,
            authenticator,
            requestLimits,
            new JsonBodies(limits),
            BodyBudget.forHeap(limits.maxBody()),
            new LocalOnly(config.authDisabled()));
    this.listener = new HttpListener(config, metrics);
    this.javalin = Javalin.create(javalinConfig -> listener.configure(javalinConfig, table));
  }

  /**
   * Makes the admin key if there is none, then listens.
   *
   * @throws PodflareException {@code INVALID_CONFIG} when the address is taken or the admin key
   *     file cannot be used
   */
  public static PodflareServer start(ServerConfig config, Engine engine, Store store) {
    PodflareServer server = new PodflareServer(config, engine, store);
    try {
      server.javalin.start();
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

  List<Route> routes() {
    return routes;
  }

  /** Takes in no more, lets streams end within {@link ServerLimits#drain}, then cuts them. */
  @Override
  public void close() {
    try {
      listener.shutDown();
      if (!listener.drain(limits.drain())) {
        LOG.info("some requests did not end within {}; they are cut", limits.drain());
      }
    } catch (InterruptedException hurried) {
      Thread.currentThread().interrupt();
    } finally {
      streams.interruptAll();
      javalin.stop();
    }
  }
}
