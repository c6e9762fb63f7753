package dev.podflare.mcp;

import dev.podflare.client.FileEntry;
import dev.podflare.client.FilePage;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxFiles;
import dev.podflare.client.WrittenFile;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Tools for a sandbox's files. Thread-safe. */
final class FileTools {
  private static final int MOST_ENTRIES = 1000;
  private static final int DEEPEST = 16;

  private final Workplace workplace;

  FileTools(Workplace workplace) {
    this.workplace = workplace;
  }

  List<Tool> tools() {
    return List.of(readFile(), writeFile(), listFiles());
  }

  private Tool readFile() {
    return new Tool(
        "read_file",
        "Read a file",
        "Read a file of the machine, or a part of it: a text, or an image. Of a long text head and "
            + "tail come; ask for parts by offset and length.",
        Schemas.object(
            CommonFields.PATH,
            Schemas.number("offset", 0, "First byte; default 0.").optional(),
            Schemas.number("length", 1, "Bytes; default is all.").optional(),
            CommonFields.SANDBOX),
        Optional.of(
            Schemas.object(
                Schemas.text("sandbox", "Id of the sandbox."),
                Schemas.text("path", "As it was asked for."),
                Schemas.number("size", 0, "Bytes of the whole file."),
                Schemas.text("uri", "The file as a resource."),
                Schemas.text("content", "If it is a text.").optional())),
        Tool.Hints.READS,
        this::read);
  }

  private Tool writeFile() {
    return new Tool(
        "write_file",
        "Write a file",
        "Write a file of the machine, with the folders above it; what was there is replaced.",
        Schemas.object(
            CommonFields.PATH,
            Schemas.text("content", "All of it."),
            Schemas.word(
                    "encoding", List.of("utf-8", "base64"), "Of the content; default is utf-8.")
                .optional(),
            CommonFields.SANDBOX),
        Optional.of(
            Schemas.object(
                Schemas.text("sandbox", "Id of the sandbox."),
                Schemas.text("path", "As it was asked for."),
                Schemas.number("size", 0, "Bytes."),
                Schemas.text("sha256", "Of the file, in hex.").optional())),
        Tool.Hints.REPLACES,
        this::write);
  }

  private Tool listFiles() {
    Map<String, Object> entry =
        Schemas.object(
            Schemas.text("path", "Absolute."),
            Schemas.text("type", "file, directory, link or other."),
            Schemas.number("size", 0, "Bytes of a file."),
            Schemas.text("modified", "Time of the last change."));
    return new Tool(
        "list_files",
        "List files",
        "List what is in a folder of the machine.",
        Schemas.object(
            Schemas.text("path", "Folder; default is /root.").optional(),
            Schemas.number("depth", 1, DEEPEST, "Levels below it; default 1.").optional(),
            Schemas.number("limit", 1, MOST_ENTRIES, "Most entries; default 200.").optional(),
            Schemas.text("cursor", "next_cursor of the answer before.").optional(),
            CommonFields.SANDBOX),
        Optional.of(
            Schemas.object(
                Schemas.text("sandbox", "Id of the sandbox."),
                Schemas.list("entries", entry, "Sorted by name."),
                Schemas.text("next_cursor", "If there are more.").optional())),
        Tool.Hints.READS,
        this::list);
  }

  private ToolResult read(Arguments arguments, Call call) {
    String path = arguments.text("path");
    long offset = arguments.number("offset", 0, Long.MAX_VALUE, 0);
    long length = arguments.number("length", 1, Long.MAX_VALUE, Long.MAX_VALUE);
    Sandbox sandbox = workplace.sandbox(arguments);
    FileReading reading = new FileReading(sandbox.files(), path);
    String uri = Uris.file(sandbox.id(), path);
    Map<String, Object> structured = new LinkedHashMap<>();
    structured.put("sandbox", sandbox.id());
    structured.put("path", path);
    structured.put("size", reading.size());
    structured.put("uri", uri);
    Optional<Map<String, Object>> image =
        arguments.has("offset") || arguments.has("length") ? Optional.empty() : reading.image();
    if (image.isPresent()) {
      return new ToolResult(List.of(image.get()), Optional.of(structured));
    }
    Optional<String> text = reading.text(offset, length);
    if (text.isEmpty()) {
      String said = path + " is no text; it has " + reading.size() + " bytes";
      return new ToolResult(
          List.of(
              Content.text(said), Content.link(uri, path, Mimes.ofName(path).orElse(Mimes.BYTES))),
          Optional.of(structured));
    }
    structured.put("content", text.get());
    return ToolResult.of(text.get(), structured);
  }

  private ToolResult write(Arguments arguments, Call call) {
    String path = arguments.text("path");
    byte[] bytes = bytes(arguments);
    Sandbox sandbox = workplace.sandbox(arguments);
    SandboxFiles files = sandbox.files();
    WrittenFile written = files.write(path, bytes);
    Map<String, Object> structured = new LinkedHashMap<>();
    structured.put("sandbox", sandbox.id());
    structured.put("path", written.path());
    structured.put("size", written.size());
    written.sha256().ifPresent(it -> structured.put("sha256", it));
    return ToolResult.of("wrote " + written.size() + " bytes to " + written.path(), structured);
  }

  private static byte[] bytes(Arguments arguments) {
    String content = arguments.text("content");
    if (arguments.word("encoding", List.of("utf-8", "base64")).equals("utf-8")) {
      return content.getBytes(StandardCharsets.UTF_8);
    }
    try {
      return Base64.getMimeDecoder().decode(content);
    } catch (IllegalArgumentException malformed) {
      throw ToolFailure.badArgument("'content' is no base64: " + malformed.getMessage());
    }
  }

  private ToolResult list(Arguments arguments, Call call) {
    String path = arguments.find("path").orElse("/root");
    int depth = (int) arguments.number("depth", 1, DEEPEST, 1);
    int limit = (int) arguments.number("limit", 1, MOST_ENTRIES, 200);
    Sandbox sandbox = workplace.sandbox(arguments);
    FilePage page = sandbox.files().page(path, depth, limit, arguments.find("cursor"));
    Map<String, Object> structured = new LinkedHashMap<>();
    structured.put("sandbox", sandbox.id());
    structured.put("entries", page.entries().stream().map(FileTools::entry).toList());
    page.nextCursor().ifPresent(it -> structured.put("next_cursor", it));
    StringBuilder text = new StringBuilder();
    for (FileEntry each : page.entries()) {
      text.append(each.path()).append(each.isDirectory() ? "/" : "  " + each.size()).append('\n');
    }
    page.nextCursor().ifPresent(it -> text.append("… more with cursor ").append(it).append('\n'));
    return ToolResult.of(text.isEmpty() ? path + " is empty" : text.toString(), structured);
  }

  private static Map<String, Object> entry(FileEntry file) {
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("path", file.path());
    entry.put("type", file.type());
    entry.put("size", file.size());
    entry.put("modified", file.mtime().toString());
    return entry;
  }
}
