package dev.podflare.server;

import io.javalin.compression.CompressionStrategy;
import io.javalin.config.JavalinConfig;
import java.time.Duration;
import org.eclipse.jetty.http.HttpCompliance;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.jspecify.annotations.Nullable;

/**
 * Jetty below Javalin: one HTTP/1.1 connector, its limits and timeouts, and handlers on virtual
 * threads. Configured and started by one thread, then thread-safe.
 */
final class HttpListener {
  private static final int LONGEST_HEAD = 16 * 1024;

  /** What a guest may send, and what is added. */
  private static final int LONGEST_GUEST_HEAD = 48 * 1024;

  private final ServerConfig config;
  private final RequestGate gate;
  private final PortGate ports;
  private final JettyErrors errors;
  private volatile @Nullable ServerConnector connector;
  private volatile @Nullable SlowHeaders slowHeaders;

  HttpListener(ServerConfig config, PortGate ports, Metrics metrics) {
    this.config = config;
    this.ports = ports;
    this.gate = new RequestGate(config.limits().maxRequests(), metrics);
    this.errors = new JettyErrors(metrics);
  }

  void configure(JavalinConfig javalin, RouteTable table) {
    javalin.concurrency.useVirtualThreads = true;
    javalin.startup.showJavalinBanner = false;
    javalin.startup.showOldJavalinVersionWarning = false;
    javalin.startup.startupWatcherEnabled = false;
    javalin.http.prefer405over404 = true;
    javalin.http.compressionStrategy = CompressionStrategy.NONE;
    javalin.router.treatMultipleSlashesAsSingleSlash = false;
    javalin.router.javaLangErrorHandler(Errors::answerFatal);
    javalin.jetty.modifyServer(this::modify);
    javalin.jetty.modifyServletContextHandler(context -> context.setErrorHandler(errors));
    javalin.jetty.modifyHttpConfiguration(this::modify);
    javalin.jetty.addConnector(this::connector);
    table.register(javalin.routes);
  }

  /** Begins to look for slow senders. */
  void watch() {
    ServerConnector listening = connector;
    if (listening != null) {
      SlowHeaders watcher = new SlowHeaders(listening, config.limits().headerTimeout());
      watcher.start();
      slowHeaders = watcher;
    }
  }

  /** Closes the listening socket; open connections go on. */
  void shutDown() {
    SlowHeaders watcher = slowHeaders;
    if (watcher != null) {
      watcher.close();
    }
    ServerConnector listening = connector;
    if (listening != null) {
      listening.close();
    }
  }

  boolean drain(Duration patience) throws InterruptedException {
    return gate.drain(patience);
  }

  private void modify(Server server) {
    ports.setHandler(gate);
    server.setHandler(ports);
    server.setErrorHandler(errors);
    // What is still there after the drain is cut.
    server.setStopTimeout(0);
  }

  private void modify(HttpConfiguration http) {
    http.setSendServerVersion(false);
    http.setSendDateHeader(true);
    http.setRequestHeaderSize(LONGEST_HEAD);
    http.setMaxResponseHeaderSize(LONGEST_GUEST_HEAD);
    http.setHttpCompliance(HttpCompliance.RFC9110);
  }

  private ServerConnector connector(Server server, HttpConfiguration http) {
    ServerConnector made = new ServerConnector(server, 1, 1, new HttpConnectionFactory(http));
    made.setHost(config.host());
    made.setPort(config.port());
    made.setIdleTimeout(config.limits().idleTimeout().toMillis());
    made.setAcceptQueueSize(1024);
    server.addBean(new NetworkConnectionLimit(config.limits().maxConnections(), made));
    connector = made;
    return made;
  }
}
