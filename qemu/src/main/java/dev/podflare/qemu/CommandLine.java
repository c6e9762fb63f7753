package dev.podflare.qemu;

import dev.podflare.qemu.MachineSpec.Channel;
import dev.podflare.qemu.MachineSpec.Start;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * QEMU's arguments for a machine, as seen from inside the jail. A change here changes what a
 * checkpoint means: raise {@link #REVISION} with it, so that templates are booted anew. Stateless.
 */
final class CommandLine {
  /** Part of what a checkpoint must fit. */
  static final int REVISION = 3;

  /** What every kernel is booted with; {@link #kernelArguments} says why. */
  static final String KERNEL_ARGUMENTS =
      "console=ttyS0 quiet reboot=t panic=-1 random.trust_cpu=on tsc=reliable"
          + " mitigations=off lsm=landlock,yama init_on_alloc=0 hardened_usercopy=off"
          + " randomize_kstack_offset=off"
          + " transparent_hugepage=madvise"
          + " psi=0 nowatchdog sysctl.vm.compaction_proactiveness=0 sysctl.vm.stat_interval=600";

  static final int MEMORY_FD = 9;
  static final String VM = "/vm";

  /** Name of the agent's channel in that folder: of its pipes, or its socket. */
  static final String CHANNEL = "agent";

  static final String DISK = "/disk";
  static final String KERNEL = "/kernel";
  static final String INITRD = "/initrd";
  static final String BASE = "/base.raw";
  static final String SHAPE = "/shape.qcow2";

  /** The filter that the guest's disk hangs on; what lies under it is changed while it runs. */
  static final String ROOT = "root";

  static final String THROTTLE_GROUP = "limits";

  private CommandLine() {}

  static List<String> arguments(
      MachineSpec spec, Accelerator accelerator, long tscKilohertz, int translationMebibytes) {
    List<String> line = new ArrayList<>();
    add(line, accelerator.binary().toString());
    add(line, "-M", "microvm,acpi=on,rtc=on,suppress-vmdesc=on,memory-backend=ram");
    switch (accelerator.kind()) {
      case KVM -> add(line, "-accel", "kvm", "-cpu", "host,-arch-capabilities");
      case TCG ->
          add(line, "-accel", "tcg,thread=multi,tb-size=" + translationMebibytes, "-cpu", "max");
    }
    add(line, "-m", spec.memory().size().mebibytes() + "M");
    add(line, "-smp", "" + spec.vcpus());
    add(line, "-nodefaults", "-no-user-config", "-display", "none", "-S");
    // A guest that ends stays, stopped, until the host has read its last words.
    add(line, "-action", "reboot=shutdown,shutdown=pause,panic=pause");
    add(line, "-object", memory(spec));
    add(line, "-global", "migration.send-configuration=off");
    add(line, "-kernel", KERNEL);
    spec.initrd().ifPresent(_ -> add(line, "-initrd", INITRD));
    if (spec.channel() == Channel.AGENT) {
      add(line, "-append", kernelArguments(tscKilohertz));
    }
    spec.disk().ifPresent(disk -> addDisk(line, disk));
    addChannel(line, spec.channel());
    spec.network().ifPresent(port -> addNetwork(line, port));
    add(line, "-qmp", "unix:" + VM + "/qmp,server=on,wait=off");
    add(
        line,
        "-sandbox",
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    if (spec.start() == Start.RESTORE) {
      add(line, "-incoming", "defer");
    }
    return line;
  }

  private static String memory(MachineSpec spec) {
    return "memory-backend-file,id=ram,size="
        + spec.memory().size().bytes()
        + ",mem-path=/proc/self/fd/"
        + MEMORY_FD
        + ",share="
        + (spec.start() == Start.BOOT ? "on" : "off");
  }

  /**
   * tsc_early_khz: without it the guest calibrates its clock against emulated timers at boot and,
   * emulated on a busy host, every second boot hangs.
   *
   * <p>tsc=reliable: without it the kernel holds the counter against its ticks, of which an
   * emulated guest loses some. It then gives the counter up for those ticks, for good: a clock that
   * goes slow and in steps of 4 ms, and a processor that is woken at each tick.
   *
   * <p>mitigations to randomize_kstack_offset: what guards a guest's kernel and its programs from
   * each other. A guest is one user's, who is root in it; the walls are outside. These cost a tenth
   * of each system call, and more of the first ones in a copy, whose code is not translated yet.
   * Landlock and Yama stay, since programs ask for them.
   *
   * <p>transparent_hugepage=madvise: else a program that touches a byte may have two mebibytes
   * zeroed for it, each page of which is the sandbox's own from then on: held, copied by a fork,
   * stored by a freeze.
   *
   * <p>psi to stat_interval: what an idle kernel wakes up for several times a second.
   */
  private static String kernelArguments(long tscKilohertz) {
    return KERNEL_ARGUMENTS + " tsc_early_khz=" + tscKilohertz;
  }

  private static void addDisk(List<String> line, MachineSpec.DiskSpec disk) {
    add(line, "-object", "throttle-group,id=" + THROTTLE_GROUP);
    add(line, "-blockdev", "driver=null-co,node-name=nothing,size=" + disk.size().bytes());
    String throttle = "driver=throttle,throttle-group=" + THROTTLE_GROUP;
    add(line, "-blockdev", throttle + ",node-name=" + ROOT + ",file=nothing");
    add(line, "-device", "virtio-blk-device,drive=" + ROOT);
    String file = "driver=file,read-only=on,filename=";
    String discard = ",read-only=on,discard=ignore";
    add(line, "-blockdev", file + BASE + ",node-name=base-file");
    add(line, "-blockdev", "driver=raw,node-name=base,file=base-file" + discard);
    disk.shape()
        .ifPresent(_ -> {
          add(line, "-blockdev", file + SHAPE + ",node-name=shape-file");
          String shape = "driver=qcow2,node-name=shape,file=shape-file,backing=base";
          add(line, "-blockdev", shape + discard);
        });
  }

  private static void addChannel(List<String> line, Channel channel) {
    String path = VM + "/" + CHANNEL;
    switch (channel) {
      case SERIAL -> {
        add(line, "-chardev", "socket,id=agent,path=" + path + ",server=on,wait=off");
        add(line, "-serial", "chardev:agent");
      }
      case AGENT -> {
        // QEMU has both ends of its pipes open, so the guest never notices that a daemon is gone.
        add(line, "-chardev", "pipe,id=agent,path=" + path);
        // The console goes to a ring in memory: a guest that floods it must not fill the disk.
        add(line, "-chardev", "ringbuf,id=console,size=65536", "-serial", "chardev:console");
        add(line, "-device", "virtio-serial-device");
        add(line, "-device", "virtserialport,chardev=agent,name=podflare.agent");
      }
    }
  }

  /**
   * Without announcing itself after a restore: every guest has the same address in its own network,
   * and what a guest runs first is slow when it is emulated.
   */
  private static void addNetwork(List<String> line, NetworkPort port) {
    String tap = "tap,id=net,ifname=" + port.tap() + ",script=no,downscript=no";
    add(line, "-netdev", tap);
    String card = "virtio-net-device,netdev=net,guest_announce=off,mac=";
    add(line, "-device", card + NetworkPort.GUEST_MAC);
  }

  /** Lowest node that a machine's own layer is put on. */
  static Optional<String> lowestNode(MachineSpec spec) {
    return spec.disk().map(disk -> disk.shape().isPresent() ? "shape" : "base");
  }

  private static void add(List<String> line, String... words) {
    line.addAll(List.of(words));
  }
}
