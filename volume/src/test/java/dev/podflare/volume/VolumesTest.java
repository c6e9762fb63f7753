package dev.podflare.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.common.DataSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of the folders of volumes at a start. */
class VolumesTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final VolumeConfig CONFIG =
      new VolumeConfig(
          10,
          DataSize.ofMebibytes(1),
          64 << 10,
          3,
          8,
          Duration.ofSeconds(2),
          Duration.ofMinutes(5));
  private static final Map<String, DataSize> KNOWN =
      Map.of(VolumeRig.FIRST_ID, DataSize.ofMebibytes(1));

  @TempDir Path folder;

  private void start(Map<String, DataSize> known, Instant now) {
    try (Volumes volumes = Volumes.open(folder, CONFIG, known, () -> now)) {
      known.keySet().forEach(id -> assertThat(volumes.usage(id)).isPresent());
    }
  }

  private List<String> names() throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(it -> it.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void whatAWrongDatabaseDoesNotKnowIsThereAgainWithTheRightOne() throws IOException {
    start(KNOWN, NOW);
    Path mark = Files.writeString(folder.resolve(VolumeRig.FIRST_ID).resolve("mark"), "content");
    start(Map.of(), NOW);
    assertThat(mark).doesNotExist();
    assertThat(names()).singleElement().asString().startsWith("unknown-");
    start(Map.of(), NOW.plus(Duration.ofDays(6)));
    start(KNOWN, NOW.plus(Duration.ofDays(6)));
    assertThat(mark).hasContent("content");
    assertThat(names()).containsExactly(VolumeRig.FIRST_ID);
  }

  @Test
  void whatNobodyKnowsIsDeletedAfterAWeek() throws IOException {
    start(KNOWN, NOW);
    start(Map.of(), NOW);
    start(Map.of(), NOW.plus(Duration.ofDays(8)));
    assertThat(names()).isEmpty();
  }

  @Test
  void whatADeletionLeftGoesAtOnce() throws IOException {
    Path left = Files.createDirectories(folder.resolve("deleted-" + VolumeRig.FIRST_ID + "/data"));
    Path ignored = Files.writeString(left.resolve("1"), "content");
    start(KNOWN, NOW);
    assertThat(names()).containsExactly(VolumeRig.FIRST_ID);
  }
}
