package dev.podflare.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdmissionTest {
  private static final DataSize SMALL = DataSize.ofMebibytes(512);

  @TempDir Path data;

  @Test
  void aKeyHasItsOwnLimits() {
    Admission admission = admission(100, 4.0, DataSize.ofMebibytes(1));
    Caller two = caller("a", OptionalInt.of(2), OptionalLong.empty());
    Admission.Place first = admission.admit(two, SMALL);
    admission.admit(two, SMALL);
    assertThat(refusal(admission, two).code()).isEqualTo(ErrorCode.TOO_MANY_SANDBOXES);
    admission.admit(caller("b", OptionalInt.empty(), OptionalLong.empty()), SMALL);
    first.release();
    first.release();
    admission.admit(two, SMALL);
    assertThat(refusal(admission, two).code()).isEqualTo(ErrorCode.TOO_MANY_SANDBOXES);
  }

  @Test
  void aKeysMemoryIsCounted() {
    Admission admission = admission(100, 4.0, DataSize.ofMebibytes(1));
    Caller small = caller("a", OptionalInt.empty(), OptionalLong.of(700));
    admission.admit(small, SMALL);
    PodflareException refused = refusal(admission, small);
    assertThat(refused.code()).isEqualTo(ErrorCode.TOO_MUCH_MEMORY);
    assertThat(refused.details()).containsEntry("max_memory_bytes", 700L << 20);
  }

  @Test
  void theHostSaysWhichFigureIsAtItsLimit() {
    Caller caller = caller("a", OptionalInt.of(1000), OptionalLong.empty());
    Admission few = admission(1, 4.0, DataSize.ofMebibytes(1));
    few.admit(caller, SMALL);
    assertThat(refusal(few, caller).details()).containsEntry("limit", 1L);
    assertThat(few.accepting()).isFalse();

    Admission promised = admission(100, 0.0, DataSize.ofMebibytes(1));
    assertThat(refusal(promised, caller).details()).containsKey("promised_memory_bytes");

    Admission reserve = admission(100, 1e6, DataSize.ofGibibytes(100_000));
    assertThat(refusal(reserve, caller).details()).containsKey("available_memory_bytes");
    assertThat(refusal(reserve, caller).code()).isEqualTo(ErrorCode.HOST_FULL);
  }

  @Test
  void aRefusedOneReservesNothing() {
    Admission admission = admission(1, 4.0, DataSize.ofMebibytes(1));
    Caller caller = caller("a", OptionalInt.of(5), OptionalLong.empty());
    Admission.Place place = admission.admit(caller, SMALL);
    refusal(admission, caller);
    place.release();
    admission.admit(caller, SMALL);
  }

  @Test
  void severalAreTakenTogetherOrNotAtAll() {
    Admission admission = admission(10, 4.0, DataSize.ofMebibytes(1));
    Caller four = caller("a", OptionalInt.of(4), OptionalLong.of(2048));
    admission.admit(four, SMALL);
    assertThatThrownBy(() -> admission.admit(four, SMALL, 4, 0))
        .hasFieldOrPropertyWithValue("code", ErrorCode.TOO_MANY_SANDBOXES)
        .hasMessageContaining("4 more");
    assertThatThrownBy(() ->
            admission.admit(caller("b", OptionalInt.of(50), OptionalLong.empty()), SMALL, 10, 0))
        .hasFieldOrPropertyWithValue("code", ErrorCode.HOST_FULL);
    admission.admit(four, SMALL, 3, 0);
    assertThat(refusal(admission, four).code()).isEqualTo(ErrorCode.TOO_MANY_SANDBOXES);
  }

  @Test
  void copiesMustFitIntoWhatTheHostHasLeft() {
    Admission admission = admission(10, 4.0, DataSize.ofMebibytes(1));
    Caller caller = caller("a", OptionalInt.of(50), OptionalLong.empty());
    assertThatThrownBy(() -> admission.admit(caller, SMALL, 2, 1L << 50))
        .hasFieldOrPropertyWithValue("code", ErrorCode.HOST_FULL);
    admission.admit(caller, SMALL, 2, 1 << 20);
  }

  @Test
  void aClosedOneTakesNobody() {
    Admission admission = admission(10, 4.0, DataSize.ofMebibytes(1));
    admission.close();
    assertThatThrownBy(
            () -> admission.admit(caller("a", OptionalInt.empty(), OptionalLong.empty()), SMALL))
        .hasFieldOrPropertyWithValue("code", ErrorCode.SHUTTING_DOWN);
  }

  private static PodflareException refusal(Admission admission, Caller caller) {
    PodflareException refused =
        catchThrowableOfType(PodflareException.class, () -> admission.admit(caller, SMALL));
    assertThat(refused).isNotNull();
    return refused;
  }

  private Admission admission(int sandboxes, double overcommit, DataSize reserve) {
    EngineConfig.Limits usual = EngineConfig.Limits.defaults();
    return new Admission(
        new EngineConfig.Limits(
            sandboxes,
            usual.sandboxesPerKey(),
            overcommit,
            reserve,
            DataSize.ofMebibytes(1),
            usual.queuedExecutions(),
            usual.codeBytes(),
            usual.maxFork(),
            usual.maxUndo(),
            usual.undoDisk(),
            usual.processes(),
            usual.contexts(),
            usual.outputBytes()),
        data);
  }

  private static Caller caller(String key, OptionalInt sandboxes, OptionalLong memory) {
    return new Caller(key, false, sandboxes, memory);
  }
}
