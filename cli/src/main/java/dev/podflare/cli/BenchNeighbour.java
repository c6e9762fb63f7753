package dev.podflare.cli;

import dev.podflare.linux.Links;
import dev.podflare.linux.Links.VethEnd;
import dev.podflare.linux.NamespaceThread;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;

/**
 * A network namespace beside this host, joined to it by a cable: guests may reach what is in it, as
 * they may not reach the host. Gone with its file when this is closed. One thread.
 */
final class BenchNeighbour implements AutoCloseable {
  private static final String HERE = "pfbench0";
  private static final String THERE = "pfbench1";
  private static final int PREFIX = 30;

  /** Of the range that is for documentation, which is nobody's. */
  private static final byte[] OURS = {(byte) 203, 0, 113, (byte) 249};

  private static final byte[] THEIRS = {(byte) 203, 0, 113, (byte) 250};

  private final Path namespace;
  private final NamespaceThread thread;

  private BenchNeighbour(Path namespace, NamespaceThread thread) {
    this.namespace = namespace;
    this.thread = thread;
  }

  /** {@code folder}: where the namespace is kept. */
  static BenchNeighbour open(Path folder) throws IOException {
    Path namespace = Files.createFile(folder.resolve("neighbour"));
    try (NamespaceThread maker = NamespaceThread.open("bench-maker", Optional.empty())) {
      maker.create(namespace);
    }
    BenchNeighbour neighbour =
        new BenchNeighbour(
            namespace, NamespaceThread.open("bench-neighbour", Optional.of(namespace)));
    try {
      neighbour.join();
      return neighbour;
    } catch (RuntimeException | IOException e) {
      neighbour.close();
      throw e;
    }
  }

  private void join() throws IOException {
    Inet4Address ours = (Inet4Address) InetAddress.getByAddress(OURS);
    Inet4Address theirs = address();
    try (Links links = Links.open()) {
      links.addVeth(
          new VethEnd(HERE, "02:00:00:00:be:01"),
          new VethEnd(THERE, "02:00:00:00:be:02"),
          namespace,
          1500);
      links.bringUp(links.index(HERE));
      links.addAddress(links.index(HERE), ours, PREFIX);
    }
    var ignored =
        in(() -> {
          try (Links links = Links.open()) {
            links.bringUp(1);
            links.bringUp(links.index(THERE));
            links.addAddress(links.index(THERE), theirs, PREFIX);
            links.addRoute(
                (Inet4Address) InetAddress.getByAddress(new byte[4]),
                0,
                links.index(THERE),
                Optional.of(ours),
                Optional.empty());
            return true;
          }
        });
  }

  Inet4Address address() throws IOException {
    return (Inet4Address) InetAddress.getByAddress(THEIRS);
  }

  /** Runs a task there: sockets that it opens are there. */
  <T> T in(Callable<T> task) {
    return thread.call(task);
  }

  /** The cable goes with it. */
  @Override
  public void close() {
    thread.close();
    boolean ignored = NamespaceThread.release(namespace);
  }
}
