package dev.podflare.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.DataSize;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.ProcFs;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The whole life of a machine with the smallest guest: boot, checkpoint while it runs, two-way
 * restore, jail, end. Under emulation everywhere, and through {@code /dev/kvm} where it exists.
 */
class BareMetalMachineTest {
  private static final Duration DEADLINE = Duration.ofSeconds(20);
  private static int next;

  @TempDir Path data;

  static Stream<HypervisorConfig.Choice> accelerators() {
    return Files.exists(Path.of("/dev/kvm"))
        ? Stream.of(HypervisorConfig.Choice.TCG, HypervisorConfig.Choice.KVM)
        : Stream.of(HypervisorConfig.Choice.TCG);
  }

  private HypervisorConfig config(HypervisorConfig.Choice accelerator) {
    return HypervisorConfig.of(String.format("7e57%04x", next++), data, accelerator);
  }

  @ParameterizedTest
  @MethodSource("accelerators")
  void checkpointOfARunningGuestRestoresTwiceAndBothGoOn(HypervisorConfig.Choice accelerator)
      throws Exception {
    String instance = String.format("7e57%04x", next++);
    try (Hypervisor host = Hypervisor.open(HypervisorConfig.of(instance, data, accelerator));
        MemoryImage image = MemoryImage.create(DataSize.ofMebibytes(16))) {
      byte[] template = bootTemplate(host, image);
      try (Checkpoint base = new Checkpoint(template, OwnPages.none(), List.of());
          Machine parent = blank(host, image);
          Machine child = blank(host, image);
          Machine twin = blank(host, image)) {
        assertThat(parent.ownMemory()).isZero();
        parent.restore(base);
        parent.resume();
        JailAssert.isJailed(parent);
        try (SocketChannel toParent = parent.connectSerial()) {
          BareMetalGuest.Answer a = ask(toParent, 'a');
          assertThat((char) a.previous()).isEqualTo('t');

          parent.pause();
          Checkpoint fork = parent.checkpoint(data);
          parent.resume();
          assertThat(fork.pages().size()).isPositive().isLessThan(1 << 20);
          BareMetalGuest.Answer b = ask(toParent, 'b');
          assertThat((char) b.previous()).isEqualTo('a');

          child.restore(fork);
          twin.restore(fork);
          child.resume();
          twin.resume();
          fork.close();
          try (SocketChannel toChild = child.connectSerial();
              SocketChannel toTwin = twin.connectSerial()) {
            BareMetalGuest.Answer c = ask(toChild, 'c');
            assertThat((char) c.previous())
                .as("the child is the parent at the fork")
                .isEqualTo('a');
            assertThat(c.loops()).isGreaterThanOrEqualTo(a.loops());
            assertThat((char) ask(toTwin, 'd').previous()).isEqualTo('a');
            assertThat((char) ask(toChild, 'e').previous()).isEqualTo('c');
            assertThat((char) ask(toParent, 'f').previous()).isEqualTo('b');
          }
        }
        assertThatThrownBy(() -> parent.restore(base)).isInstanceOf(PodflareException.class);
        assertThatThrownBy(parent::resume).isInstanceOf(PodflareException.class);
        long pid = child.pid();
        child.kill();
        child.kill();
        assertThat(ProcFs.startTicks(pid)).isEmpty();
        assertThat(host.machines()).doesNotContain(child);
      }
    }
    assertThat(Path.of("/run/podflare", instance)).doesNotExist();
    assertThat(data.resolve("machines")).isEmptyDirectory();
  }

