package dev.podflare.server;

import dev.podflare.engine.FileChanges.FileChange;
import dev.podflare.engine.FileInfo;
import dev.podflare.engine.FilePath;
import java.util.Base64;

/**
 * Files as the wire shows them. Names that are no UTF-8 have their bytes beside them. Stateless.
 */
final class FileAnswers {
  private FileAnswers() {}

  static String tag(FileInfo info) {
    return '"' + info.tag() + '"';
  }

  static Json.Entries named(String field, FilePath path) {
    return put(Json.object(), field, path);
  }

  static Json.Entries at(FilePath path, FileInfo info) {
    return entry(path, info);
  }

  static Json.Entries below(FilePath folder, FileInfo info) {
    return entry(folder.resolve(info.name()), info);
  }

  private static Json.Entries entry(FilePath path, FileInfo info) {
    Json.Entries entry = put(Json.object(), "name", lastPart(info.name()));
    put(entry, "path", path)
        .put("type", info.type())
        .put("size", info.size())
        .put("mode", "%04o".formatted(info.mode()))
        .put("uid", info.user())
        .put("gid", info.group())
        .put("owner", info.owner())
        .put("mtime", info.modifiedAt())
        .put("etag", tag(info));
    info.target().ifPresent(target -> put(entry, "target", target));
    return entry;
  }

  static Json.Entries change(FilePath folder, FileChange change) {
    Json.Entries line = Json.object().put("type", change.what());
    put(line, "path", change.path().map(folder::resolve).orElse(folder));
    line.put("directory", change.directory());
    if (change.cookie() != 0) {
      line.put("cookie", change.cookie());
    }
    return line;
  }

  private static FilePath lastPart(FilePath path) {
    String latin = path.latin();
    String name = latin.substring(latin.lastIndexOf('/') + 1);
    return name.isEmpty() ? path : new FilePath(name);
  }

  private static Json.Entries put(Json.Entries entries, String field, FilePath path) {
    entries.put(field, path.text());
    if (path.exactText().isEmpty()) {
      entries.put(field + "_b64", Base64.getEncoder().encodeToString(path.bytes()));
    }
    return entries;
  }
}
