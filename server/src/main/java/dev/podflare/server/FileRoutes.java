package dev.podflare.server;

import dev.podflare.engine.Engine;
import dev.podflare.engine.FileDownload;
import dev.podflare.engine.FilePage;
import dev.podflare.engine.FilePath;
import dev.podflare.engine.FileRange;
import dev.podflare.engine.FileUpload;
import dev.podflare.engine.SandboxFiles;
import dev.podflare.engine.WrittenFile;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Files of a sandbox, streamed both ways. Thread-safe. */
final class FileRoutes {
  private static final String FILES = "/v1/sandboxes/{id}/files";
  private static final int USUAL_PAGE = 1000;
  private static final int DEEPEST = 100;

  private final Engine engine;

  FileRoutes(Engine engine) {
    this.engine = engine;
  }

  List<Route> routes() {
    return List.of(
        new Route("GET", FILES, Scope.READ, this::read),
        new Route("PUT", FILES, Scope.EXEC, this::write),
        new Route("DELETE", FILES, Scope.EXEC, this::delete),
        new Route("GET", FILES + "/list", Scope.READ, this::list),
        new Route("GET", FILES + "/stat", Scope.READ, this::stat),
        new Route("POST", FILES + "/mkdir", Scope.EXEC, this::makeFolder),
        new Route("POST", FILES + "/move", Scope.EXEC, this::move));
  }

  private SandboxFiles files(Exchange exchange) {
    return engine.files(exchange.caller(), exchange.path("id"));
  }

  private void read(Exchange exchange) throws IOException {
    FilePath path = FileQuery.path(exchange);
    Optional<FileRange> range = FileQuery.range(exchange);
    FileDownload download = files(exchange).read(path, range.orElse(FileRange.WHOLE));
    try {
      String tag = FileAnswers.tag(download.info());
      if (range.isPresent() && !exchange.header("If-Range").map(tag::equals).orElse(true)) {
        range = Optional.empty();
        download.close();
        download = files(exchange).read(path, FileRange.WHOLE);
      }
      answer(exchange, download, range.isPresent());
    } finally {
      download.close();
    }
  }

  private static void answer(Exchange exchange, FileDownload download, boolean part)
      throws IOException {
    HttpServletResponse response = exchange.context().res();
    String tag = FileAnswers.tag(download.info());
    response.setHeader("ETag", tag);
    if (FileQuery.names(exchange.header("If-None-Match"), tag)) {
      response.setStatus(304);
      return;
    }
    response.setHeader("Accept-Ranges", "bytes");
    response.setContentType("application/octet-stream");
    long size = download.info().size();
    if (part && size > 0) {
      response.setStatus(206);
      long last = download.first() + download.count() - 1;
      response.setHeader("Content-Range", "bytes " + download.first() + "-" + last + "/" + size);
    } else {
      response.setStatus(200);
    }
    if (size > 0) {
      response.setContentLengthLong(download.count());
    }
    FileStreams.send(exchange, download::copyTo);
  }

  private void write(Exchange exchange) throws IOException {
    FilePath path = FileQuery.path(exchange);
    FileUpload upload =
        new FileUpload(
            path,
            FileQuery.mode(exchange.query("mode")),
            FileQuery.onlyNew(exchange),
            exchange.query("upload_id"),
            FileQuery.number(exchange, "offset", 0, Long.MAX_VALUE).orElse(0L),
            FileQuery.flag(exchange, "last").orElse(true),
            FileQuery.flag(exchange, "sync").orElse(false));
    WrittenFile written =
        FileStreams.receive(exchange, body -> files(exchange).write(upload, body));
    exchange.answer(
        FileAnswers.named("path", path)
            .put("size", written.size())
            .put("complete", upload.last())
            .putIfPresent("sha256", written.sha256()));
  }

  private void delete(Exchange exchange) {
    files(exchange)
        .delete(
            FileQuery.path(exchange),
            FileQuery.flag(exchange, "recursive").orElse(false),
            exchange.query("upload_id"));
    exchange.noContent();
  }

  private void list(Exchange exchange) {
    FilePath path = FileQuery.path(exchange);
    int depth = FileQuery.number(exchange, "depth", 1, DEEPEST).orElse(1L).intValue();
    long limit =
        FileQuery.number(exchange, "limit", 1, SandboxFiles.MOST_ENTRIES).orElse((long) USUAL_PAGE);
    FilePage page = files(exchange).list(path, depth, (int) limit, FileQuery.cursor(exchange));
    List<Map<String, @Nullable Object>> entries =
        page.entries().stream().map(entry -> FileAnswers.below(path, entry).map()).toList();
    exchange.answer(
        Json.object()
            .put("entries", entries)
            .put("next_cursor", page.next().map(FileQuery::cursor)));
  }

  private void stat(Exchange exchange) {
    FilePath path = FileQuery.path(exchange);
    exchange.answer(FileAnswers.at(path, files(exchange).stat(path, exchange.query("upload_id"))));
  }

  private void makeFolder(Exchange exchange) {
    Fields fields = exchange.fields();
    FilePath path = FileQuery.path(fields, "path");
    exchange.answer(
        FileAnswers.at(
            path,
            files(exchange)
                .makeFolder(
                    path,
                    FileQuery.mode(fields.text("mode")),
                    fields.flag("parents").orElse(true))));
  }

  private void move(Exchange exchange) {
    Fields fields = exchange.fields();
    FilePath target = FileQuery.path(fields, "to");
    exchange.answer(
        FileAnswers.at(
            target,
            files(exchange)
                .move(
                    FileQuery.path(fields, "from"),
                    target,
                    fields.flag("overwrite").orElse(false))));
  }
}
