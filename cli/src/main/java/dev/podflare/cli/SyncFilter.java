package dev.podflare.cli;

import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.util.regex.PatternSyntaxException;

/** What {@code sync} leaves alone on both sides. Immutable. */
final class SyncFilter {
  private final List<PathMatcher> left;

  /** Patterns as of a shell; without a slash they stand for names in each folder. */
  SyncFilter(List<String> excluded) {
    this.left = excluded.stream().map(SyncFilter::matcher).toList();
  }

  private static PathMatcher matcher(String pattern) {
    String whole = pattern.contains("/") ? pattern.replaceFirst("^/", "") : "{**/,}" + pattern;
    try {
      return FileSystems.getDefault().getPathMatcher("glob:" + whole);
    } catch (PatternSyntaxException e) {
      throw GuestPath.wrong("'" + pattern + "' is no pattern: " + e.getDescription());
    }
  }

  /** Whether it is to be looked at, if its folder is. */
  boolean takes(String name) {
    return left.stream().noneMatch(it -> it.matches(Path.of(name)));
  }

  /** Whether it and each folder above it is to be looked at. */
  boolean takesAll(String name) {
    for (int slash = name.indexOf('/'); slash >= 0; slash = name.indexOf('/', slash + 1)) {
      if (!takes(name.substring(0, slash))) {
        return false;
      }
    }
    return takes(name);
  }
}
