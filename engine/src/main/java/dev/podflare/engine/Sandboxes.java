package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.store.Origin;
import dev.podflare.store.SandboxRecord;
import dev.podflare.store.SandboxRecords;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The live sandboxes, and what is remembered of closed ones. Thread-safe. */
final class Sandboxes {
  private static final Logger LOG = LoggerFactory.getLogger(Sandboxes.class);
  private static final Comparator<SandboxView> BY_CREATION =
      Comparator.comparing(SandboxView::createdAt).thenComparing(SandboxView::id);

  /** Far more generations than anybody forks. */
  private static final int MAX_DEPTH = 10_000;

  private final SandboxRecords records;
  private final Clock clock;
  private final Duration patience;
  private final Map<String, Sandbox> live = new ConcurrentHashMap<>();
  private final Map<String, Sandbox> byMachine = new ConcurrentHashMap<>();
  private final Set<Ending> unwritten = ConcurrentHashMap.newKeySet();

  /** A sandbox that is closed. */
  private record Ending(String id, CloseReason reason, Instant instant) {}

  /** {@code patience}: how long a fork, or the like of it, that is under way is waited for. */
  Sandboxes(SandboxRecords records, Clock clock, Duration patience) {
    this.records = records;
    this.clock = clock;
    this.patience = patience;
  }

  void add(Sandbox sandbox) {
    live.put(sandbox.record().id(), sandbox);
    byMachine.put(sandbox.guest().machine().id(), sandbox);
  }

  /** As {@link #find}; no other fork or merge of it is under way until its family is unlocked. */
  Sandbox findAndLock(Caller caller, String id) {
    while (true) {
      Sandbox sandbox = find(caller, id);
      sandbox.lockFamily(patience);
      if (sandbox.is(id)) {
        return sandbox;
      }
      sandbox.unlockFamily(); // closed or merged while we waited; look again
    }
  }

  /**
   * Does something with a sandbox while no fork, merge or freeze of it is under way. If that fails
   * because the sandbox is gone, the failure says why it is.
   */
  <T> T exclusively(Caller caller, String id, Function<Sandbox, T> action) {
    Sandbox sandbox = findAndLock(caller, id);
    try {
      return action.apply(sandbox);
    } catch (PodflareException e) {
      if (sandbox.state() == SandboxState.CLOSED) {
        find(caller, id); // says why it is gone
      }
      throw e;
    } finally {
      sandbox.unlockFamily();
    }
  }

  /** Live sandboxes that were forked from that id. */
  List<Sandbox> childrenOf(String id) {
    return live.values().stream()
        .filter(sandbox -> sandbox.record().parent().filter(id::equals).isPresent())
        .toList();
  }

  /** Whether the one was forked from the other, directly or over generations. */
  boolean descends(SandboxRecord record, String ancestor) {
    return bornFrom(record, ancestor).isPresent();
  }

  /**
   * When the earlier of two went its own way: by their records, in which what a fork took is not
   * counted. Those that are no relatives parted when the first of them was made.
   */
  Instant parted(SandboxRecord one, SandboxRecord other) {
    return bornFrom(other, one.id())
        .or(() -> bornFrom(one, other.id()))
        .orElseGet(() ->
            one.createdAt().isBefore(other.createdAt()) ? one.createdAt() : other.createdAt());
  }

  /** Birth of that child of the ancestor from which the other descends. */
  private Optional<Instant> bornFrom(SandboxRecord descendant, String ancestor) {
    SandboxRecord record = descendant;
    for (int depth = 0; depth < MAX_DEPTH; depth++) {
      if (record.parent().filter(ancestor::equals).isPresent()) {
        return Optional.of(record.createdAt());
      }
      Optional<SandboxRecord> up = record.parent().flatMap(records::find);
      if (up.isEmpty()) {
        return Optional.empty();
      }
      record = up.get();
    }
    return Optional.empty();
  }

  /** Ancestors, oldest first, then the sandbox, then its descendants in order of creation. */
  List<FamilyMember> tree(SandboxRecord record) {
    List<FamilyMember> members = new ArrayList<>();
    Optional<SandboxRecord> up = record.parent().flatMap(records::find);
    for (int depth = 0; up.isPresent() && depth < MAX_DEPTH; depth++) {
      members.addFirst(member(up.get()));
      up = up.get().parent().flatMap(records::find);
    }
    records.descendants(record.id(), MAX_DEPTH).forEach(one -> members.add(member(one)));
    return members;
  }

