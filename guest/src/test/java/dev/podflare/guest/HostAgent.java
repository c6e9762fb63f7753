package dev.podflare.guest;

import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;

/** The real agent as an ordinary process of this host, and a channel to it. */
final class HostAgent implements AutoCloseable, ChannelListener {
  static final Duration PATIENCE = Duration.ofSeconds(20);

  final Queue<Map<String, Object>> notices = new ConcurrentLinkedQueue<>();
  final Queue<String> stray = new ConcurrentLinkedQueue<>();
  final CompletableFuture<PodflareException> closed = new CompletableFuture<>();
  final Path folder;
  private final Process process;
  private final AgentChannel channel;

  HostAgent(Path parent) {
    this(parent, "python3", Map.of());
  }

  /** {@code variables}: of the agent's environment, and so of what it runs. */
  HostAgent(Path parent, String python, Map<String, String> variables) {
    try {
      folder = Files.createTempDirectory(parent, "agent");
      Path library = folder.resolve("lib");
      install(library);
      Path socket = folder.resolve("s");
      try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
        server.bind(UnixDomainSocketAddress.of(socket));
        process = start(python, library, socket, variables);
        SocketChannel accepted = server.accept();
        channel = AgentChannel.open(accepted, this);
      }
      channel.awaitHello(PATIENCE);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  AgentChannel channel() {
    return channel;
  }

  long pid() {
    return process.pid();
  }

  Recording start(ExecCommand command) {
    Recording recording = new Recording();
    recording.attach(channel.exec(command, recording));
    return recording;
  }

  Recording python(String code) {
    return start(ExecCommand.of(GuestLanguage.PYTHON, code)).await();
  }

  Recording bash(String code) {
    return start(ExecCommand.of(GuestLanguage.BASH, code)).await();
  }

  @Override
  public void notice(Map<String, Object> notice) {
    notices.add(notice);
  }

  @Override
  public void stray(GuestStream stream, byte[] bytes) {
    stray.add(new String(bytes, StandardCharsets.UTF_8));
  }

  @Override
  public void closed(PodflareException cause) {
    closed.complete(cause);
  }

  @Override
  public void close() {
    channel.close();
    try {
      if (!process.waitFor(5, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new AssertionError("the agent did not end with its connection");
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private Process start(String python, Path library, Path socket, Map<String, String> variables)
      throws IOException {
    String entry =
        "import sys; sys.path.insert(0, sys.argv[1]);"
            + " from podflare_guest.agent import main_for_tests;"
            + " main_for_tests(sys.argv[2], sys.argv[3])";
    List<String> command =
        List.of(python, "-I", "-S", "-c", entry, library + "", socket + "", folder.toString());
    ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
    builder.environment().putAll(variables);
    return builder.start();
  }

  private static void install(Path library) throws IOException {
    String root = "/usr/lib/podflare/";
    for (GuestFiles.GuestFile file : GuestFiles.all()) {
      if (file.path().startsWith(root)) {
        Path target = library.resolve(file.path().substring(root.length()));
        Files.createDirectories(target.getParent());
        Files.write(target, file.bytes());
      }
    }
  }
}
