package dev.podflare.tests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** The files of this repository, without what builds make of them. Immutable. */
final class SourceTree {
  private final Path root;
  private final List<Path> sources;

  private SourceTree(Path root) {
    this.root = root;
    this.sources = walk(root);
  }

  /** The tree that the tests run in. */
  static SourceTree find() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.exists(folder.resolve("podflare"))) {
      folder = Objects.requireNonNull(folder.getParent(), "not in a checkout of Podflare");
    }
    return new SourceTree(folder);
  }

  private static List<Path> walk(Path root) {
    List<Path> files = new ArrayList<>();
    try (Stream<Path> modules = Files.list(root)) {
      for (Path module : modules.map(it -> it.resolve("src")).filter(Files::isDirectory).toList()) {
        try (Stream<Path> tree = Files.walk(module)) {
          tree.filter(Files::isRegularFile).forEach(files::add);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return List.copyOf(files);
  }

  Path root() {
    return root;
  }

  /** Files of all modules' {@code src} folders. */
  Stream<Path> sources() {
    return sources.stream();
  }

  /** Documents, by their path from the root. */
  List<String> pages() {
    List<String> pages = new ArrayList<>();
    for (Path folder : List.of(root, root.resolve("docs"), root.resolve("docs/decisions"))) {
      try (Stream<Path> entries = Files.list(folder)) {
        entries
            .filter(file -> file.toString().endsWith(".md"))
            .map(file -> root.relativize(file).toString())
            .forEach(pages::add);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return pages;
  }

  String textBelow(String folder) {
    StringBuilder text = new StringBuilder();
    sources()
        .filter(file -> file.startsWith(root.resolve(folder)))
        .forEach(file -> text.append(read(file)));
    return text.toString();
  }

  String read(String page) {
    return read(root.resolve(page));
  }

  String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