  private FamilyMember member(SandboxRecord record) {
    Optional<SandboxView> view = ofId(record.id()).map(Sandbox::viewWithFigures);
    return new FamilyMember(
        record.id(),
        record.parent(),
        record.closedAt().isPresent()
            ? SandboxState.CLOSED
            : view.map(SandboxView::state).orElseGet(() -> stateElsewhere(record)),
        record.createdAt(),
        record.closedAt(),
        record.closeReason(),
        view.map(SandboxView::ownMemoryBytes).orElse(0L));
  }

  private SandboxState stateElsewhere(SandboxRecord record) {
    return record.isFrozen() || records.nodeElsewhere(record.id()).isPresent()
        ? SandboxView.remembered(record, false).state()
        : SandboxState.CLOSED;
  }

  /** The parent's id goes on with the winner's machine, and the winner's id is gone. */
  void merge(Sandbox parent, Sandbox winner) {
    String id = parent.record().id();
    String gone = winner.record().id();
    winner.guest().claim(gone, id);
    winner.takeOver(
        parent,
        () -> {
          String reason = CloseReason.MERGED.wireName();
          Optional<String> message = Optional.of("merged into " + id);
          // Here, where nobody can change it any more; the caller puts it back if this fails.
          winner.guest().setNetwork(RecordedAccess.of(parent.record()));
          if (!parent.is(id)
              || !winner.is(gone)
              || !records.merge(id, gone, reason, message, clock.instant())) {
            throw new PodflareException(
                ErrorCode.GONE, id + " or " + gone + " was closed just now");
          }
          live.put(id, winner);
          live.remove(gone);
          byMachine.remove(parent.guest().machine().id());
        });
    try {
      winner.guest().claim(id);
    } catch (PodflareException e) {
      LOG.warn("{}: {}", id, e.sentence()); // the words before the merge say enough
    }
    childrenOf(gone).forEach(child -> child.changeParent(id));
    parent.place().release();
    LOG.info("{} goes on as {}", id, gone);
  }

  List<Sandbox> all() {
    return List.copyOf(live.values());
  }

  int count() {
    return live.size();
  }

  Optional<Sandbox> ofId(String id) {
    return Optional.ofNullable(live.get(id));
  }

  Optional<Sandbox> ofMachine(String machineId) {
    return Optional.ofNullable(byMachine.get(machineId));
  }

  /** A live sandbox of the caller's; otherwise says that it is gone or was never there. */
  Sandbox find(Caller caller, String id) {
    Sandbox sandbox = live.get(id);
    if (sandbox != null && caller.mayUse(sandbox.record().keyId())) {
      Optional<CloseReason> reason = sandbox.closedFor();
      if (reason.isEmpty()) {
        return sandbox;
      }
      if (reason.get() != CloseReason.FROZEN) {
        throw gone(id, reason.get().wireName(), reason.get().sentence());
      }
    }
    Optional<SandboxRecord> closed = tombstone(caller, id);
    if (closed.filter(SandboxRecord::isFrozen).isPresent()) {
      throw WrongState.of(id, SandboxState.FROZEN, SandboxState.READY);
    }
    if (closed.isPresent()) {
      refuseElsewhere(id);
      String reason = closed.get().closeReason().orElse(CloseReason.DELETED.wireName());
      throw gone(id, reason, closed.get().closeMessage().orElse(reason));
    }
    throw new PodflareException(ErrorCode.SANDBOX_NOT_FOUND, "no sandbox " + id);
  }

  /** The machine of one that lives on another node can be used there only. */
  private void refuseElsewhere(String id) {
    records
        .nodeElsewhere(id)
        .ifPresent(node -> {
          throw new PodflareException(
              ErrorCode.WRONG_NODE,
              "sandbox " + id + " is on the node " + node + "; ask that one",
              Map.of("sandbox_id", id, "node", node));
        });
  }

