package dev.podflare.client;

import java.util.List;

/**
 * The exception of the guest's Python that ended an execution; its traceback as text is in the
 * output.
 *
 * @param name of its class, for example {@code ZeroDivisionError}
 * @param value its message
 * @param frames outermost first
 */
public record RunException(String name, String value, List<Frame> frames) {
  public RunException {
    frames = List.copyOf(frames);
  }

  /**
   * A call in the traceback.
   *
   * @param file {@code <call N>} for code of an execution
   * @param line from 1 on, or 0 if it is not known
   * @param source the line's text, or empty
   */
  public record Frame(String file, int line, String function, String source) {}
}
