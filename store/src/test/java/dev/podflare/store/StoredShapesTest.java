package dev.podflare.store;

import static dev.podflare.store.TestRecords.NOW;
import static dev.podflare.store.TestRecords.sandbox;
import static dev.podflare.store.TestRecords.saved;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.store.SavedMachine.Kind;
import dev.podflare.store.testing.TestDatabase;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
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
class StoredShapesTest {
  private static final StoredShape ONE =
      new StoredShape("image1", "chk_shape1", "default", "d1", 5L << 30);

  private final TestDatabase database;

  @TempDir Path folder;
  private Store store;

  StoredShapesTest(TestDatabase database) {
    this.database = database;
  }

  @BeforeEach
  void open() {
    store = Store.open(database.of(folder), "a", Clock.fixed(NOW, ZoneOffset.UTC));
  }

  @AfterEach
  void close() {
    store.close();
  }

  @Test
  void theFirstOfAnImageCounts() {
    assertThat(store.shapes().need("image1")).isEmpty();
    assertThat(store.shapes().add(ONE)).isTrue();
    assertThat(store.shapes().add(new StoredShape("image1", "chk_other", "default", "d1", 1)))
        .isFalse();
    assertThat(store.shapes().need("image1")).contains(ONE);
    assertThat(store.shapes().find("image1")).contains(ONE);
    assertThat(store.shapes().images()).containsExactly("image1");
    assertThat(store.shapes().checkpoints()).containsExactly("chk_shape1");
  }

  @Test
  void whatNobodyStandsOnIsForgottenOnceItWasNotNeededForLong() {
    store.shapes().add(ONE);
    store.shapes().add(new StoredShape("image2", "chk_shape2", "default", "d1", 1));
    store.sandboxes().insert(sandbox("sbx_1", "key_a"), Origin.TEMPLATE);
    SavedMachine snapshot = saved("snp_1", Kind.SNAPSHOT, "sbx_1", Optional.of("name"));
    store.saved().insert(snapshot);
    assertThat(store.shapes().forget(NOW)).as("both were needed just now").isZero();
    assertThat(store.shapes().forget(NOW.plusMillis(1))).isEqualTo(1);
    assertThat(store.shapes().images()).as("the snapshot stands on it").containsExactly("image1");
    store.saved().delete(snapshot, "deleted", "", NOW);
    assertThat(store.shapes().forget(NOW.plusMillis(1))).isEqualTo(1);
    assertThat(store.shapes().need("image1")).isEmpty();
  }

  @Test
  void whatSomebodyHasLostIsForgotten() {
    store.shapes().add(ONE);
    Set<String> before = store.shapes().checkpoints();
    store.shapes().add(new StoredShape("image2", "chk_shape2", "default", "d1", 1));
    assertThat(store.shapes().forgetLost(before, Set.of("chk_shape1", "chk_other"))).isZero();
    assertThat(store.shapes().forgetLost(before, Set.of("chk_other"))).isEqualTo(1);
    assertThat(store.shapes().images()).as("one that came later").containsExactly("image2");
  }

  @Test
  void whoNeedsOneKeepsItFromBeingForgotten() {
    store.shapes().add(ONE);
    store.close();
    Duration later = Duration.ofDays(2);
    store = Store.open(database.of(folder), "a", Clock.fixed(NOW.plus(later), ZoneOffset.UTC));
    assertThat(store.shapes().need("image1")).contains(ONE);
    assertThat(store.shapes().forget(NOW.plusSeconds(60))).isZero();
    assertThat(store.shapes().need("image1")).contains(ONE);
  }
}
