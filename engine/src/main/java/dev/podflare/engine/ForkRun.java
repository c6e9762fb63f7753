package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.network.GuestAccess;
import dev.podflare.qemu.Checkpoint;
import dev.podflare.qemu.Machine;
import dev.podflare.qemu.MachineState;
import dev.podflare.store.SandboxRecord;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** One fork, step by step; each step is undone if a later one fails. One thread, once. */
final class ForkRun {
  private final Forks forks;
  private final Forks.Host host;
  private final Caller caller;
  private final Sandbox parent;
  private final SandboxRecord record;
  private final ForkRequest request;
  private final Laps laps;

  /** A child's machine, what was reseeded in it, and the copies of the parent's calls. */
  private record Child(
      GuestMachine guest,
      List<String> reseeded,
      List<CarriedCall> calls,
      List<LocalTerminal> terminals) {}

  ForkRun(Forks forks, Caller caller, Sandbox parent, ForkRequest request, Laps laps) {
    this.forks = forks;
    this.host = forks.host();
    this.caller = caller;
    this.parent = parent;
    this.record = parent.record();
    this.request = request;
    this.laps = laps;
  }

  ForkedSandboxes run() {
    Caller owner = caller.as(record.keyId()); // the children are the owner's, whoever asks
    DataSize memory = DataSize.ofMebibytes(record.memoryMebibytes());
    try (LoadedShape shape = parent.guest().shape().retain()) {
      ForkMemory plan =
          ForkMemory.choose(request.count(), parent.guest().machine().ownMemory(), shape.data());
      List<Admission.Place> places =
          host.admission().admit(owner, memory, request.count(), plan.bytes());
      laps.lap("admit");
      try {
        return switch (plan.way()) {
          case COPIES -> withBlanks(shape, blanks(shape), places);
          case SHARED_IMAGE -> overOwnImage(shape, places);
        };
      } catch (RuntimeException e) {
        places.forEach(Admission.Place::release);
        throw e;
      }
    }
  }

  /** Those that are ready; what is missing is started side by side. */
  private List<Machine> blanks(LoadedShape shape) {
    List<Machine> blanks = new ArrayList<>(host.shapes().takeBlanks(shape, request.count()));
    int missing = request.count() - blanks.size();
    laps.lap("take_blanks");
    if (missing > 0) {
      try {
        blanks.addAll(start(shape, missing));
      } catch (RuntimeException e) {
        giveBack(shape, blanks);
        throw e;
      }
    }
    return blanks;
  }

  private List<Machine> start(LoadedShape shape, int count) {
    List<Machine> started =
        forks
            .machines()
            .all(
                count,
                _ -> host.shapes().startBlank(shape),
                blank -> host.shapes().giveBack(shape, blank));
    laps.lap("start_blanks");
    return started;
  }

  private void giveBack(LoadedShape shape, List<Machine> blanks) {
    for (Machine blank : blanks) {
      if (blank.state() == MachineState.BLANK) {
        host.shapes().giveBack(shape, blank);
      }
    }
  }

  /** The own pages are written into each blank. */
  private ForkedSandboxes withBlanks(
      LoadedShape shape, List<Machine> blanks, List<Admission.Place> places) {
    try (CheckpointFolders.Folder folder = forks.folders().create();
        GuestMachine.Frozen frozen = parent.guest().freeze(folder.path(), laps)) {
      return children(shape, frozen.checkpoint(), blanks, places, frozen);
    } catch (RuntimeException e) {
      giveBack(shape, blanks); // those that have not been touched
      throw e;
    }
  }

  /** The own pages are written once, into an image that all children map. */
  private ForkedSandboxes overOwnImage(LoadedShape template, List<Admission.Place> places) {
    try (CheckpointFolders.Folder folder = forks.folders().create();
        GuestMachine.Frozen frozen = parent.guest().freeze(folder.path(), laps);
        LoadedShape image = template.over(frozen.checkpoint())) {
      laps.lap("image");
      List<Machine> blanks = start(image, request.count());
      return children(image, image.checkpoint(), blanks, places, frozen);
    }
  }

