package dev.podflare.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.common.DataSize;
import org.junit.jupiter.api.Test;

/** Both sides of the rule, and what each asks of the host. */
class ForkMemoryTest {
  private static final DataSize TEMPLATE = DataSize.ofMebibytes(200);

  @Test
  void usualOwnPagesAreWrittenIntoBlanks() {
    for (int children : new int[] {1, 5, 32, 100}) {
      ForkMemory plan = ForkMemory.choose(children, mebibytes(20), TEMPLATE);
      assertThat(plan)
          .isEqualTo(new ForkMemory(ForkMemory.Way.COPIES, mebibytes(20L * (children + 1))));
    }
  }

  @Test
  void muchForManyIsWrittenOnce() {
    ForkMemory plan = ForkMemory.choose(16, mebibytes(1024), TEMPLATE);
    assertThat(plan).isEqualTo(new ForkMemory(ForkMemory.Way.SHARED_IMAGE, mebibytes(2248)));
  }

  @Test
  void oneChildGetsAnImageOnlyWhereItsBlankWouldTakeLonger() {
    assertThat(ForkMemory.choose(1, mebibytes(150), TEMPLATE).way())
        .isEqualTo(ForkMemory.Way.COPIES);
    assertThat(ForkMemory.choose(1, mebibytes(300), TEMPLATE).way())
        .isEqualTo(ForkMemory.Way.SHARED_IMAGE);
  }

  private static long mebibytes(long count) {
    return count << 20;
  }
}
