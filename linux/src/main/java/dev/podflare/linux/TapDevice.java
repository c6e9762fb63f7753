package dev.podflare.linux;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A tap: a link whose other end is a file that a hypervisor opens. Made and changed in the calling
 * thread's network namespace. Stateless.
 */
public final class TapDevice {
  // include/uapi/linux/if_tun.h
  private static final long TUNSETIFF = 0x400454caL;
  private static final long TUNSETPERSIST = 0x400454cbL;
  private static final long TUNSETOWNER = 0x400454ccL;
  private static final int IFF_TAP = 2;
  private static final int IFF_NO_PI = 0x1000;
  private static final int IFF_VNET_HDR = 0x4000;
  private static final int IFREQ = 40;
  private static final int O_RDWR_CLOEXEC = 2 | 02000000;
  private static final int EBUSY = 16;

  private TapDevice() {}

  /**
   * Makes a tap that stays. Nobody but root may open it until it is given to somebody; one without
   * any owner could, before Linux 6.13, be opened by everybody.
   */
  public static void create(String name) {
    attached(
        name,
        fd ->
            Libc.ioctl(fd, TUNSETOWNER, MemorySegment.ofAddress(0))
                + Libc.ioctl(fd, TUNSETPERSIST, MemorySegment.ofAddress(1)));
  }

  /**
   * Gives the tap to a user number, who may then open it without any capability.
   *
   * @throws PodflareException {@code wrong_state} while a hypervisor has it open
   */
  public static void giveTo(String name, int uid) {
    attached(name, fd -> Libc.ioctl(fd, TUNSETOWNER, MemorySegment.ofAddress(uid)));
  }

  /** Refuses with {@code wrong_state} while somebody has the tap open. */
  public static void requireFree(String name) {
    attached(name, fd -> 0);
  }

  private interface Step {
    int on(int fd);
  }

  private static void attached(String name, Step step) {
    int fd = Libc.open("/dev/net/tun", O_RDWR_CLOEXEC);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment request = arena.allocate(IFREQ, 8);
      request.setString(0, name);
      request.set(JAVA_SHORT, 16, (short) (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR));
      Libc.ioctl(fd, TUNSETIFF, request);
      int ignored = step.on(fd);
    } catch (PodflareException e) {
      if (Libc.failedWith(e, EBUSY)) {
        throw new PodflareException(
            ErrorCode.WRONG_STATE, "tap " + name + " is still open in a hypervisor", e);
      }
      throw e;
    } finally {
      Libc.close(fd);
    }
  }
}