  private ForkedSandboxes children(
      LoadedShape shape,
      Checkpoint checkpoint,
      List<Machine> blanks,
      List<Admission.Place> places,
      GuestMachine.Frozen frozen) {
    List<GuestMachine.Restored> restored =
        forks
            .machines()
            .all(
                blanks.size(),
                i ->
                    GuestMachine.restoreMachine(
                        shape, checkpoint, Outside.of(record), blanks.get(i), host.ids().sandbox()),
                GuestMachine.Restored::discard);
    laps.lap("restore");
    List<Child> children = renew(restored, frozen);
    laps.lap("renew");
    try {
      List<SandboxView> views = register(children, places);
      double paused = frozen.paused().toNanos() / 1e6;
      return new ForkedSandboxes(
          views, reseeded(children), laps.milliseconds(), Math.rint(paused * 1e3) / 1e3);
    } catch (RuntimeException e) {
      children.forEach(child -> child.guest().close());
      throw e;
    }
  }

  private List<Child> renew(List<GuestMachine.Restored> restored, GuestMachine.Frozen frozen) {
    try {
      return forks
          .machines()
          .all(
              restored.size(), i -> child(restored.get(i), frozen), child -> child.guest().close());
    } catch (RuntimeException e) {
      restored.forEach(GuestMachine.Restored::discard); // those too whose turn never came
      throw e;
    }
  }

  private Child child(GuestMachine.Restored restored, GuestMachine.Frozen frozen) {
    List<CarriedCall> calls =
        CarriedCall.of(frozen.running(), frozen.processes(), restored.channel());
    List<LocalTerminal> terminals =
        LocalTerminal.carried(frozen.terminals(), restored.channel(), host.budget());
    GuestMachine guest =
        restored.renewFork(
            frozen.epoch() + 1,
            CarriedCall.guests(calls, terminals),
            frozen.variables(),
            forks.config().deadlines().guest());
    try {
      List<String> reseeded = request.reseed() ? Reseeding.run(guest) : List.of();
      return new Child(guest, reseeded, calls, terminals);
    } catch (RuntimeException e) {
      guest.close();
      throw e;
    }
  }

  private static List<String> reseeded(List<Child> children) {
    return children.stream()
        .map(Child::reseeded)
        .reduce((some, others) -> some.stream().filter(others::contains).toList())
        .orElse(List.of());
  }

  /** From the record on the children are sandboxes like any other. */
  private List<SandboxView> register(List<Child> children, List<Admission.Place> places) {
    Instant now = host.clock().instant();
    // As the parent is now: its policy may have been changed since the children were restored.
    SandboxRecord latest = parent.record();
    GuestAccess access = RecordedAccess.of(latest);
    children.forEach(child -> child.guest().setNetwork(access));
    List<Sandbox> sandboxes = new ArrayList<>();
    for (int i = 0; i < children.size(); i++) {
      GuestMachine guest = children.get(i).guest();
      SandboxRecord own = Forks.childRecord(latest, request, guest.sandboxId(), now);
      sandboxes.add(
          new Sandbox(
              own,
              guest,
              places.get(i),
              forks.config(),
              host.budget(),
              host.timers(),
              host.clock()));
    }
    for (int i = 0; i < children.size(); i++) {
      Sandbox sandbox = sandboxes.get(i);
      children.get(i).calls().forEach(call -> sandbox.carryOn(host.ids().execution(), call));
      children.get(i).terminals().forEach(sandbox.terminals()::carryOn);
      sandbox.guest().claim(sandbox.record().id());
    }
    host.records().insertForks(latest, sandboxes.stream().map(Sandbox::record).toList());
    laps.lap("record");
    sandboxes.forEach(host.sandboxes()::add);
    if (sandboxes.stream().anyMatch(sandbox -> !sandbox.guest().alive())) {
      sandboxes.forEach(sandbox -> host.sandboxes().close(sandbox, CloseReason.GUEST_CRASHED));
      throw new PodflareException(
          ErrorCode.MACHINE_FAILED, "a child's guest ended while it was made; try again");
    }
    sandboxes.forEach(host.waker()::rehearseSoon);
    return sandboxes.stream().map(Sandbox::view).toList();
  }
}