  /** The record of a sandbox of the caller's whose machine is on another node. */
  Optional<SandboxRecord> elsewhere(Caller caller, String id) {
    return live.containsKey(id)
        ? Optional.empty()
        : tombstone(caller, id).filter(record -> records.nodeElsewhere(id).isPresent());
  }

  private static PodflareException gone(String id, String reason, String message) {
    return new PodflareException(
        ErrorCode.GONE,
        "sandbox " + id + " is closed: " + message,
        Map.of("reason", reason, "sandbox_id", id));
  }

  /** As {@link #find}, but empty for one that is closed already. */
  Optional<Sandbox> findToDelete(Caller caller, String id) {
    Sandbox sandbox = live.get(id);
    if (sandbox != null && caller.mayUse(sandbox.record().keyId())) {
      return Optional.of(sandbox);
    }
    if (tombstone(caller, id).isPresent()) {
      refuseElsewhere(id);
      return Optional.empty();
    }
    throw new PodflareException(ErrorCode.SANDBOX_NOT_FOUND, "no sandbox " + id);
  }

  private Optional<SandboxRecord> tombstone(Caller caller, String id) {
    return Ids.wellFormed("sbx", id)
        ? records.find(id).filter(record -> caller.mayUse(record.keyId()))
        : Optional.empty();
  }

  /** {@code networked}: whether this host gives guests a network. */
  SandboxPage list(Caller caller, ListRequest request, boolean networked) {
    List<SandboxView> matching = new ArrayList<>();
    for (Sandbox sandbox : live.values()) {
      if (caller.mayUse(sandbox.record().keyId())) {
        matching.add(sandbox.view());
      }
    }
    Stream.concat(records.frozen().stream(), records.liveElsewhere().stream())
        .filter(record -> caller.mayUse(record.keyId()) && !live.containsKey(record.id()))
        .forEach(record -> matching.add(SandboxView.remembered(record, networked)));
    matching.removeIf(it -> !request.matches(it));
    matching.sort(BY_CREATION);
    List<SandboxView> page = new ArrayList<>();
    for (SandboxView sandbox : matching) {
      if (request.cursor().map(cursor -> after(sandbox, cursor)).orElse(true)) {
        if (page.size() == request.limit()) {
          return new SandboxPage(page, Optional.of(cursor(page.getLast())));
        }
        page.add(sandbox);
      }
    }
    return new SandboxPage(page, Optional.empty());
  }

  /** A place between sandboxes: time of creation and id of the last one shown. */
  private static String cursor(SandboxView last) {
    return last.createdAt().toEpochMilli() + "-" + last.id();
  }