  /** Else a caller is told that the machine failed when the truth is that it is gone. */
  @ParameterizedTest
  @MethodSource("accelerators")
  void whatACommandFailsForIsKnownBeforeItFails(HypervisorConfig.Choice accelerator)
      throws Exception {
    try (Hypervisor host = Hypervisor.open(config(accelerator));
        MemoryImage image = MemoryImage.create(DataSize.ofMebibytes(16))) {
      byte[] template = bootTemplate(host, image);
      for (int round = 0; round < 10; round++) {
        try (Checkpoint base = new Checkpoint(template, OwnPages.none(), List.of());
            Machine machine = blank(host, image)) {
          machine.restore(base);
          assertThat(machine.isAlive()).isTrue();
          ProcessHandle.of(machine.pid()).ifPresent(ProcessHandle::destroyForcibly);
          assertThatThrownBy(
                  () -> {
                    while (true) {
                      machine.resume();
                      machine.pause();
                    }
                  })
              .satisfies(failed -> assertThat(machine.isAlive()).isFalse())
              .isInstanceOf(PodflareException.class);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("accelerators")
  void aMachineThatWasLeftIsTakenOverAndGoesOn(HypervisorConfig.Choice accelerator)
      throws Exception {
    HypervisorConfig config = config(accelerator);
    MemoryImage image = MemoryImage.create(DataSize.ofMebibytes(16));
    Hypervisor first = Hypervisor.open(config);
    byte[] template = bootTemplate(first, image);
    Machine left = blank(first, image);
    Machine other = blank(first, image);
    try (Checkpoint base = new Checkpoint(template, OwnPages.none(), List.of())) {
      left.restore(base);
    }
    left.resume();
    try (SocketChannel serial = left.connectSerial()) {
      ask(serial, 'a');
    }
    left.note("mine");
    first.leave();
    image.close();

    Survivor survivor = Hypervisor.survivors(config).getFirst();
    assertThat(Hypervisor.survivors(config)).as("of the other there is no note").hasSize(1);
    assertThat(survivor.note()).isEqualTo("mine");
    try (Hypervisor second = Hypervisor.open(config, List.of(survivor));
        MemoryImage adopted =
            MemoryImage.adopt(survivor.image(), DataSize.ofMebibytes(16), survivor.added());
        Machine machine = second.takeOver(survivor, left.spec().with(adopted), _ -> {});
        Machine child = blank(second, adopted)) {
      assertThat(other.cgroup().processes()).as("nobody claims it").isEmpty();
      assertThat(machine.state()).isEqualTo(MachineState.PAUSED);
      JailAssert.isJailed(machine);
      try (Checkpoint fork = machine.checkpoint(data)) {
        child.restore(fork);
      }
      machine.resume();
      child.resume();
      try (SocketChannel toMachine = machine.connectSerial();
          SocketChannel toChild = child.connectSerial()) {
        assertThat((char) ask(toMachine, 'b').previous()).isEqualTo('a');
        assertThat((char) ask(toChild, 'c').previous()).isEqualTo('a');
        assertThat((char) ask(toMachine, 'd').previous()).isEqualTo('b');
      }
    }
    assertThat(Path.of("/run/podflare", config.instance())).doesNotExist();
    assertThat(data.resolve("machines")).isEmptyDirectory();
  }

  private byte[] bootTemplate(Hypervisor host, MemoryImage image) throws Exception {
    try (Machine machine = host.start(spec(image, MachineSpec.Start.BOOT), _ -> {})) {
      machine.boot();
      try (SocketChannel serial = machine.connectSerial()) {
        ask(serial, 't');
      }
      machine.pause();
      byte[] state = machine.checkpoint(data).deviceState();
      machine.kill();
      image.seal();
      return state;
    }
  }

  private Machine blank(Hypervisor host, MemoryImage image) {
    return host.start(spec(image, MachineSpec.Start.RESTORE), _ -> {});
  }

  private MachineSpec spec(MemoryImage image, MachineSpec.Start start) {
    Path kernel = data.resolve("kernel");
    BareMetalGuest.write(kernel);
    return new MachineSpec(
        "bare-" + next++,
        1,
        image,
        start,
        kernel,
        Optional.empty(),
        Optional.empty(),
        MachineSpec.Channel.SERIAL,
        Optional.empty());
  }

  private static BareMetalGuest.Answer ask(SocketChannel serial, char question) throws Exception {
    return AcceleratorProbe.SerialExchange.ask(serial, (byte) question, DEADLINE);
  }
}
