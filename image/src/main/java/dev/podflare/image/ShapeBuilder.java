package dev.podflare.image;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.AgentChannel;
import dev.podflare.guest.ChannelListener;
import dev.podflare.guest.ExecCommand;
import dev.podflare.guest.GuestCall;
import dev.podflare.guest.GuestContexts;
import dev.podflare.guest.GuestLanguage;
import dev.podflare.guest.GuestStream;
import dev.podflare.qemu.Checkpoint;
import dev.podflare.qemu.Hypervisor;
import dev.podflare.qemu.Machine;
import dev.podflare.qemu.MachineSpec;
import dev.podflare.qemu.MemoryImage;
import dev.podflare.qemu.NetworkPort;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Boots a template in one shape, warms the guest up and freezes it into a folder. Thread-safe. */
final class ShapeBuilder {
  private static final Logger LOG = LoggerFactory.getLogger(ShapeBuilder.class);
  private static final int STEPS = 3;

  /** A guest that is emulated on a busy host resets itself in its first second, once in a while. */
  private static final int BOOTS = 3;

  private static final Duration CALL_DEADLINE = Duration.ofMinutes(5);

  /**
   * Run before the freeze, so that every sandbox finds it in memory: the first call of each kind is
   * slow, above all where guests are emulated.
   */
  private static final String USUAL_WARM_UP =
      """
      import json, re, os, sys, subprocess, base64, io, time, math, random, traceback, linecache
      for _ in range(3): exec(compile("print(1); 1 + 1", "<warm-up>", "exec"), {})
      """;

  private final Hypervisor hypervisor;
  private final Duration bootDeadline;

  ShapeBuilder(Hypervisor hypervisor, Duration bootDeadline) {
    this.hypervisor = hypervisor;
    this.bootDeadline = bootDeadline;
  }

  void freeze(BuiltTemplate template, Shape shape, DataSize disk, Path folder, Progress progress)
      throws IOException {
    int attempt = 1;
    while (!frozen(template, shape, disk, folder, progress, attempt)) {
      attempt++;
    }
  }

  /** False if the guest reset itself while it booted, and may be booted once more. */
  private boolean frozen(
      BuiltTemplate template,
      Shape shape,
      DataSize disk,
      Path folder,
      Progress progress,
      int attempt)
      throws IOException {
    Steps steps = new Steps(template.name(), progress, STEPS);
    try (MemoryImage memory = MemoryImage.create(shape.memory())) {
      LastWords lastWords = new LastWords();
      Machine machine = hypervisor.start(spec(template, shape, disk, memory), lastWords::end);
      try {
        try (AgentChannel channel = AgentChannel.open(machine.connectAgent(), new Deaf())) {
          try {
            steps.run("boot in shape " + shape, () -> boot(machine, channel, lastWords));
          } catch (PodflareException e) {
            if (lastWords.ended() && attempt < BOOTS) {
              LOG.warn("template {} is booted once more: {}", template.name(), e.sentence());
              return false;
            }
            throw e;
          }
          steps.run("warm up", () -> warmUp(template, channel));
          channel.barrier(CALL_DEADLINE);
          machine.pause();
        }
        steps.run("freeze", () -> store(machine, memory, folder));
        return true;
      } finally {
        machine.kill();
      }
    }
  }

  /** The console of a guest that ends by itself: it goes with its QEMU. */
  private static final class LastWords {
    private final CompletableFuture<String> console = new CompletableFuture<>();

    void end(Machine machine) {
      console.complete(machine.console());
      machine.kill();
    }

    boolean ended() {
      return console.isDone();
    }

    String of(Machine machine) {
      String alive = machine.console();
      return alive.isEmpty()
          ? console.copy().completeOnTimeout("", 2, TimeUnit.SECONDS).join()
          : alive;
    }
  }

  private void boot(Machine machine, AgentChannel channel, LastWords lastWords) {
    machine.boot();
    try {
      channel.awaitHello(bootDeadline);
    } catch (PodflareException e) {
      throw new PodflareException(
          ErrorCode.BUILD_FAILED,
          "The guest did not become ready: "
              + e.sentence()
              + " Its console says: "
              + lastWords.of(machine),
          e);
    }
  }

  private static void warmUp(BuiltTemplate template, AgentChannel channel) {
    run(channel, GuestLanguage.PYTHON, USUAL_WARM_UP);
    if (!template.warmUp().isBlank()) {
      run(channel, GuestLanguage.PYTHON, template.warmUp());
    }
    if (!template.warmContexts().isEmpty()) {
      try {
        new GuestContexts(channel, CALL_DEADLINE).warm(template.warmContexts(), CALL_DEADLINE);
      } catch (PodflareException e) {
        throw new PodflareException(
            ErrorCode.BUILD_FAILED, "Interpreters cannot be made ahead: " + e.sentence(), e);
      }
    }
    for (int i = 0; i < 3; i++) {
      run(channel, GuestLanguage.PYTHON, "print(1)");
      run(channel, GuestLanguage.BASH, "true");
    }
    run(channel, GuestLanguage.BASH, "sync");
  }

  private static void run(AgentChannel channel, GuestLanguage language, String code) {
    GuestCall.Outcome outcome =
        GuestCall.run(channel, ExecCommand.of(language, code), CALL_DEADLINE);
    if (outcome.code() != 0) {
      throw new PodflareException(
          ErrorCode.BUILD_FAILED,
          "The warm-up failed with exit code " + outcome.code() + ": " + outcome.stderr());
    }
  }

  private static void store(Machine machine, MemoryImage memory, Path folder) {
    try (Checkpoint checkpoint = machine.checkpoint(folder)) {
      Files.write(folder.resolve(FrozenShape.DEVICES), checkpoint.deviceState());
      Files.move(checkpoint.layers().getFirst(), folder.resolve(FrozenShape.LAYER));
      machine.kill();
      memory.store(folder.resolve(FrozenShape.MEMORY));
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.BUILD_FAILED, "Cannot store a checkpoint.", e);
    }
  }

  private static MachineSpec spec(
      BuiltTemplate template, Shape shape, DataSize disk, MemoryImage memory) {
    return new MachineSpec(
        "boot-" + Long.toHexString(ThreadLocalRandom.current().nextLong()),
        shape.vcpus(),
        memory,
        MachineSpec.Start.BOOT,
        template.kernel(),
        Optional.of(template.initrd()),
        Optional.of(new MachineSpec.DiskSpec(template.disk(), Optional.empty(), disk)),
        MachineSpec.Channel.AGENT,
        Optional.of(new NetworkPort.Unconnected()));
  }

  /** The build asks and waits for answers; it has no use for anything else. */
  private static final class Deaf implements ChannelListener {
    @Override
    public void notice(Map<String, Object> notice) {}

    @Override
    public void stray(GuestStream stream, byte[] bytes) {}

    @Override
    public void closed(PodflareException cause) {}
  }
}
