package dev.podflare.store.checkpoint;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;

/** One page of the files below a folder, by the order of their names. One thread, one use. */
final class FolderListing {
  private final Path root;
  private final String prefix;
  private final String after;
  private final int limit;
  private final List<BlobInfo> found = new ArrayList<>();

  private FolderListing(Path root, String prefix, String after, int limit) {
    this.root = root;
    this.prefix = prefix;
    this.after = after;
    this.limit = limit;
  }

  static List<BlobInfo> page(Path root, String prefix, String after, int limit) throws IOException {
    FolderListing listing = new FolderListing(root, prefix, after, limit);
    listing.walk(root, "");
    return List.copyOf(listing.found);
  }

  /** {@code path}: name of the folder with a slash at its end, empty for the root. */
  private void walk(Path folder, String path) throws IOException {
    for (String child : children(folder)) {
      if (found.size() >= limit) {
        return;
      }
      String name = path + child;
      if (child.endsWith("/")) {
        if (mayHold(name)) {
          walk(folder.resolve(child), name);
        }
      } else if (name.startsWith(prefix) && name.compareTo(after) > 0) {
        add(folder.resolve(child), name);
      }
    }
  }

  private boolean mayHold(String folder) {
    boolean below = folder.startsWith(prefix) || prefix.startsWith(folder);
    return below && (folder.compareTo(after) > 0 || after.startsWith(folder));
  }

  /** Folders sort as if their slash were a character of their name, as in S3. */
  private List<String> children(Path folder) throws IOException {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(folder)) {
      for (Path child : all) {
        String name = String.valueOf(child.getFileName());
        boolean scratch = folder.equals(root) && name.equals(FolderBlobs.SCRATCH);
        if (!scratch) {
          names.add(Files.isDirectory(child) ? name + "/" : name);
        }
      }
    } catch (NoSuchFileException | NotDirectoryException gone) {
      return List.of();
    }
    names.sort(null);
    return names;
  }

  private void add(Path file, String name) throws IOException {
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      found.add(new BlobInfo(name, attributes.size(), attributes.lastModifiedTime().toInstant()));
    } catch (NoSuchFileException gone) {
      return; // deleted meanwhile
    }
  }
}
