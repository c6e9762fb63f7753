package dev.podflare.store;

import static dev.podflare.store.TestRecords.NOW;
import static dev.podflare.store.TestRecords.sandbox;
import static dev.podflare.store.TestRecords.saved;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.store.SavedMachine.Kind;
import dev.podflare.store.testing.TestDatabase;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource
class SavedMachinesTest {
  private final TestDatabase database;

  @TempDir Path folder;
  private Store store;

  SavedMachinesTest(TestDatabase database) {
    this.database = database;
  }

  @BeforeEach
  void open() {
    store = Store.open(database.of(folder), "a", Clock.fixed(NOW, ZoneOffset.UTC));
    store.sandboxes().insert(sandbox("sbx_1", "key_a"), Origin.TEMPLATE);
  }

  @AfterEach
  void close() {
    store.close();
  }

  @Test
  void whatIsSavedIsReadAsItWas() {
    SavedMachine one = saved("snp_1", Kind.SNAPSHOT, "sbx_1", Optional.of("name"));
    assertThat(store.saved().insert(one)).isTrue();
    assertThat(store.saved().find("snp_1")).contains(one);
    assertThat(store.saved().list(Kind.SNAPSHOT, Optional.of("key_a"))).containsExactly(one);
    assertThat(store.saved().list(Kind.SNAPSHOT, Optional.empty())).containsExactly(one);
    assertThat(store.saved().list(Kind.SNAPSHOT, Optional.of("key_b"))).isEmpty();
    assertThat(store.saved().checkpoints()).containsExactly("chk_of_snp_1");
    assertThat(store.saved().images()).containsExactly("image1");
  }

  @Test
  void aNameIsTakenOnceByEachKey() {
    assertThat(store.saved().insert(saved("snp_1", Kind.SNAPSHOT, "sbx_1", Optional.of("n"))))
        .isTrue();
    assertThat(store.saved().insert(saved("snp_2", Kind.SNAPSHOT, "sbx_1", Optional.of("n"))))
        .isFalse();
    assertThat(store.saved().find("snp_2")).isEmpty();
    assertThat(store.saved().insert(saved("snp_3", Kind.SNAPSHOT, "sbx_1", Optional.empty())))
        .isTrue();
    assertThat(store.saved().insert(saved("snp_4", Kind.SNAPSHOT, "sbx_1", Optional.empty())))
        .isTrue();
  }

  @Test
  void aFrozenSandboxIsWokenOnce() {
    SavedMachine space = saved("spc_1", Kind.SPACE, "sbx_1", Optional.empty());
    assertThat(store.saved().freeze(space, "requested")).isTrue();
    assertThat(store.sandboxes().frozen()).extracting(SandboxRecord::id).containsExactly("sbx_1");
    assertThat(store.saved().ofFrozen("sbx_1")).contains(space);

    assertThat(store.saved().wake(space, NOW.plusSeconds(60))).isTrue();
    assertThat(store.saved().wake(space, NOW.plusSeconds(70))).isFalse();
    SandboxRecord awake = store.sandboxes().find("sbx_1").orElseThrow();
    assertThat(awake.state()).isEqualTo("ready");
    assertThat(awake.expiresAt()).isEqualTo(NOW.plusSeconds(60));
    assertThat(store.saved().find("spc_1")).as("kept, but not to be seen").isEmpty();
    assertThat(store.saved().checkpoints()).containsExactly("chk_of_spc_1");

    assertThat(store.saved().restoreLast(Set.of()))
        .extracting(SavedMachine::id)
        .containsExactly("spc_1");
    assertThat(store.saved().ofFrozen("sbx_1")).contains(space);
  }

  @Test
  void aSpaceThatIsNotPersistentIsGoneWhenItIsWoken() {
    SavedMachine space = saved("spc_1", Kind.SPACE, "sbx_1", Optional.empty(), false);
    store.saved().freeze(space, "requested");
    assertThat(store.saved().wake(space, NOW.plusSeconds(60))).isTrue();
    assertThat(store.saved().checkpoints()).isEmpty();
    assertThat(store.saved().restoreLast(Set.of())).isEmpty();
  }

  @Test
  void whatIsClosedIsNotFrozen() {
    store.sandboxes().close("sbx_1", "deleted", NOW);
    assertThat(
            store
                .saved()
                .freeze(saved("spc_1", Kind.SPACE, "sbx_1", Optional.empty()), "requested"))
        .isFalse();
    assertThat(store.saved().find("spc_1")).isEmpty();
  }

  @Test
  void aSpaceGoesOnAsANewSandbox() {
    SavedMachine space = saved("spc_1", Kind.SPACE, "sbx_1", Optional.empty());
    store.saved().freeze(space, "requested");
    assertThat(store.saved().moveTo(space, sandbox("sbx_2", "key_a"), "resumed", "as sbx_2"))
        .isTrue();
    assertThat(store.saved().moveTo(space, sandbox("sbx_3", "key_a"), "resumed", "as sbx_3"))
        .isFalse();
    assertThat(store.sandboxes().find("sbx_1").orElseThrow().closeMessage()).contains("as sbx_2");
    assertThat(store.sandboxes().find("sbx_2").orElseThrow().closedAt()).isEmpty();
    assertThat(store.sandboxes().find("sbx_3")).isEmpty();
    store.sandboxes().close("sbx_2", "deleted", NOW);
    assertThat(store.saved().deleteStrayLast()).isEqualTo(1);
    assertThat(store.saved().checkpoints()).isEmpty();
  }

  @Test
  void aSpaceIsDeletedWithItsSandbox() {
    SavedMachine space = saved("spc_1", Kind.SPACE, "sbx_1", Optional.empty());
    store.saved().freeze(space, "requested");
    assertThat(store.saved().delete(space, "deleted", "was deleted", NOW)).isTrue();
    assertThat(store.saved().delete(space, "deleted", "was deleted", NOW)).isFalse();
    assertThat(store.sandboxes().find("sbx_1").orElseThrow().closeReason()).contains("deleted");
  }
}
