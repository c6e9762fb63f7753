package dev.podflare.common;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class LazilyTest {
  @Test
  void itIsMadeWhenItIsAskedForAndOnce() {
    AtomicInteger made = new AtomicInteger();
    Supplier<Integer> thing = Lazily.once(made::incrementAndGet);
    assertThat(made).hasValue(0);
    assertThat(thing.get()).isEqualTo(1);
    assertThat(thing.get()).isEqualTo(1);
  }

  @Test
  void aFailureIsNotRemembered() {
    AtomicInteger tries = new AtomicInteger();
    Supplier<String> thing =
        Lazily.once(() -> {
          if (tries.incrementAndGet() == 1) {
            throw new IllegalStateException("not yet");
          }
          return "there";
        });
    assertThatThrownBy(thing::get).hasMessage("not yet");
    assertThat(thing.get()).isEqualTo("there");
  }
}
