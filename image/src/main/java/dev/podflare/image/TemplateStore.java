package dev.podflare.image;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The built templates below one folder.
 *
 * <pre>
 * NAME/DIGEST/{manifest.json, recipe.yaml, vmlinuz, initrd, disk.raw, build.log}
 * NAME/current       digest of the build that NAME means now
 * .base/KEY/root     files of installed packages, to start other builds from
 * .building-KEY/     a build under way, or what is left of one that died
 * .locks/KEY.lock    held by the builder of KEY while it lives
 * .logs/KEY.log      log of the last failed build
 * </pre>
 *
 * <p>Builds come into being by one rename, so whatever is here is whole. Thread-safe, and safe
 * beside other processes.
 */
public final class TemplateStore {
  private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9-]{0,62}");
  private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{32}");
  private static final Comparator<BuiltTemplate> NEWEST_FIRST =
      Comparator.comparing(BuiltTemplate::builtAt).reversed();

  private final Path folder;

  /** {@code folder} is made by the first build; it must be on a file system with sparse files. */
  public TemplateStore(Path folder) {
    this.folder = folder.toAbsolutePath().normalize();
  }

  public Path folder() {
    return folder;
  }

  /** The current build of each template, by name. */
  public List<BuiltTemplate> list() {
    return names().stream().flatMap(name -> find(name).stream()).toList();
  }

  /** The build that a name means now; empty when there is none. Any text may be asked for. */
  public Optional<BuiltTemplate> find(String name) {
    if (!NAME.matcher(name).matches()) {
      return Optional.empty();
    }
    return currentDigest(name)
        .flatMap(digest -> find(name, digest))
        .or(() -> builds(name).stream().findFirst());
  }

  /** A certain build; empty when there is none. */
  public Optional<BuiltTemplate> find(String name, String digest) {
    return wellFormed(name, digest)
        ? Manifest.load(folder.resolve(name).resolve(digest))
        : Optional.empty();
  }

  /** Whether a build may be called so; such names lead to no other folder. */
  static boolean wellFormed(String name, String digest) {
    return NAME.matcher(name).matches() && DIGEST.matcher(digest).matches();
  }

  /** All builds of a template, newest first. */
  public List<BuiltTemplate> builds(String name) {
    return entries(folder.resolve(name)).stream()
        .flatMap(digest -> find(name, digest).stream())
        .sorted(NEWEST_FIRST)
        .toList();
  }

  /**
   * Removes what builders that died have left: their processes and their folders. Builds under way
   * are left alone.
   *
   * @return how many builds were swept away
   */
  public int sweep() {
    int swept = 0;
    for (String name : entries(folder)) {
      if (name.startsWith(Workspace.PREFIX) && Workspace.sweep(folder, name)) {
        swept++;
      }
    }
    return swept;
  }

  /**
   * Removes builds that no name means any more and no machine uses.
   *
   * @param inUse true for a build that must stay
   * @return what was removed
   */
  public List<BuiltTemplate> prune(java.util.function.Predicate<BuiltTemplate> inUse) {
    List<BuiltTemplate> removed = new ArrayList<>();
    for (String name : names()) {
      Optional<BuiltTemplate> current = find(name);
      for (BuiltTemplate build : builds(name)) {
        boolean isCurrent = current.filter(at -> at.digest().equals(build.digest())).isPresent();
        if (!isCurrent && !inUse.test(build)) {
          remove(build);
          removed.add(build);
        }
      }
    }
    return removed;
  }

  Optional<BuiltTemplate> findByInputs(String name, String inputs) {
    return builds(name).stream().filter(build -> build.inputs().equals(inputs)).findFirst();
  }

  void makeCurrent(BuiltTemplate build) throws IOException {
    if (!currentDigest(build.name()).equals(Optional.of(build.digest()))) {
      Durable.replace(folder.resolve(build.name()).resolve("current"), build.digest() + "\n");
    }
  }

  private void remove(BuiltTemplate build) {
    try (Workspace workspace =
        Workspace.open(folder, "prune-" + build.digest(), Duration.ofMinutes(1), waited -> {})) {
      // Out of sight in one step; a crash while deleting leaves only what the next sweep removes.
      Files.move(build.directory(), workspace.path("removed"));
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.INTERNAL, "Cannot remove the template build " + build.directory() + ".", e);
    }
  }

  private List<String> names() {
    return entries(folder).stream().filter(name -> NAME.matcher(name).matches()).toList();
  }

  private Optional<String> currentDigest(String name) {
    try {
      Path file = folder.resolve(name).resolve("current");
      return Files.isRegularFile(file) && Files.size(file) < 100
          ? Optional.of(Files.readString(file).strip())
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static List<String> entries(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "Cannot list " + folder + ".", e);
    }
  }
}
