package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.common.PodflareException;
import dev.podflare.guest.AgentChannel;
import dev.podflare.guest.ChannelListener;
import dev.podflare.guest.ExecCommand;
import dev.podflare.guest.GuestCall;
import dev.podflare.guest.GuestLanguage;
import dev.podflare.guest.GuestStream;
import dev.podflare.guest.Hello;
import dev.podflare.guest.Renewal;
import dev.podflare.image.BuiltTemplate;
import dev.podflare.image.FrozenShape;
import dev.podflare.image.ShapeStore;
import dev.podflare.qemu.Checkpoint;
import dev.podflare.qemu.Hypervisor;
import dev.podflare.qemu.HypervisorConfig;
import dev.podflare.qemu.Machine;
import dev.podflare.qemu.MachineSpec;
import dev.podflare.qemu.MemoryImage;
import dev.podflare.qemu.NetworkPort;
import dev.podflare.qemu.OwnPages;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ThreadLocalRandom;

/** Machines of the minimal template without an engine: restored, frozen, restored. One thread. */
final class CheckpointLab implements AutoCloseable {
  private static final Duration PATIENCE = TestPlatform.PATIENCE;

  private final Path folder;
  private final Hypervisor hypervisor;
  private final FrozenShape shape;
  private final MemoryImage memory;
  private int machines;

  CheckpointLab(Path folder) {
    this.folder = folder;
    BuiltTemplate template = TestTemplates.minimal();
    String instance = String.format("%08x", ThreadLocalRandom.current().nextInt());
    hypervisor =
        Hypervisor.open(HypervisorConfig.of(instance, folder, HypervisorConfig.Choice.AUTO));
    shape =
        new ShapeStore(hypervisor, PATIENCE)
            .find(template, template.shape(), template.diskSize())
            .orElseThrow();
    memory = MemoryImage.load(shape.memory(), shape.shape().memory());
  }

  /** A guest and the channel to it. */
  record Guest(Machine machine, AgentChannel channel, Hello hello, Heard heard)
      implements AutoCloseable {

    String python(String code) {
      return run(GuestLanguage.PYTHON, code);
    }

    String bash(String code) {
      return run(GuestLanguage.BASH, code);
    }

    private String run(GuestLanguage language, String code) {
      GuestCall.Outcome outcome = GuestCall.run(channel, ExecCommand.of(language, code), PATIENCE);
      assertThat(outcome.code()).as("%s", outcome).isZero();
      return outcome.stdout().strip();
    }

    @Override
    public void close() {
      machine.kill();
      channel.close();
    }
  }

  /** What a channel told besides answers. Thread-safe. */
  static final class Heard implements ChannelListener {
    final List<PodflareException> ends = new CopyOnWriteArrayList<>();

    @Override
    public void notice(Map<String, Object> notice) {}

    @Override
    public void stray(GuestStream stream, byte[] bytes) {}

    @Override
    public void closed(PodflareException cause) {
      ends.add(cause);
    }
  }

  /** The template's own checkpoint, restored. */
  Guest fromTemplate() {
    return restore(new Checkpoint(shape.readDeviceState(), OwnPages.none(), List.of()), 1);
  }

  Guest restore(Checkpoint checkpoint, long epoch) {
    machines++;
    Machine machine = hypervisor.start(blank("mch_lab" + machines), _ -> {});
    machine.restore(checkpoint);
    Heard heard = new Heard();
    AgentChannel channel = AgentChannel.open(machine.connectAgent(), heard);
    machine.resume();
    Hello hello = channel.renew(Renewal.of(epoch, "lab-" + machines), PATIENCE);
    return new Guest(machine, channel, hello, heard);
  }

  /** Freezes a running guest, which then runs on. Prints for how long it stood still. */
  Checkpoint freeze(Guest guest) throws Exception {
    Path layers = Files.createTempDirectory(folder, "layers");
    guest.machine().prepareCheckpoint();
    guest.channel().barrier(PATIENCE);
    long begin = System.nanoTime();
    try {
      guest.machine().pause();
      Checkpoint checkpoint = guest.machine().checkpoint(layers);
      guest.machine().resume();
      System.out.printf(
          "checkpoint of a running guest: %d KiB own pages in %d runs, %d layers, stood still"
              + " %.1f ms%n",
          checkpoint.pages().size() >> 10,
          checkpoint.pages().runs().size(),
          checkpoint.layers().size(),
          (System.nanoTime() - begin) / 1e6);
      return checkpoint;
    } finally {
      guest.channel().release();
    }
  }

  private MachineSpec blank(String id) {
    return new MachineSpec(
        id,
        shape.shape().vcpus(),
        memory,
        MachineSpec.Start.RESTORE,
        shape.template().kernel(),
        Optional.of(shape.template().initrd()),
        Optional.of(
            new MachineSpec.DiskSpec(
                shape.template().disk(), Optional.of(shape.diskLayer()), shape.disk())),
        MachineSpec.Channel.AGENT,
        Optional.of(new NetworkPort.Unconnected()));
  }

  @Override
  public void close() {
    hypervisor.close();
    memory.close();
  }
}
