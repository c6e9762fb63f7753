package dev.podflare.guest;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * What makes a restored machine one of its own before it runs any user code.
 *
 * @param epoch greater than any that the machine's memory has seen; frames before its answer are
 *     dropped
 * @param machineId 32 lower-case hex digits
 * @param entropy 64 to 4096 bytes for the guest's kernel
 * @param carried executions of the machine's memory that go on and are heard here; all others go on
 *     unheard
 * @param clock read when the renewal is sent
 */
@SuppressWarnings("ArrayRecordComponent") // a renewal is sent once and never compared
public record Renewal(
    long epoch,
    String hostname,
    String machineId,
    byte[] entropy,
    List<GuestExec> carried,
    InstantSource clock) {
  private static final SecureRandom RANDOM = new SecureRandom();

  public Renewal {
    carried = List.copyOf(carried);
    if (epoch < 1) {
      throw invalid("epoch must be positive, not " + epoch);
    }
    checkedHostname(hostname);
    if (!machineId.matches("[0-9a-f]{32}")) {
      throw invalid("machine id must be 32 hex digits, not '" + machineId + "'");
    }
    if (entropy.length < 64 || entropy.length > 4096) {
      throw invalid("entropy must be 64 to 4096 bytes, not " + entropy.length);
    }
  }

  /** The name itself, or a refusal. */
  static String checkedHostname(String hostname) {
    if (!hostname.matches("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")) {
      throw invalid("not a host name: '" + hostname + "'");
    }
    return hostname;
  }

  /** With the host's clock and fresh randomness. */
  public static Renewal of(long epoch, String hostname) {
    return of(epoch, hostname, InstantSource.system(), RANDOM);
  }

  public static Renewal of(
      long epoch, String hostname, InstantSource clock, RandomGenerator random) {
    byte[] id = new byte[16];
    byte[] entropy = new byte[64];
    random.nextBytes(id);
    random.nextBytes(entropy);
    return new Renewal(epoch, hostname, HexFormat.of().formatHex(id), entropy, List.of(), clock);
  }

  /** The same with executions that go on: of {@link AgentChannel#carry}. */
  public Renewal withCarried(List<GuestExec> executions) {
    return new Renewal(epoch, hostname, machineId, entropy, executions, clock);
  }

  /** The same for a machine that keeps the number that it has. */
  public Renewal withMachineId(String id) {
    return new Renewal(epoch, hostname, id, entropy, carried, clock);
  }

  static long nanos(Instant instant) {
    return Math.addExact(
        Math.multiplyExact(instant.getEpochSecond(), 1_000_000_000L), instant.getNano());
  }

  private static PodflareException invalid(String message) {
    return new PodflareException(ErrorCode.INVALID_FIELD, message);
  }
}
