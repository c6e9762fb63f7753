package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.function.Consumer;

/** Assertions on coded errors. */
final class Codes {
  private Codes() {}

  static Consumer<Throwable> is(ErrorCode... codes) {
    return thrown -> {
      assertThat(thrown).isInstanceOf(PodflareException.class);
      assertThat(((PodflareException) thrown).code()).as(thrown.toString()).isIn((Object[]) codes);
    };
  }
}