  private static boolean after(SandboxView record, String cursor) {
    int dash = cursor.indexOf('-');
    try {
      long millis = Long.parseLong(dash < 0 ? cursor : cursor.substring(0, dash));
      int order = Long.compare(record.createdAt().toEpochMilli(), millis);
      return order > 0 || (order == 0 && record.id().compareTo(cursor.substring(dash + 1)) > 0);
    } catch (NumberFormatException e) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD, "cursor must be a next_cursor of an earlier answer", e);
    }
  }

  /**
   * The machine of a sandbox that is frozen now is needed no more; it has ended when it returns.
   */
  void retire(Sandbox sandbox) {
    sandbox.close(CloseReason.FROZEN, () -> forget(sandbox));
  }

  /** The same, but the machine ends on a thread of its own. */
  void retireSoon(Sandbox sandbox) {
    sandbox.closeSoon(CloseReason.FROZEN, () -> forget(sandbox));
  }

  private void forget(Sandbox sandbox) {
    sandbox.place().release();
    live.remove(sandbox.record().id(), sandbox);
    byMachine.remove(sandbox.guest().machine().id());
  }

  /**
   * A sandbox goes on with the machine of another object that nobody knows of yet.
   *
   * @param tell the last thing that can fail; nothing has changed if it does
   */
  void replaceMachine(Sandbox sandbox, Sandbox fresh, Runnable tell) {
    String id = sandbox.record().id();
    byMachine.put(fresh.guest().machine().id(), fresh);
    try {
      fresh.takeOver(
          sandbox,
          () -> {
            if (!sandbox.is(id) || !fresh.guest().alive()) {
              throw new PodflareException(ErrorCode.GONE, id + " was closed just now");
            }
            fresh.guest().setNetwork(RecordedAccess.of(sandbox.record()));
            tell.run();
            live.put(id, fresh);
            byMachine.remove(sandbox.guest().machine().id());
          });
    } catch (RuntimeException e) {
      byMachine.remove(fresh.guest().machine().id());
      throw e;
    }
  }

  /** A record of a live, frozen or lately closed sandbox, whoever asks. */
  Optional<SandboxRecord> record(String id) {
    return records.find(id);
  }

  /** The record of a sandbox of the caller's that is frozen. */
  Optional<SandboxRecord> frozen(Caller caller, String id) {
    return isLive(id) ? Optional.empty() : tombstone(caller, id).filter(SandboxRecord::isFrozen);
  }

  /** Writes the secrets of one that is frozen; false if it is not. */
  boolean changeFrozen(SandboxRecord frozen) {
    return records.setFrozenSecrets(frozen.id(), frozen.secrets());
  }

  /** The record of a sandbox of the caller's that has no machine here, but is not gone. */
  Optional<SandboxRecord> remembered(Caller caller, String id) {
    return frozen(caller, id).or(() -> elsewhere(caller, id));
  }

  void insert(SandboxRecord record, Origin origin) {
    records.insert(record, origin);
  }

  boolean isLive(String id) {
    Sandbox sandbox = live.get(id);
    return sandbox != null && sandbox.closedFor().isEmpty();
  }

  /** A guest can end in the very moment in which it is handed over: then it is not. */
  void requireAlive(Sandbox sandbox) {
    if (!sandbox.guest().alive()) {
      close(sandbox, CloseReason.GUEST_CRASHED);
      throw new PodflareException(
          ErrorCode.MACHINE_FAILED, "the guest ended while it was handed over; try again");
    }
  }

  /** Ends a sandbox; when this returns, all that it held is freed. Idempotent. */
  void close(Sandbox sandbox, CloseReason reason) {
    sandbox.close(
        reason,
        () -> {
          SandboxRecord record = sandbox.record();
          try {
            record(new Ending(record.id(), reason, clock.instant()));
          } finally {
            sandbox.place().release();
            live.remove(record.id(), sandbox);
            byMachine.remove(sandbox.guest().machine().id());
          }
          LOG.info("{} closed: {}", record.id(), reason.wireName());
        });
  }

  /** The machine is gone, whether or not that can be written now. */
  private void record(Ending ending) {
    try {
      write(ending);
    } catch (PodflareException e) {
      if (e.code() != ErrorCode.RECORDS_UNAVAILABLE) {
        throw e;
      }
      unwritten.add(ending);
      LOG.warn("the end of {} is written later: {}", ending.id(), e.sentence());
    }
  }

  private void write(Ending ending) {
    CloseReason reason = ending.reason();
    records.close(ending.id(), reason.wireName(), Optional.of(reason.sentence()), ending.instant());
  }

  /** Writes the ends of sandboxes that could not be written when they ended. */
  void writeLate() {
    for (Ending ending : List.copyOf(unwritten)) {
      write(ending);
      unwritten.remove(ending);
    }
  }

  /** Those whose time is over, with what is to be done about it, each on a thread of its own. */
  void eachDue(Instant now, BiConsumer<Sandbox, CloseReason> action) {
    for (Sandbox sandbox : live.values()) {
      sandbox
          .due(now)
          .ifPresent(reason ->
              Thread.ofVirtual()
                  .name("end of " + sandbox.record().id())
                  // Asked again: a merge may have given it another deadline meanwhile.
                  .start(() -> sandbox.due(now).ifPresent(still -> action.accept(sandbox, still))));
    }
  }

  /** An emulated guest's clock runs a little fast or slow. */
  void setClocks() {
    live.values().forEach(sandbox -> sandbox.guest().setClockSoon());
  }

  /** For lists, which do not look for themselves. */
  void refreshFigures() {
    live.values().forEach(Sandbox::viewWithFigures);
  }

  void closeAll(CloseReason reason) {
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      live.values().forEach(sandbox -> executor.execute(() -> close(sandbox, reason)));
    }
  }
}
