package dev.podflare.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.PodflareException;
import dev.podflare.store.testing.TestDatabase;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource
class FamilyRecordsTest {
  private static final Instant NOW = Instant.parse("2026-05-04T03:02:01Z");

  private final TestDatabase database;

  @TempDir Path folder;

  FamilyRecordsTest(TestDatabase database) {
    this.database = database;
  }

  private Store store;

  @BeforeEach
  void open() {
    store = Store.open(database.of(folder), "a", Clock.fixed(NOW, ZoneOffset.UTC));
  }

  @AfterEach
  void close() {
    store.close();
  }

  @Test
  void childrenAreAddedTogetherOrNotAtAll() {
    store.sandboxes().insert(sandbox("sbx_p", Optional.empty()), Origin.TEMPLATE);
    List<SandboxRecord> children =
        List.of(sandbox("sbx_a", Optional.of("sbx_p")), sandbox("sbx_p", Optional.of("sbx_p")));
    assertThatThrownBy(
            () -> store.sandboxes().insertForks(sandbox("sbx_p", Optional.empty()), children))
        .isInstanceOf(PodflareException.class);
    assertThat(store.sandboxes().find("sbx_a")).isEmpty();
    store.sandboxes().insertForks(sandbox("sbx_p", Optional.empty()), children.subList(0, 1));
    assertThat(store.sandboxes().find("sbx_a")).contains(children.getFirst());
  }

  @Test
  void aMergeClosesTheWinnerAndMovesItsChildren() {
    store.sandboxes().insert(sandbox("sbx_p", Optional.empty()), Origin.TEMPLATE);
    store.sandboxes().insert(sandbox("sbx_w", Optional.of("sbx_p")), Origin.TEMPLATE);
    store.sandboxes().insert(sandbox("sbx_s", Optional.of("sbx_p")), Origin.TEMPLATE);
    store.sandboxes().insert(sandbox("sbx_g", Optional.of("sbx_w")), Origin.TEMPLATE);
    assertThat(merge("sbx_p", "sbx_w")).isTrue();
    SandboxRecord winner = store.sandboxes().find("sbx_w").orElseThrow();
    assertThat(winner.closeReason()).contains("merged");
    assertThat(winner.closeMessage()).contains("merged into sbx_p");
    assertThat(store.sandboxes().find("sbx_g").orElseThrow().parent()).contains("sbx_p");
    assertThat(store.sandboxes().live())
        .extracting(SandboxRecord::id)
        .containsExactlyInAnyOrder("sbx_p", "sbx_s", "sbx_g");
  }

  @Test
  void aMergeWithOneThatIsGoneChangesNothing() {
    store.sandboxes().insert(sandbox("sbx_p", Optional.empty()), Origin.TEMPLATE);
    store.sandboxes().insert(sandbox("sbx_w", Optional.of("sbx_p")), Origin.TEMPLATE);
    store.sandboxes().insert(sandbox("sbx_g", Optional.of("sbx_w")), Origin.TEMPLATE);
    store.sandboxes().close("sbx_p", "deleted", NOW);
    assertThat(merge("sbx_p", "sbx_w")).isFalse();
    assertThat(merge("sbx_none", "sbx_w")).isFalse();
    assertThat(store.sandboxes().find("sbx_w").orElseThrow().closedAt()).isEmpty();
    assertThat(store.sandboxes().find("sbx_g").orElseThrow().parent()).contains("sbx_w");
  }

  @Test
  void descendantsAreFoundOverGenerationsAlsoThoseThatAreGone() {
    store.sandboxes().insert(sandbox("sbx_0", Optional.empty()), Origin.TEMPLATE);
    store.sandboxes().insert(sandbox("sbx_1", Optional.of("sbx_0")), Origin.TEMPLATE);
    store.sandboxes().insert(sandbox("sbx_2", Optional.of("sbx_1")), Origin.TEMPLATE);
    store.sandboxes().insert(sandbox("sbx_3", Optional.of("sbx_2")), Origin.TEMPLATE);
    store.sandboxes().insert(sandbox("sbx_x", Optional.of("sbx_0")), Origin.TEMPLATE);
    store.sandboxes().close("sbx_2", "deleted", NOW);
    assertThat(store.sandboxes().descendants("sbx_1", 10))
        .extracting(SandboxRecord::id)
        .containsExactly("sbx_1", "sbx_2", "sbx_3");
    assertThat(store.sandboxes().descendants("sbx_0", 2)).hasSize(2);
    assertThat(store.sandboxes().descendants("sbx_none", 10)).isEmpty();
  }

  private boolean merge(String parent, String winner) {
    Optional<String> message = Optional.of("merged into " + parent);
    return store.sandboxes().merge(parent, winner, "merged", message, NOW);
  }

  private static SandboxRecord sandbox(String id, Optional<String> parent) {
    return new SandboxRecord(
        id,
        "key_a",
        "default",
        "ready",
        2,
        1024,
        4,
        false,
        false,
        0,
        "{}",
        SandboxRecord.NO_MOUNTS,
        "[]",
        Map.of(),
        Map.of(),
        parent,
        NOW,
        NOW.plusSeconds(1800),
        Duration.ofMinutes(30),
        Duration.ofMinutes(5),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }
}
