package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.common.SteadyClock;
import dev.podflare.linux.Conntrack;
import dev.podflare.linux.Links;
import dev.podflare.linux.NamespaceThread;
import dev.podflare.linux.Nftables;
import dev.podflare.linux.PacketLog;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.nio.file.Files;
import java.time.Clock;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The host's side of all guests' networks. Opening makes a table of its own in the packet filter, a
 * link with the address of resolver and gate, and turns forwarding on for the links to the internet
 * where it is off; closing undoes all of it. What a killed daemon of the same instance has left is
 * in force until it is taken away here, see {@link Leftovers}.
 *
 * <p>Other firewalls of the host: where a chain of nftables drops by policy, as Docker's and ufw's
 * do, a rule for the slots' links is added and at close removed, see {@link ForeignFirewalls}; for
 * the rest {@link #check} says what to do. Policy is decided in our own table alone, before theirs.
 * Thread-safe.
 */
public final class Network implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Network.class);
  private final Plan plan;
  private final NamespaceThread host;
  private final NamespaceThread worker;
  private final HostParts parts;
  private final Slots slots;
  private final Slot.Parts slotParts;
  private final RefusalReader refusals;
  private final NeighbourWatch neighbours;

  /** Never told to follow: only ages of names and addresses go by it. */
  private final Clock steady;

  private final Set<Slot> open = ConcurrentHashMap.newKeySet();
  private final BitSet used = new BitSet();
  private volatile Services services = Services.NONE;
  private boolean closed;

  /** What works in the host's namespace, wherever it is called from. */
  record HostParts(Links links, Nftables nftables, Conntrack connections) {
    static HostParts open(NamespaceThread host) {
      return host.call(() -> new HostParts(Links.open(), Nftables.open(), Conntrack.open()));
    }

    void close() {
      links.close();
      nftables.close();
      connections.close();
    }
  }

  private Network(
      NetworkConfig config,
      Plan plan,
      NamespaceThread host,
      NamespaceThread worker,
      HostParts parts,
      Clock clock,
      Kept kept) {
    this.plan = plan;
    this.host = host;
    this.worker = worker;
    this.parts = parts;
    this.steady = new SteadyClock(clock, System::nanoTime);
    Optional<String> missing = host.call(() -> HostIpv6.missing(parts.links(), config));
    missing.ifPresent(reason -> LOG.info("guests have no IPv6: {}", reason));
    boolean ipv6 = missing.isEmpty();
    HostFilter filter = new HostFilter(parts.nftables(), plan, ipv6);
    neighbours = new NeighbourWatch(parts.links(), filter);
    HostAddresses addresses = new HostAddresses(parts.links(), steady);
    slots =
        new Slots(
            new DeniedRanges(plan.range(), config.exceptions(), addresses),
            new ClosedIpv6(plan.range6(), config.exceptions(), neighbours),
            plan,
            ipv6);
    HostSetup setup = new HostSetup(config, plan, host, parts, filter, neighbours);
    Map<Plan.Place, SlotState> states = new HashMap<>();
    kept.policies()
        .forEach((place, policy) ->
            states.put(place, SlotState.restored(filter, place, steady, policy)));
    PacketLog log = setup.make(states, kept.opened());
    refusals = new RefusalReader(log, plan, slots, clock);
    int mtu = HostSetup.mtu(config, parts.links());
    SlotWiring wiring =
        new SlotWiring(
            host,
            worker,
            parts.links(),
            plan,
            new SlotFilter(plan, config.limits(), ipv6),
            mtu,
            ipv6);
    slotParts = new Slot.Parts(wiring, filter, parts.connections(), slots, mtu);
    states.keySet().forEach(place -> used.set(place.index()));
    states.forEach(this::register);
    refusals.start();
    neighbours.start();
  }

  /** What is there already, of an earlier daemon: places with their policies, opened links. */
  private record Kept(Map<Plan.Place, GuestAccess> policies, HostFilter.Opened opened) {}

  private Slot register(Plan.Place place, SlotState state) {
    slots.add(place.outer(), state);
    Slot slot = new Slot(this, slotParts, place, state);
    open.add(slot);
    return slot;
  }

  /**
   * Sets the host up.
   *
   * @param instance eight hexadecimal digits that name this daemon on the host, the same after a
   *     restart
   * @throws PodflareException {@code host_not_ready} or {@code invalid_config}, with the fix; then
   *     the host is as before
   */
  public static Network open(NetworkConfig config, String instance) {
    return open(config, instance, KeptSlots.NONE);
  }

  /**
   * As {@link #open(NetworkConfig, String)}, but guests of an earlier daemon go on in their slots:
   * at no time without rules, and with their connections, but for those through its gate. Slots
   * that are not there any more are left out. The range must be that of the earlier daemon.
   */
  public static Network open(NetworkConfig config, String instance, KeptSlots kept) {
    return open(config, instance, Clock.systemUTC(), kept);
  }

  static Network open(NetworkConfig config, String instance, Clock clock) {
    return open(config, instance, clock, KeptSlots.NONE);
  }

  private static Network open(
      NetworkConfig config, String instance, Clock clock, KeptSlots wanted) {
    Plan plan = new Plan(instance, config.range());
    NamespaceThread host = NamespaceThread.open("network-host", config.hostNamespace());
    NamespaceThread worker = NamespaceThread.open("network-slots", config.hostNamespace());
    try {
      HostParts parts = HostParts.open(host);
      try {
        Map<Plan.Place, GuestAccess> there = there(plan, parts.links(), wanted);
        HostFilter.Opened opened = Leftovers.clearAllBut(plan, host, parts, there.keySet());
        Kept kept = new Kept(there, opened);
        return new Network(config, plan, host, worker, parts, clock, kept);
      } catch (RuntimeException e) {
        if (wanted.isEmpty()) {
          Leftovers.clear(plan, host, parts);
        } // else guests go on under the rules that are in force
        parts.close();
        throw e;
      }
    } catch (RuntimeException e) {
      host.close();
      worker.close();
      throw e;
    }
  }

  private static Map<Plan.Place, GuestAccess> there(Plan plan, Links links, KeptSlots wanted) {
    Set<String> names = links.all().stream().map(Links.Link::name).collect(Collectors.toSet());
    Map<Plan.Place, GuestAccess> there = new HashMap<>();
    wanted
        .policies()
        .forEach((index, policy) -> {
          if (index >= 0 && index < plan.slots()) {
            Plan.Place place = plan.place(index);
            if (Files.exists(place.namespace()) && names.contains(place.link())) {
              there.put(place, policy);
            }
          }
        });
    return there;
  }

  /** A slot that was kept, by its number; empty if it was not there any more. */
  public Optional<Slot> kept(int index) {
    return open.stream().filter(slot -> slot.index() == index).findFirst();
  }

  /** Why guests would have no IPv6 on this host, in words; empty if they would have it. */
  public static Optional<String> ipv6Missing(NetworkConfig config) {
    try (NamespaceThread host = NamespaceThread.open("network-check", config.hostNamespace())) {
      return host.call(() -> {
        try (Links links = Links.open()) {
          return HostIpv6.missing(links, config);
        }
      });
    }
  }

  /** What {@code doctor} should say of this host; empty if all is well. */
  public static List<Finding> check(NetworkConfig config) {
    return new NetworkCheck(config).findings();
  }

  /** Where resolver and gate have to listen. */
  public Inet4Address gateAddress() {
    return plan.gate();
  }

  /** Where the gate also has to listen, with IPv6; empty if guests have none. */
  public Optional<Inet6Address> gateAddress6() {
    return ipv6() ? Optional.of(plan.gate6()) : Optional.empty();
  }

  /** Whether guests have IPv6, which is so where the host had it when this was opened. */
  public boolean ipv6() {
    return slots.ipv6();
  }

  /** Runs a task in the host's namespace, for example one that makes a listening socket. */
  public <T> T onHost(Callable<T> task) {
    return host.call(task);
  }

  /**
   * Runs what it is given in the host's namespace, before it returns: for {@link Resolver#start}
   * and {@link Gate#start}. Not to be used from a task that already runs there.
   */
  public Executor hostExecutor() {
    return host::run;
  }

  /** Leads guests to these from now on. Until then names, the gate and volumes are refused. */
  public void serve(Services listening) {
    services = listening;
    slotParts.filter().serve(listening);
  }

  Services services() {
    return services;
  }

  /** What resolver and gate may know and change of slots. */
  public SlotAccess access() {
    return slots;
  }

  /** Addresses of the slots, as the host sees them. */
  public Cidr range() {
    return plan.range();
  }

  /** How many slots the range has room for. */
  public int capacity() {
    return plan.slots();
  }

  /**
   * Makes a slot, shut. Takes some tens of milliseconds, so {@link SlotPool} does it ahead.
   *
   * @throws PodflareException {@code host_full} when the range is used up
   */
  public Slot makeSlot() {
    Plan.Place place = plan.place(reserve());
    try {
      SlotState state = SlotState.create(slotParts.filter(), place, steady);
      try {
        slotParts.wiring().make(place);
      } catch (RuntimeException e) {
        state.remove();
        throw e;
      }
      return register(place, state);
    } catch (RuntimeException e) {
      release(place);
      throw e;
    }
  }

  private synchronized int reserve() {
    if (closed) {
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "the network is closed");
    }
    int index = used.nextClearBit(0);
    if (index >= plan.slots()) {
      throw new PodflareException(
          ErrorCode.HOST_FULL,
          "all " + plan.slots() + " addresses of " + plan.range() + " are used");
    }
    used.set(index);
    return index;
  }

  private synchronized void release(Plan.Place place) {
    used.clear(place.index());
  }

  synchronized boolean closed() {
    return closed;
  }

  void forget(Slot slot, Plan.Place place) {
    open.remove(slot);
    release(place);
  }

  /** Takes everything away, open slots too. Can be repeated. */
  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    List<RuntimeException> failures = new ArrayList<>();
    for (Slot slot : open) {
      attempt(failures, () -> services.cut().accept(slot.outer()));
    }
    attempt(failures, neighbours::close);
    attempt(failures, () -> Leftovers.clear(plan, host, parts));
    release(failures);
    if (!failures.isEmpty()) {
      throw failures.getFirst();
    }
  }

  private void release(List<RuntimeException> failures) {
    attempt(failures, neighbours::close);
    attempt(failures, refusals::close);
    attempt(failures, parts::close);
    attempt(failures, worker::close);
    attempt(failures, host::close);
  }

  private static void attempt(List<RuntimeException> failures, Runnable step) {
    try {
      step.run();
    } catch (RuntimeException e) {
      failures.add(e);
    }
  }

  /**
   * Ends without taking anything away: guests go on under the rules that are in force, until the
   * next {@link #open} of this instance. Names cannot be resolved meanwhile.
   */
  public void abandon() {
    synchronized (this) {
      closed = true;
    }
    release(new ArrayList<>());
  }
}
