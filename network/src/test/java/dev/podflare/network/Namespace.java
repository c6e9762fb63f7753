package dev.podflare.network;

import dev.podflare.linux.Links;
import dev.podflare.linux.NamespaceThread;
import dev.podflare.linux.Nftables;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;

/** A network namespace of a test, with a thread in it. Closed, nothing of it is left. */
final class Namespace implements AutoCloseable {
  private final Path path;
  private final NamespaceThread thread;
  private final boolean mine;

  private Namespace(Path path, NamespaceThread thread, boolean mine) {
    this.path = path;
    this.thread = thread;
    this.mine = mine;
  }

  static Namespace create(String name) {
    try {
      Path path = Files.createTempFile("podflare-test-" + name, "");
      try (NamespaceThread maker = NamespaceThread.open("maker", Optional.empty())) {
        maker.create(path);
      }
      Namespace namespace =
          new Namespace(path, NamespaceThread.open(name, Optional.of(path)), true);
      // So that only what a test sends is there, and not what IPv6 says of itself.
      namespace.run(() -> Sysctl.writeIfThere("ipv6/conf/all/disable_ipv6", "1"));
      namespace.run(() -> Sysctl.writeIfThere("ipv6/conf/default/disable_ipv6", "1"));
      namespace.links(links -> links.bringUp(1));
      return namespace;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One that somebody else made, and keeps. */
  static Namespace at(Path path) {
    return new Namespace(path, NamespaceThread.open("visitor", Optional.of(path)), false);
  }

  Path path() {
    return path;
  }

  <T> T call(Callable<T> task) {
    return thread.call(task);
  }

  void run(Runnable task) {
    thread.run(task);
  }

  interface LinksTask {
    void on(Links links);
  }

  void links(LinksTask task) {
    thread.run(() -> {
      try (Links links = Links.open()) {
        task.on(links);
      }
    });
  }

  /** Turns IPv6 on, for links that say nothing of themselves. */
  void ipv6(String... links) {
    run(() -> {
      Sysctl.write("ipv6/conf/all/disable_ipv6", "0");
      Sysctl.write("ipv6/conf/lo/disable_ipv6", "0");
      for (String link : links) {
        Sysctl.write("ipv6/conf/" + link + "/addr_gen_mode", "1");
        Sysctl.write("ipv6/conf/" + link + "/accept_dad", "0");
        Sysctl.write("ipv6/conf/" + link + "/accept_ra", "0");
        Sysctl.write("ipv6/conf/" + link + "/disable_ipv6", "0");
      }
    });
  }

  /** Hardware addresses that a link's neighbours are known by. */
  String neighbours(String link) {
    return ip("neigh", "show", "dev", link);
  }

  /** Lets a neighbour that was fixed be learnt anew. */
  void unfix(String link, String address, String mac) {
    String ignored = ip("neigh", "change", address, "lladdr", mac, "dev", link, "nud", "stale");
  }

  /** Runs the tool of this name in the namespace; answers what it prints. */
  private String ip(String... words) {
    List<String> line = new ArrayList<>(List.of("nsenter", "--net=" + path, "ip"));
    line.addAll(List.of(words));
    try {
      Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
      String output = process.inputReader().readAllAsString();
      if (process.onExit().join().exitValue() != 0) {
        throw new IOException(line + ": " + output);
      }
      return output;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  String nft(String commands) {
    return thread.call(() -> {
      try (Nftables nftables = Nftables.open()) {
        return nftables.run(commands);
      }
    });
  }

  @Override
  public void close() {
    thread.close();
    if (!mine) {
      return;
    }
    boolean ignored = NamespaceThread.release(path);
    try {
      Files.delete(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
