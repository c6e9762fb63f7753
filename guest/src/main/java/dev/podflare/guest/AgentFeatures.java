package dev.podflare.guest;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.Arrays;
import java.util.Map;

/**
 * What the agent of a guest knows, by its version: a frame that it does not know would make it lose
 * its channel, and guests that were frozen earlier have the agent of then. Immutable.
 */
record AgentFeatures(String version) {
  /** The agent has not greeted. */
  static final AgentFeatures UNKNOWN = new AgentFeatures("");

  /** First version with contexts. */
  static final String CONTEXTS = "0.3.0";

  /** First version with terminals. */
  static final String TERMINALS = "0.3.0";

  /** First version with operations on files. */
  static final String FILES = "0.4.0";

  /** First version that mounts volumes. */
  static final String VOLUMES = "0.5.0";

  /** First version with processes that are started for themselves, and waits for ports. */
  static final String PROCESSES = "0.5.0";

  /** First version that can be made to trust the host's gate. */
  static final String TRUST = "0.6.0";

  /** First version that keeps variables for its Python. */
  static final String VARIABLES = "0.7.0";

  /** First version that lets its Python rehearse a call. */
  static final String REHEARSAL = "0.8.0";

  static AgentFeatures of(Hello hello) {
    return new AgentFeatures(hello.agent());
  }

  boolean has(String needed) {
    return Arrays.compare(numbers(version), numbers(needed)) >= 0;
  }

  /** Throws {@code GUEST_TOO_OLD} if the agent is older than {@code needed}. */
  void require(String needed, String what) {
    if (!has(needed)) {
      throw new PodflareException(
          ErrorCode.GUEST_TOO_OLD,
          "this sandbox's guest was made before there were "
              + what
              + "; make a new one (its agent is "
              + (version.isEmpty() ? "unknown" : version)
              + ", needed is "
              + needed
              + ")",
          Map.of("needed", needed));
    }
  }

  /** What is no version counts as the oldest: it is the guest's word. */
  private static int[] numbers(String version) {
    return version.matches("[0-9]{1,4}([.][0-9]{1,4}){2}")
        ? Arrays.stream(version.split("[.]", -1)).mapToInt(Integer::parseInt).toArray()
        : new int[0];
  }
}
