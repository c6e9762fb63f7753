package dev.podflare.image;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.FileTree;
import dev.podflare.common.FullDisk;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Frozen shapes that other hosts have booted, and the builds that they stand on where these are not
 * among the templates, in a folder that one daemon has for itself.
 *
 * <pre>
 * NAME/DIGEST/               a build, as {@link TemplateStore} has it
 * NAME/DIGEST.shapes/IMAGE/  a shape of that build, as {@link ShapeStore} has it
 * .drafts/                   what is being fetched or removed
 * </pre>
 *
 * <p>Both come into being by one rename and are never changed again. Thread-safe.
 */
public final class FetchedShapes {
  private static final Pattern IMAGE = Pattern.compile("[0-9a-f]{32}");
  private static final String SHAPES = ".shapes";

  private final Path folder;
  private final Path drafts;
  private final TemplateStore builds;
  private final String fingerprint;

  /**
   * Removes what a killed daemon has left half done.
   *
   * @param fingerprint of the hypervisor that restores them
   */
  public FetchedShapes(Path folder, String fingerprint) {
    this.folder = folder.toAbsolutePath().normalize();
    this.drafts = this.folder.resolve(".drafts");
    this.builds = new TemplateStore(folder);
    this.fingerprint = fingerprint;
    discard(drafts);
  }

  /** Files that a build consists of, by their names, which {@link #keepBuild} expects again. */
  public static Map<String, Path> files(BuiltTemplate build) {
    return existing(
        build.directory(),
        List.of(Manifest.FILE, Manifest.RECIPE, Manifest.KERNEL, Manifest.INITRD, Manifest.DISK));
  }

  /** Files that a shape consists of, by their names, which {@link #keep} expects again. */
  public static Map<String, Path> files(FrozenShape shape) {
    return existing(
        shape.folder(),
        List.of(ShapeManifest.FILE, FrozenShape.MEMORY, FrozenShape.DEVICES, FrozenShape.LAYER));
  }

  private static Map<String, Path> existing(Path folder, List<String> names) {
    Map<String, Path> files = new LinkedHashMap<>();
    for (String name : names) {
      Path file = folder.resolve(name);
      if (Files.exists(file)) {
        files.put(name, file);
      }
    }
    return files;
  }

  /** A build that was fetched. */
  public Optional<BuiltTemplate> build(String name, String digest) {
    return builds.find(name, digest);
  }

  /** A shape that was fetched and that this host's hypervisor can restore. */
  public Optional<FrozenShape> find(BuiltTemplate build, Shape shape, DataSize disk, String image) {
    if (!IMAGE.matcher(image).matches()) {
      return Optional.empty();
    }
    Path place = shapes(build.name(), build.digest()).resolve(image);
    return ShapeManifest.fitting(place, fingerprint)
        .filter(manifest -> manifest.image().equals(image))
        .map(manifest -> new FrozenShape(build, shape, disk, image, place));
  }

  /** A new, empty folder, for the files of a build or of a shape. */
  public Path draft() {
    try {
      Files.createDirectories(drafts);
      return Files.createTempDirectory(
          drafts,
          "",
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } catch (IOException e) {
      throw FullDisk.orFault("cannot make a folder for a shape", e);
    }
  }

  /** What is left of a draft. What cannot be removed goes with the next start. */
  public void discard(Path draft) {
    try {
      FileTree.delete(draft);
    } catch (IOException leftForLater) {
      // It is in nobody's way.
    }
  }

  /** Takes a draft for the build; durable when it returns. Empty if the draft is none of it. */
  public Optional<BuiltTemplate> keepBuild(Path draft, String name, String digest) {
    if (!TemplateStore.wellFormed(name, digest)) {
      return Optional.empty();
    }
    move(draft, folder.resolve(name).resolve(digest));
    return build(name, digest);
  }

  /** Takes a draft for the shape; durable when it returns. Empty if the draft is none of it. */
  public Optional<FrozenShape> keep(
      Path draft, BuiltTemplate build, Shape shape, DataSize disk, String image) {
    if (!IMAGE.matcher(image).matches()) {
      return Optional.empty();
    }
    move(draft, shapes(build.name(), build.digest()).resolve(image));
    return find(build, shape, disk, image);
  }

  /** What is there and was not found is not whole, or does not fit any more. */
  private void move(Path draft, Path place) {
    try {
      remove(place);
      Durable.moveFolder(draft, place);
    } catch (IOException e) {
      throw FullDisk.orFault("cannot keep a shape", e);
    }
  }

  private Path shapes(String name, String digest) {
    return folder.resolve(name).resolve(digest + SHAPES);
  }

  /**
   * Removes shapes whose image is not needed and that have been here for longer, then builds that
   * no shape here stands on. Machines that have their files open are not disturbed.
   *
   * @param digests of builds that must stay, since a shape of them is on its way
   */
  public void keepOnly(Set<String> images, Set<String> digests, Instant before) {
    try {
      for (Path name : entries(folder)) {
        List<Path> places = name.equals(drafts) ? List.of() : entries(name);
        for (Path place : places) {
          if (place.toString().endsWith(SHAPES)) {
            keepShapes(place, images, before);
          }
        }
        for (Path place : places) {
          if (Files.isDirectory(place)
              && !place.toString().endsWith(SHAPES)
              && !digests.contains(String.valueOf(place.getFileName()))) {
            keepBuild(place, before);
          }
        }
      }
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "Cannot clean " + folder + ".", e);
    }
  }

  private void keepShapes(Path shapes, Set<String> needed, Instant before) throws IOException {
    for (Path shape : entries(shapes)) {
      if (!needed.contains(String.valueOf(shape.getFileName())) && isOld(shape, before)) {
        remove(shape);
      }
    }
    if (entries(shapes).isEmpty() && isOld(shapes, before)) {
      Files.deleteIfExists(shapes);
    }
  }

  /** A build is fetched before the shape that needs it. */
  private void keepBuild(Path build, Instant before) throws IOException {
    Path shapes = build.resolveSibling(build.getFileName() + SHAPES);
    if (entries(shapes).isEmpty() && isOld(build, before)) {
      remove(build);
    }
  }

  private static boolean isOld(Path path, Instant before) throws IOException {
    return Files.getLastModifiedTime(path).toInstant().isBefore(before);
  }

  private void remove(Path place) throws IOException {
    if (Files.exists(place)) {
      Path away = draft();
      Files.move(place, away.resolve("removed"));
      discard(away);
    }
  }

  private static List<Path> entries(Path folder) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.sorted().toList();
    } catch (NoSuchFileException none) {
      return List.of();
    }
  }
}
