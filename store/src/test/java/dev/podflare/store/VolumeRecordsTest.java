package dev.podflare.store;

import static dev.podflare.store.TestRecords.NOW;
import static dev.podflare.store.TestRecords.sandbox;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.store.VolumeRecords.Outcome;
import dev.podflare.store.testing.TestDatabase;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource
class VolumeRecordsTest {
  private static final String ID = "vol_" + "a1".repeat(16);
  private static final String MOUNTS = "[{\"volume\":\"" + ID + "\"}]";

  private final TestDatabase database;

  @TempDir Path folder;
  private Store store;

  VolumeRecordsTest(TestDatabase database) {
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

  private static VolumeRecord volume(String id, String keyId, String name) {
    return new VolumeRecord(id, keyId, name, "a", 10L << 30, NOW);
  }

  @Test
  void whatIsMadeIsReadAsItWasAndForgotten() {
    VolumeRecord one = volume(ID, "key_a", "data");
    assertThat(store.volumes().insert(one, 5)).isEqualTo(Outcome.MADE);
    assertThat(store.volumes().find(ID)).contains(one);
    assertThat(store.volumes().named("key_a", "data")).contains(one);
    assertThat(store.volumes().named("key_b", "data")).isEmpty();
    assertThat(store.volumes().list(Optional.of("key_a"))).containsExactly(one);
    assertThat(store.volumes().list(Optional.of("key_b"))).isEmpty();
    assertThat(store.volumes().delete(ID)).isTrue();
    assertThat(store.volumes().delete(ID)).isFalse();
    assertThat(store.volumes().find(ID)).isEmpty();
  }

  @Test
  void aNameIsTakenOnceByEachKeyAndEachHasItsLimit() {
    assertThat(store.volumes().insert(volume("vol_1", "key_a", "x"), 2)).isEqualTo(Outcome.MADE);
    assertThat(store.volumes().insert(volume("vol_2", "key_a", "x"), 2)).isEqualTo(Outcome.EXISTS);
    assertThat(store.volumes().insert(volume("vol_3", "key_b", "x"), 2)).isEqualTo(Outcome.MADE);
    assertThat(store.volumes().insert(volume("vol_4", "key_a", "y"), 2)).isEqualTo(Outcome.MADE);
    assertThat(store.volumes().insert(volume("vol_5", "key_a", "z"), 2))
        .isEqualTo(Outcome.TOO_MANY);
    assertThat(store.volumes().insert(volume("vol_6", "key_a", "y"), 2)).isEqualTo(Outcome.EXISTS);
    assertThat(store.volumes().list(Optional.empty())).hasSize(3);
  }

  @Test
  void whoHasAVolumeIsKnownUntilItIsClosed() {
    SandboxRecord plain = sandbox("sbx_1", "key_a");
    store.sandboxes().insert(plain, Origin.TEMPLATE);
    SandboxRecord with = sandbox("sbx_2", "key_a", MOUNTS);
    store.sandboxes().insert(with, Origin.TEMPLATE);
    assertThat(store.sandboxes().find("sbx_2")).contains(with);
    assertThat(store.sandboxes().find("sbx_1")).map(SandboxRecord::mounts).contains("[]");
    assertThat(store.sandboxes().mounting(ID)).containsExactly("sbx_2");
    assertThat(store.sandboxes().mounting("vol_" + "a2".repeat(16))).isEmpty();
    assertThat(store.sandboxes().mounting(ID.replace('_', 'x'))).isEmpty();
    assertThat(store.sandboxes().close("sbx_2", "deleted", NOW)).isTrue();
    assertThat(store.sandboxes().mounting(ID)).isEmpty();
  }
}
