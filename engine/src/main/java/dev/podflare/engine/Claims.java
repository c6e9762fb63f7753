package dev.podflare.engine;

import dev.podflare.network.GuestAccess;
import dev.podflare.network.KeptSlots;
import dev.podflare.qemu.Survivor;
import dev.podflare.store.SandboxRecord;
import dev.podflare.store.SandboxRecords;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which machines that an earlier daemon has left are whose: the sandbox must be live in the
 * records, and of several machines that say they are its the one that said so last is.
 *
 * @param all of the sandboxes that can go on
 */
record Claims(List<Claim> all) {

  /** A sandbox and its machine. */
  record Claim(SandboxRecord record, Survivor survivor, MachineNote note) {}

  static Claims of(List<Survivor> survivors, SandboxRecords records, EngineConfig config) {
    Map<String, Claim> bySandbox = new HashMap<>();
    for (Survivor survivor : survivors) {
      MachineNote.parse(survivor)
          .filter(note -> placeIsKept(note, config))
          .flatMap(note -> claim(survivor, note, records))
          .ifPresent(claim -> bySandbox.merge(claim.record().id(), claim, Claims::later));
    }
    return new Claims(ofOneRange(bySandbox.values()));
  }

  private static Optional<Claim> claim(
      Survivor survivor, MachineNote note, SandboxRecords records) {
    Optional<SandboxRecord> own = find(note.sandbox(), records);
    if (own.filter(Claims::live).isPresent()) {
      return Optional.of(new Claim(own.get(), survivor, note));
    }
    boolean merged =
        own.flatMap(SandboxRecord::closeReason)
            .filter(CloseReason.MERGED.wireName()::equals)
            .isPresent();
    return Optional.ofNullable(note.next())
        .filter(_ -> merged)
        .flatMap(next -> find(next, records))
        .filter(Claims::live)
        .map(record -> new Claim(record, survivor, note));
  }

  /** One that is on another node now is none of ours. */
  private static Optional<SandboxRecord> find(String id, SandboxRecords records) {
    return records.find(id).filter(_ -> records.nodeElsewhere(id).isEmpty());
  }

  private static boolean live(SandboxRecord record) {
    return record.closedAt().isEmpty() && !record.isFrozen();
  }

  private static Claim later(Claim one, Claim other) {
    return one.note().claimed() > other.note().claimed() ? one : other;
  }

  /** A guest cannot go on without the network that it had, or with one that it had not. */
  private static boolean placeIsKept(MachineNote note, EngineConfig config) {
    MachineNote.Slot slot = note.slot();
    if (slot == null || config.network().isEmpty()) {
      return slot == null && config.network().isEmpty();
    }
    return config
        .network()
        .get()
        .range()
        .map(it -> it.toString().equals(slot.range()))
        .orElse(true);
  }

  /** A daemon has one range; it can differ only after two changes of it in a row. */
  private static List<Claim> ofOneRange(Collection<Claim> claims) {
    Optional<String> range =
        claims.stream()
            .map(Claim::note)
            .map(MachineNote::slot)
            .flatMap(slot -> Optional.ofNullable(slot).stream())
            .map(MachineNote.Slot::range)
            .findFirst();
    return claims.stream()
        .filter(claim ->
            claim.note().slot() == null || range.equals(Optional.of(claim.note().slot().range())))
        .toList();
  }

  List<Survivor> survivors() {
    return all.stream().map(Claim::survivor).toList();
  }

  /** Their places in the network, with the policies that stay in force. */
  GuestNetwork.Kept slots() {
    Map<Integer, GuestAccess> policies = new HashMap<>();
    String range = "";
    for (Claim claim : all) {
      MachineNote.Slot slot = claim.note().slot();
      if (slot != null) {
        policies.put(slot.index(), RecordedAccess.of(claim.record()));
        range = slot.range();
      }
    }
    return new GuestNetwork.Kept(range, new KeptSlots(policies));
  }
}
