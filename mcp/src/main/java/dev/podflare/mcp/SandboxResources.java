package dev.podflare.mcp;

import dev.podflare.client.ApiException;
import dev.podflare.client.FileEntry;
import dev.podflare.client.FilePage;
import dev.podflare.client.RunListener;
import dev.podflare.client.Sandbox;
import dev.podflare.common.ErrorCode;
import java.io.IOException;
import java.io.InputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Files of sandboxes, and figures that calls have shown: these are read from the call's events, as
 * long as the server keeps them. Thread-safe.
 */
final class SandboxResources implements Resources {
  private static final int LARGEST = 8 << 20;
  private static final int PAGE = 100;
  private static final String HOME = "/root";

  private final Workplace workplace;

  SandboxResources(Workplace workplace) {
    this.workplace = workplace;
  }

  /** Files in the home folder of the session's own sandbox; none before there is one. */
  @Override
  public Page list(Optional<String> cursor) {
    Optional<Sandbox> own = workplace.find();
    if (own.isEmpty()) {
      return new Page(List.of(), Optional.empty());
    }
    try {
      FilePage page = own.get().files().page(HOME, 1, PAGE, cursor);
      List<Map<String, Object>> files =
          page.entries().stream()
              .filter(it -> it.type().equals("file"))
              .map(it -> listed(own.get(), it))
              .toList();
      return new Page(files, page.nextCursor());
    } catch (ApiException refused) {
      throw error(refused);
    }
  }

  private static Map<String, Object> listed(Sandbox sandbox, FileEntry file) {
    Map<String, Object> listed = new LinkedHashMap<>();
    listed.put("uri", Uris.file(sandbox.id(), file.path()));
    listed.put("name", file.name());
    listed.put("description", "File in the home folder of this session's sandbox");
    Mimes.ofName(file.name()).ifPresent(it -> listed.put("mimeType", it));
    listed.put("size", file.size());
    return listed;
  }

  @Override
  public List<Map<String, Object>> templates() {
    return List.of(
        template(
            Uris.FILE_TEMPLATE, "file", "A file of a sandbox, by its path without the first slash"),
        template(
            Uris.FIGURE_TEMPLATE, "figure", "A figure that a call has shown, counted from 1 on"));
  }

  private static Map<String, Object> template(String uri, String name, String description) {
    Map<String, Object> template = new LinkedHashMap<>();
    template.put("uriTemplate", uri);
    template.put("name", name);
    template.put("description", description);
    return template;
  }

  @Override
  public List<Map<String, Object>> read(String uri, Call call) {
    try {
      Optional<Uris.FileAddress> file = Uris.asFile(uri);
      if (file.isPresent()) {
        return List.of(file(uri, file.get()));
      }
      Optional<Uris.FigureAddress> figure = Uris.asFigure(uri);
      if (figure.isPresent()) {
        return List.of(figure(uri, figure.get(), call));
      }
    } catch (ApiException refused) {
      throw error(refused);
    }
    throw notFound(uri);
  }

  private Map<String, Object> file(String uri, Uris.FileAddress address) {
    byte[] bytes;
    try (InputStream in =
        workplace.podflare().sandbox(address.sandbox()).files().read(address.path())) {
      bytes = in.readNBytes(LARGEST + 1);
    } catch (IOException broken) {
      throw new McpException(McpException.REFUSED, "reading broke off: " + broken.getMessage());
    }
    if (bytes.length > LARGEST) {
      throw new McpException(
          McpException.REFUSED,
          "a resource may have " + LARGEST + " bytes; read a part with the tool read_file",
          Map.of("code", ErrorCode.PAYLOAD_TOO_LARGE.wireName()));
    }
    Optional<String> mime = Mimes.ofName(address.path());
    Optional<String> text =
        mime.filter(Mimes.IMAGES::contains).isPresent() ? Optional.empty() : Mimes.text(bytes);
    return text.map(it -> ResourceContents.text(uri, mime.orElse(Mimes.TEXT), it))
        .orElseGet(() -> ResourceContents.bytes(uri, mime.orElse(Mimes.BYTES), bytes));
  }

  private Map<String, Object> figure(String uri, Uris.FigureAddress address, Call call) {
    call.onCancel(Thread.currentThread()::interrupt);
    AtomicReference<Map<String, Object>> found = new AtomicReference<>();
    RunListener listener =
        new RunListener() {
          private int count;

          @Override
          public void result(Map<String, String> data) {
            Figures.image(data)
                .filter(_ -> ++count == address.number())
                .ifPresent(
                    it -> found.set(ResourceContents.base64(uri, it.getKey(), it.getValue())));
          }
        };
    Sandbox sandbox = workplace.podflare().sandbox(address.sandbox());
    if (!sandbox.execution(address.exec()).state().equals("ended")) {
      throw new McpException(
          McpException.REFUSED,
          "the call that shows it has not ended",
          Map.of("code", ErrorCode.WRONG_STATE.wireName()));
    }
    sandbox.join(address.exec(), 0, listener);
    Map<String, Object> contents = found.get();
    if (contents == null) {
      throw notFound(uri);
    }
    return contents;
  }

  private static McpException notFound(String uri) {
    return new McpException(
        McpException.RESOURCE_NOT_FOUND, "there is no resource " + uri, Map.of("uri", uri));
  }

  private static McpException error(ApiException refused) {
    boolean missing = refused.status() == 404 || refused.status() == 410;
    return new McpException(
        missing ? McpException.RESOURCE_NOT_FOUND : McpException.REFUSED,
        refused.sentence(),
        Map.of("code", refused.code()));
  }
}
