package dev.podflare.guest;

import dev.podflare.common.PodflareException;
import java.util.Map;

/**
 * Hears of what concerns no single execution, on the channel's reader thread: a method must not
 * block.
 */
public interface ChannelListener {
  /**
   * A frame has been dealt with, whoever it was for.
   *
   * @param position bytes of the stream so far, from where it was opened
   */
  default void taken(long position) {}

  /** Something happened in the guest, for example {@code interpreter_restarted}. */
  void notice(Map<String, Object> notice);

  /** Output that Python wrote while no call was running; the guest holds it to 1 MiB a second. */
  void stray(GuestStream stream, byte[] bytes);

  /** The last word: the channel was closed, by us, the guest or its fault. Comes exactly once. */
  void closed(PodflareException cause);
}
