package dev.podflare.server;

import dev.podflare.engine.Engine;
import dev.podflare.engine.ExecRequest.Framing;
import dev.podflare.engine.FileChanges;
import dev.podflare.engine.FileChanges.FileChange;
import dev.podflare.engine.FilePath;
import dev.podflare.engine.SandboxFiles;
import dev.podflare.engine.SandboxFiles.Unpacked;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Whole folders of a sandbox: as archives, and watched. Thread-safe. */
final class FileTreeRoutes {
  private static final String FILES = "/v1/sandboxes/{id}/files";

  private final Engine engine;
  private final EventStream streams;

  FileTreeRoutes(Engine engine, EventStream streams) {
    this.engine = engine;
    this.streams = streams;
  }

  List<Route> routes() {
    return List.of(
        new Route("GET", FILES + "/archive", Scope.READ, this::archive),
        new Route("PUT", FILES + "/archive", Scope.EXEC, this::unpack),
        new Route("GET", FILES + "/watch", Scope.READ, this::watch));
  }

  private SandboxFiles files(Exchange exchange) {
    return engine.files(exchange.caller(), exchange.path("id"));
  }

  private void archive(Exchange exchange) throws IOException {
    FilePath path = FileQuery.path(exchange);
    HttpServletResponse response = exchange.context().res();
    FileStreams.send(
        exchange,
        out ->
            files(exchange)
                .archive(
                    path,
                    out,
                    () -> {
                      response.setStatus(200);
                      response.setContentType("application/x-tar");
                    }));
  }

  private void unpack(Exchange exchange) throws IOException {
    FilePath path = FileQuery.path(exchange);
    boolean keepLinks = FileQuery.keepLinks(exchange);
    Unpacked unpacked =
        FileStreams.receive(exchange, body -> files(exchange).unpack(path, body, keepLinks));
    exchange.answer(
        FileAnswers.named("path", path)
            .put("entries", unpacked.entries())
            .put("size", unpacked.size()));
  }

  private void watch(Exchange exchange) {
    FilePath path = FileQuery.path(exchange);
    boolean recursive = FileQuery.flag(exchange, "recursive").orElse(false);
    FileChanges changes = files(exchange).watch(path, recursive);
    streams.send(exchange, Framing.CHUNKS, new WatchSource(path, changes));
  }

  /** The first line says that the watch is in force. */
  private static final class WatchSource implements EventStream.Source {
    private final FilePath path;
    private final FileChanges changes;
    private boolean begun;
    private boolean ended;

    WatchSource(FilePath path, FileChanges changes) {
      this.path = path;
      this.changes = changes;
    }

    @Override
    public boolean ended() {
      return ended;
    }

    @Override
    public boolean writeNext(EventWriter writer, Duration wait) {
      if (!begun) {
        begun = true;
        writer.write(FileAnswers.named("path", path).put("type", "watching"));
        return true;
      }
      Optional<FileChange> change = changes.next(wait);
      if (change.isPresent()) {
        writer.write(FileAnswers.change(path, change.get()));
        return true;
      }
      if (changes.ended()) {
        ended = true;
        writer.write(FileAnswers.named("path", path).put("type", "gone"));
        return true;
      }
      return false;
    }

    @Override
    public void close() {
      changes.close();
    }
  }
}
