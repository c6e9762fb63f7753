package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Sandbox;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Disks of sandboxes that are forked again and again. */
@OnPlatform
@Order(41)
class DiskFoldTest {
  private static final String SUM =
      "sync; echo 3 > /proc/sys/vm/drop_caches; cat /root/* | sha256sum";

  private final TestPlatform platform;

  DiskFoldTest(TestPlatform platform) {
    this.platform = platform;
  }

  @Test
  void aLongChainIsFoldedAndNothingOfItIsLost() {
    List<Sandbox> kept = new ArrayList<>();
    List<String> sums = new ArrayList<>();
    try (Sandbox parent = platform.createWarm()) {
      for (int round = 0; round < 18; round++) {
        bash(parent, "head -c 512K /dev/urandom > /root/part-" + round);
        String sum = bash(parent, SUM);
        Sandbox child = parent.fork(1).getFirst();
        if (round % 7 == 0) {
          kept.add(child);
          sums.add(sum);
        } else {
          assertThat(bash(child, SUM)).isEqualTo(sum);
          child.delete();
        }
      }
      platform.machine(parent).foldDisk(1);
      assertThat(platform.machine(parent).diskLayers()).isEqualTo(1);
      String last = bash(parent, SUM);
      Sandbox after = parent.fork(1).getFirst();
      assertThat(bash(after, SUM)).isEqualTo(last);
      after.delete();
      for (int i = 0; i < kept.size(); i++) {
        assertThat(bash(kept.get(i), SUM)).isEqualTo(sums.get(i));
        kept.get(i).delete();
      }
      assertThat(bash(parent, SUM)).isEqualTo(last);
    }
  }

  @Test
  void aForkAddsALayerOnlyToADiskThatWasWritten() throws Exception {
    try (Sandbox parent = platform.createWarm()) {
      bash(parent, "echo before > /root/part; sync");
      parent.fork(1).forEach(Sandbox::delete);
      int layers = platform.machine(parent).diskLayers();
      for (int round = 0; round < 5; round++) {
        Sandbox child = parent.fork(1).getFirst();
        assertThat(bash(child, "cat /root/part; echo mine > /root/part")).isEqualTo("before");
        child.delete();
      }
      assertThat(platform.machine(parent).diskLayers())
          .as("one, if the file system has put itself in order meanwhile")
          .isBetween(layers, layers + 1);
      layers = platform.machine(parent).diskLayers();

      bash(parent, "echo after > /root/part; sync");
      Sandbox child = parent.fork(1).getFirst();
      assertThat(platform.machine(parent).diskLayers()).isEqualTo(layers + 1);
      assertThat(bash(child, "cat /root/part")).isEqualTo("after");
      child.delete();
    }
  }

  @Test
  void aForkGivesUpAFoldThatIsUnderWay() throws Exception {
    try (Sandbox parent = platform.createWarm()) {
      bash(parent, "head -c 24M /dev/zero | tr '\\0' x > /root/large; sync");
      String sum = bash(parent, SUM);
      parent.fork(1).forEach(Sandbox::delete);
      Thread fold = Thread.ofVirtual().start(() -> platform.machine(parent).foldDisk(1));
      Awaitility.await().atMost(TestPlatform.PATIENCE).until(() -> fold.isAlive());
      Sandbox child = parent.fork(1).getFirst();
      assertThat(bash(child, SUM)).isEqualTo(sum);
      fold.join();
      assertThat(bash(parent, SUM)).isEqualTo(sum);
      child.delete();
    }
  }
}
