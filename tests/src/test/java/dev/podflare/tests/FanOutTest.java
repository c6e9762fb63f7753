package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.ApiException;
import dev.podflare.client.FanOutListener;
import dev.podflare.client.FanOutOptions;
import dev.podflare.client.FanOutOptions.Pick;
import dev.podflare.client.FannedOut;
import dev.podflare.client.Forked;
import dev.podflare.client.Language;
import dev.podflare.client.Sandbox;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Fork, run in every child, keep the best: in one call. */
@OnPlatform
@Order(37)
class FanOutTest {
  private final TestPlatform platform;

  FanOutTest(TestPlatform platform) {
    this.platform = platform;
  }

  @Test
  void theBestChildGoesOnAsTheSandboxAndTheOthersAreClosed() {
    try (Sandbox parent = platform.createWarm()) {
      python(parent, "base = 10");
      List<Integer> ended = new ArrayList<>();
      FannedOut done =
          parent.fanOut(
              FanOutOptions.each(
                      List.of(
                          "found = base - 1; print('x'); print(found)",
                          "found = base * 2; print(found)",
                          "found = 1000; print(found); raise SystemExit(1)"),
                      Language.PYTHON)
                  .withPick(Pick.MAX),
              new FanOutListener() {
                @Override
                public void ended(int child, dev.podflare.client.RunResult result) {
                  ended.add(child);
                }
              });
      assertThat(ended).containsExactlyInAnyOrder(0, 1, 2);
      assertThat(done.winner().orElseThrow().child()).isEqualTo(1);
      assertThat(done.winner().orElseThrow().value()).hasValue(20);
      assertThat(done.results().get(0).orElseThrow().stdout()).isEqualTo("x\n9\n");
      assertThat(done.children()).isEmpty();
      assertThat(python(parent, "print(found, base)")).isEqualTo("20 10");
      List<Sandbox> children = done.forked().children();
      assertThat(TestPlatform.goneReason(children.get(0))).contains("deleted");
      assertThat(TestPlatform.goneReason(children.get(1))).contains("merged");
      assertThat(TestPlatform.goneReason(children.get(2))).contains("deleted");
    }
  }

  @Test
  void theFirstSuccessIsTakenAndTheOthersAreNotWaitedFor() {
    try (Sandbox parent = platform.createWarm()) {
      FannedOut done =
          parent.fanOut(
              FanOutOptions.each(
                      List.of("sleep 600", "exit 3", "echo it > /root/it; sleep 0.2"),
                      Language.BASH)
                  .withPick(Pick.FIRST_SUCCESS),
              FanOutListener.NONE);
      assertThat(done.winner().orElseThrow().child()).isEqualTo(2);
      assertThat(done.results().getFirst()).isEmpty();
      assertThat(bash(parent, "cat /root/it")).isEqualTo("it");
      assertUsable(parent);
    }
  }

  @Test
  void whereNobodyWinsTheSandboxIsWhatItWas() {
    try (Sandbox parent = platform.createWarm()) {
      python(parent, "kept = 1");
      FannedOut done =
          parent.fanOut(
              FanOutOptions.of(2, "kept = 2; raise ValueError", Language.PYTHON)
                  .withPick(Pick.FIRST_SUCCESS),
              FanOutListener.NONE);
      assertThat(done.winner()).isEmpty();
      assertThat(python(parent, "print(kept)")).isEqualTo("1");
      for (Sandbox child : done.forked().children()) {
        assertThat(TestPlatform.goneReason(child)).contains("deleted");
      }
    }
  }

  @Test
  void withoutAPickAllChildrenLiveOn() {
    try (Sandbox parent = platform.createWarm()) {
      FannedOut done =
          parent.fanOut(
              FanOutOptions.each(List.of("n = 0", "n = 1"), Language.PYTHON), FanOutListener.NONE);
      assertThat(done.children()).hasSize(2);
      for (int i = 0; i < 2; i++) {
        assertThat(python(done.children().get(i), "print(n)")).isEqualTo("" + i);
        done.children().get(i).close();
      }
    }
  }

  @Test
  void aSandboxThatEndsMeanwhileLeavesNoChild() {
    Sandbox parent = platform.createWarm();
    List<Sandbox> children = new ArrayList<>();
    FanOutListener listener =
        new FanOutListener() {
          @Override
          public void forked(Forked forked) {
            children.addAll(forked.children());
            parent.delete();
          }
        };
    FanOutOptions options =
        FanOutOptions.of(2, "sleep 5", Language.BASH)
            .withTimeout(Duration.ofSeconds(60))
            .withPick(Pick.FIRST_SUCCESS);
    assertThatThrownBy(() -> parent.fanOut(options, listener))
        .isInstanceOfSatisfying(ApiException.class, e -> assertThat(e.code()).isEqualTo("gone"));
    assertThat(children).hasSize(2);
    for (Sandbox child : children) {
      assertThat(platform.awaitGone(child)).isEqualTo("deleted");
    }
  }
}
