package dev.podflare.network;

import dev.podflare.linux.Conntrack;
import java.net.Inet4Address;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A place for one machine's network: a namespace with a tap, joined to the host. The guest's end is
 * the same in every slot, see {@link #GUEST_ADDRESS}; to the host a slot is its outer address.
 *
 * <p>A fresh or scrubbed slot is shut until {@link #apply}. Thread-safe: one change at a time.
 */
public final class Slot implements AutoCloseable {
  /** Address that every guest has, with prefix {@link #GUEST_PREFIX}. */
  public static final String GUEST_ADDRESS = Plan.GUEST;

  /** Prefix length of the guest's network. */
  public static final int GUEST_PREFIX = Plan.INNER_PREFIX;

  /** Every guest's gateway and resolver. */
  public static final String GATEWAY_ADDRESS = Plan.GATEWAY;

  /** The same of IPv6. */
  public static final String GUEST_ADDRESS6 = Plan.GUEST6;

  /** Prefix length of the guest's IPv6 network. */
  public static final int GUEST_PREFIX6 = Plan.INNER_PREFIX6;

  /** Every guest's IPv6 gateway. */
  public static final String GATEWAY_ADDRESS6 = Plan.GATEWAY6;

  /** Hardware address of the gateway, which guests need not ask for. */
  public static final String GATEWAY_MAC = Plan.GATEWAY_MAC;

  /** Hardware address that every guest has. */
  public static final String GUEST_MAC = Plan.GUEST_MAC;

  /** What slots share and what the network takes back. */
  record Parts(SlotWiring wiring, HostFilter filter, Conntrack connections, Slots slots, int mtu) {}

  private final Parts parts;
  private final Plan.Place place;
  private final SlotState state;
  private final Network network;
  private final AtomicBoolean closed = new AtomicBoolean();

  Slot(Network network, Parts parts, Plan.Place place, SlotState state) {
    this.network = network;
    this.parts = parts;
    this.place = place;
    this.state = state;
  }

  /** Four hexadecimal digits, unique in this daemon. */
  public String name() {
    return place.name();
  }

  /** Number of the slot in its daemon's range, by which it can be kept, see {@link KeptSlots}. */
  public int index() {
    return place.index();
  }

  /**
   * The network namespace that the hypervisor is to run in, as {@code nsenter --net=PATH} takes.
   */
  public Path namespace() {
    return place.namespace();
  }

  /** Name of the tap in the namespace. */
  public String tap() {
    return Plan.TAP;
  }

  /** Address by which the host knows the slot, and reaches any TCP port of the guest. */
  public Inet4Address outer() {
    return place.outer();
  }

  /** Largest packet, for the hypervisor to tell the guest. */
  public int mtu() {
    return parts.mtu();
  }

  /**
   * Lets this user number open the tap, without any capability.
   *
   * @throws dev.podflare.common.PodflareException {@code wrong_state} while it is open
   */
  public void giveTo(int uid) {
    parts.wiring().giveTap(place, uid);
  }

  /**
   * Puts a policy in force, with the guest's secrets. When this returns, it holds for every packet,
   * those of open connections too; on failure the old one is in force as before.
   */
  public synchronized void apply(GuestAccess access) {
    state.apply(access);
    network.services().recheck().accept(place.outer());
  }

  /** The last refusals, at most 100, oldest first; without a look into the packet filter. */
  public List<Refusal> refusals() {
    return state.refusals();
  }

  /** The same without secrets. */
  public void apply(EgressPolicy policy) {
    apply(GuestAccess.of(policy));
  }

  /** What became of the secrets, by name. */
  public Map<String, SecretUse> secretUses() {
    return state.uses();
  }

  /** What was moved and refused. */
  public SlotReport report() {
    Map<String, SlotFilter.Count> counters = parts.wiring().inside(place, SlotFilter::counters);
    SlotFilter.Count up = SlotFilter.count(counters, "up");
    SlotFilter.Count down = SlotFilter.count(counters, "down");
    Map<String, Long> refused = new LinkedHashMap<>(parts.filter().refusals(place));
    refused.put("name", state.refusedByName());
    for (String name :
        List.of("spoofed", "ipv6", "limited", "limited_download", "limited_connections")) {
      refused.put(name, SlotFilter.count(counters, name).packets());
    }
    return new SlotReport(
        up.packets(), up.bytes(), down.packets(), down.bytes(), refused, state.refusals());
  }

  /**
   * Makes the slot as good as new for another user: shut, without policy, pins, refusals, counters,
   * connections, relays, and with a new tap.
   *
   * @throws dev.podflare.common.PodflareException {@code wrong_state} while a hypervisor has the
   *     tap open; the slot is shut then, and can be scrubbed again
   */
  public synchronized void scrub() {
    state.clear();
    network.services().cut().accept(place.outer());
    parts.wiring().renew(place);
    int ignored = parts.connections().delete(place::has);
    parts.filter().resetCounters(place); // what was counted meanwhile
  }

  /** Takes the slot away from the host. Can be repeated, also after the network's own close. */
  @Override
  public synchronized void close() {
    if (closed.compareAndSet(false, true) && !network.closed()) {
      // First the link: a guest that still runs must not be left without rules.
      parts.wiring().unmake(place);
      network.services().cut().accept(place.outer());
      parts.slots().remove(place.outer());
      state.remove();
      int ignored = parts.connections().delete(place::has);
      network.forget(this, place);
    }
  }
}
