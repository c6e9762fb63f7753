package dev.podflare.network;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The resolvers of a {@code resolv.conf}, read again when the file changes. Thread-safe. */
final class HostResolvers {
  private static final Logger LOG = LoggerFactory.getLogger(HostResolvers.class);
  private static final Pattern SPACE = Pattern.compile("\\s+");
  private static final int PORT = 53;
  private static final int MOST = 3;
  private static final long LARGEST_FILE = 64 << 10;

  private record Read(FileTime changed, List<InetSocketAddress> servers) {}

  private final Path file;
  private volatile Read last = new Read(FileTime.fromMillis(Long.MIN_VALUE), List.of());

  HostResolvers(Path file) {
    this.file = file;
  }

  /** At most three, in the file's order; empty if the file names none or cannot be read. */
  List<InetSocketAddress> servers() {
    try {
      FileTime changed = Files.getLastModifiedTime(file);
      if (!changed.equals(last.changed())) {
        last = new Read(changed, read());
      }
    } catch (IOException e) {
      LOG.warn("cannot read resolvers from {}: {}", file, e.toString());
    }
    return last.servers();
  }

  private List<InetSocketAddress> read() throws IOException {
    if (Files.size(file) > LARGEST_FILE) {
      throw new IOException("too large for a list of resolvers");
    }
    List<InetSocketAddress> servers = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      List<String> words = List.of(SPACE.split(line.strip()));
      if (words.size() >= 2
          && Objects.equals(words.get(0), "nameserver")
          && servers.size() < MOST) {
        add(servers, words.get(1));
      }
    }
    return List.copyOf(servers);
  }

  private void add(List<InetSocketAddress> servers, String address) {
    try {
      servers.add(new InetSocketAddress(java.net.InetAddress.ofLiteral(address), PORT));
    } catch (IllegalArgumentException e) {
      LOG.warn("{} names a resolver that is no address: {}", file, address);
    }
  }
}
