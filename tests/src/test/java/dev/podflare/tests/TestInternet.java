package dev.podflare.tests;

import com.sun.net.httpserver.HttpServer;
import dev.podflare.engine.GuestNetworkConfig;
import dev.podflare.linux.Links;
import dev.podflare.linux.Links.VethEnd;
import dev.podflare.linux.NamespaceThread;
import dev.podflare.linux.Nftables;
import dev.podflare.network.Cidr;
import dev.podflare.network.ProxySettings;
import dev.podflare.network.SlotLimits;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;

/**
 * A host for the daemons of these tests and an internet, each a network namespace, so that no
 * packet of a guest leaves the machine. The internet holds what a test wants to attack, too:
 * metadata and private addresses. Made once, gone with this process. Thread-safe.
 */
final class TestInternet {
  static final String SERVER = "203.0.113.10";
  static final String OTHER_SERVER = "203.0.113.20";
  static final String METADATA = "169.254.169.254";
  static final String PRIVATE = "10.99.0.1";
  static final String RESOLVER = "203.0.113.53";
  static final String SERVER6 = "2001:db8:2::10";
  static final String OTHER_SERVER6 = "2001:db8:2::20";
  static final String METADATA6 = "fd00:ec2::254";
  static final String NAT64_METADATA = "64:ff9b::a9fe:a9fe";
  static final String HOST6 = "2001:db8:1::2";

  /** The host's neighbour, with a public address. */
  static final String ROUTER6 = "2001:db8:1::1";

  /** Of the daemons' host, as the internet sees it. */
  static final String HOST = "198.51.100.2";

  private static final String ROUTER = "198.51.100.1";

  /** Names that the internet knows. */
  final Map<String, String> names = new ConcurrentHashMap<>();

  /** The same for addresses of IPv6. */
  final Map<String, String> names6 = new ConcurrentHashMap<>();

  /** What its web servers have, by path; every address has the same. */
  final Map<String, byte[]> files = new ConcurrentHashMap<>();

  final TestNameServer nameServer;
  private final Path host = namespaceFile("host");
  private final Path outside = namespaceFile("outside");

  private TestInternet() {
    try (NamespaceThread maker = NamespaceThread.open("maker", Optional.empty())) {
      maker.create(host);
      maker.create(outside);
    }
    Runtime.getRuntime().addShutdownHook(new Thread(this::remove));
    in(host, () -> links(this::joinHost));
    in(outside, () -> links(TestInternet::joinOutside));
    nameServer = in(outside, () -> TestNameServer.start(address(RESOLVER), names, names6));
    List.of(SERVER, OTHER_SERVER, METADATA, PRIVATE).forEach(this::serveFiles);
    List.of(SERVER6, OTHER_SERVER6, METADATA6, NAT64_METADATA, ROUTER6).forEach(this::serveFiles);
  }

  private static final class Holder {
    static final TestInternet INSTANCE = new TestInternet();
  }

  static TestInternet get() {
    return Holder.INSTANCE;
  }

  /** How a daemon under test is joined to it. */
  GuestNetworkConfig config() {
    return new GuestNetworkConfig(
        Optional.empty(),
        List.of(),
        SlotLimits.DEFAULT,
        List.of(new InetSocketAddress(address(RESOLVER), 53)),
        ProxySettings.NONE,
        true,
        Optional.of(host));
  }

  /** The host's namespace, for a daemon that is a process of its own. */
  Path hostNamespace() {
    return host;
  }

  /** Runs a task on a thread in the internet's namespace: sockets that it opens are there. */
  <T> T outside(Callable<T> task) {
    return in(outside, task);
  }

  /** The same on the host. */
  <T> T onHost(Callable<T> task) {
    return in(host, task);
  }

  /**
   * Has the packet filter of the daemons' host do something to a daemon's table.
   *
   * @param data the daemon's folder
   * @param command of nft, with {@code %s} for the table's name
   */
  String filter(Path data, String command) {
    String table = "podflare_" + HostState.instance(data);
    return onHost(() -> {
      try (Nftables nftables = Nftables.open()) {
        return nftables.run(command.formatted(table));
      }
    });
  }

  private void joinHost(Links links) {
    links.addVeth(
        new VethEnd("uplink", "02:00:00:00:00:01"),
        new VethEnd("uplink", "02:00:00:00:00:02"),
        outside,
        1500);
    int uplink = links.index("uplink");
    links.bringUp(1);
    links.bringUp(uplink);
    links.addAddress(uplink, address(HOST), 24);
    links.addRoute(address("0.0.0.0"), 0, uplink, Optional.of(address(ROUTER)), Optional.empty());
    links.addAddress(uplink, address(HOST6), 64);
    links.addRoute(address("::"), 0, uplink, Optional.of(address(ROUTER6)), Optional.empty());
  }

  private static void joinOutside(Links links) {
    int uplink = links.index("uplink");
    links.bringUp(1);
    links.bringUp(uplink);
    links.addAddress(uplink, address(ROUTER), 24);
    for (String held : List.of(RESOLVER, SERVER, OTHER_SERVER, METADATA, PRIVATE)) {
      links.addAddress(1, address(held), 32);
    }
    links.addAddress(uplink, address(ROUTER6), 64);
    for (String held : List.of(SERVER6, OTHER_SERVER6, METADATA6, NAT64_METADATA)) {
      links.addAddress(1, address(held), 128);
    }
  }

  private void serveFiles(String address) {
    HttpServer server =
        outside(() -> HttpServer.create(new InetSocketAddress(address(address), 80), 100));
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext(
        "/",
        exchange -> {
          try (exchange) {
            String path = exchange.getRequestURI().getPath();
            byte[] file = files.get(path);
            if (path.endsWith("/")) {
              exchange.getResponseHeaders().set("Content-Type", "text/html");
            }
            exchange.sendResponseHeaders(file == null ? 404 : 200, file == null ? -1 : file.length);
            if (file != null) {
              exchange.getResponseBody().write(file);
            }
          }
        });
    server.start();
  }

  static InetAddress address(String text) {
    return Cidr.parse(text).network();
  }

  private interface LinksTask {
    void on(Links links);
  }

  private static boolean links(LinksTask task) {
    try (Links links = Links.open()) {
      task.on(links);
      return true;
    }
  }

  private static <T> T in(Path namespace, Callable<T> task) {
    try (NamespaceThread thread = NamespaceThread.open("visitor", Optional.of(namespace))) {
      return thread.call(task);
    }
  }

  private static Path namespaceFile(String name) {
    try {
      return Files.createTempFile("podflare-test-" + name, "");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void remove() {
    for (Path namespace : List.of(host, outside)) {
      if (NamespaceThread.release(namespace)) {
        namespace.toFile().deleteOnExit();
      }
    }
  }
}
