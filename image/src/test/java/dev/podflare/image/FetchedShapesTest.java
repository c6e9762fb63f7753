package dev.podflare.image;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.common.DataSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FetchedShapesTest {
  private static final String DIGEST = "0".repeat(32);
  private static final Shape SHAPE = new Shape(1, DataSize.ofMebibytes(128));
  private static final DataSize DISK = DataSize.ofGibibytes(1);
  private static final String HYPERVISOR = "qemu/tcg";

  @TempDir Path folder;

  private FetchedShapes open() {
    return new FetchedShapes(folder.resolve("shapes"), HYPERVISOR);
  }

  private static BuiltTemplate build(FetchedShapes shapes) throws IOException {
    Path draft = shapes.draft();
    Files.writeString(draft.resolve("vmlinuz"), "kernel");
    Files.writeString(draft.resolve("initrd"), "initrd");
    Files.writeString(draft.resolve("disk.raw"), "disk");
    Files.writeString(
        draft.resolve("manifest.json"),
        """
        {"format":1,"name":"x","digest":"%s","inputs":"i","built_at":"2026-01-02T03:04:05Z",
         "architecture":"amd64","distribution":"debian","suite":"bookworm","kernel_version":"6",
         "vcpus":1,"memory_bytes":134217728,"disk_bytes":4,"kernel_bytes":6,"initrd_bytes":6,
         "warm_up":""}
        """
            .formatted(DIGEST));
    return shapes.keepBuild(draft, "x", DIGEST).orElseThrow();
  }

  private static Path shape(FetchedShapes shapes, String image) throws IOException {
    Path draft = shapes.draft();
    Files.writeString(draft.resolve("memory"), "memory");
    Files.writeString(draft.resolve("devices"), "devices");
    Files.writeString(draft.resolve("disk.qcow2"), "layer");
    new ShapeManifest(ShapeManifest.FORMAT, HYPERVISOR, image, 6, 7, 5).write(draft);
    return draft;
  }

  private static String image(int number) {
    return Integer.toString(number).repeat(32);
  }

  @Test
  void whatWasFetchedIsThereAfterARestartAndDraftsAreNot() throws IOException {
    FetchedShapes shapes = open();
    BuiltTemplate build = build(shapes);
    FrozenShape kept =
        shapes.keep(shape(shapes, image(1)), build, SHAPE, DISK, image(1)).orElseThrow();
    Path left = shape(shapes, image(2));

    FetchedShapes again = open();
    assertThat(left).doesNotExist();
    assertThat(again.build("x", DIGEST)).contains(build);
    assertThat(again.find(build, SHAPE, DISK, image(1))).contains(kept);
    assertThat(again.find(build, SHAPE, DISK, image(2))).isEmpty();
    assertThat(FetchedShapes.files(kept).keySet())
        .containsExactly("manifest.json", "memory", "devices", "disk.qcow2");
    assertThat(FetchedShapes.files(build))
        .containsAllEntriesOf(
            Map.of("vmlinuz", build.kernel(), "initrd", build.initrd(), "disk.raw", build.disk()));
    assertThat(
            new FetchedShapes(folder.resolve("shapes"), "another")
                .find(build, SHAPE, DISK, image(1)))
        .as("of another hypervisor")
        .isEmpty();
  }

  @Test
  void whatIsNotWhatItShouldBeIsNotKept() throws IOException {
    FetchedShapes shapes = open();
    BuiltTemplate build = build(shapes);
    assertThat(shapes.keep(shape(shapes, image(1)), build, SHAPE, DISK, image(2))).isEmpty();
    Path torn = shape(shapes, image(1));
    Files.writeString(torn.resolve("memory"), "mem");
    assertThat(shapes.keep(torn, build, SHAPE, DISK, image(1))).isEmpty();
    assertThat(shapes.keep(shape(shapes, image(1)), build, SHAPE, DISK, "../../x")).isEmpty();
    assertThat(shapes.keepBuild(shapes.draft(), "x", "1".repeat(32))).isEmpty();
    assertThat(shapes.keepBuild(shapes.draft(), "../x", DIGEST)).isEmpty();
    assertThat(folder.resolve("x")).doesNotExist();
    assertThat(shapes.keep(shape(shapes, image(1)), build, SHAPE, DISK, image(1))).isPresent();
  }

  @Test
  void whatNobodyNeedsIsRemovedOnceItIsOld() throws IOException {
    FetchedShapes shapes = open();
    BuiltTemplate build = build(shapes);
    FrozenShape one =
        shapes.keep(shape(shapes, image(1)), build, SHAPE, DISK, image(1)).orElseThrow();
    FrozenShape two =
        shapes.keep(shape(shapes, image(2)), build, SHAPE, DISK, image(2)).orElseThrow();
    Instant now = Instant.now();
    shapes.keepOnly(Set.of(), Set.of(), now.minusSeconds(3600));
    assertThat(shapes.find(build, SHAPE, DISK, image(1))).as("young").isPresent();

    age(one.folder(), two.folder(), build.directory());
    shapes.keepOnly(Set.of(image(1)), Set.of(), now.minusSeconds(3600));
    assertThat(shapes.find(build, SHAPE, DISK, image(1))).isPresent();
    assertThat(shapes.find(build, SHAPE, DISK, image(2))).isEmpty();
    assertThat(shapes.build("x", DIGEST)).isPresent();

    shapes.keepOnly(Set.of(), Set.of(DIGEST), now.minusSeconds(3600));
    assertThat(shapes.build("x", DIGEST)).as("another shape of it is on its way").isPresent();
    shapes.keepOnly(Set.of(), Set.of(), now.minusSeconds(3600));
    assertThat(shapes.find(build, SHAPE, DISK, image(1))).isEmpty();
    assertThat(shapes.build("x", DIGEST)).isEmpty();
  }

  private static void age(Path... paths) throws IOException {
    for (Path path : paths) {
      Files.setLastModifiedTime(path, FileTime.from(Instant.now().minusSeconds(7200)));
    }
  }
}
