package dev.podflare.engine;

import java.time.Duration;

/** What this node is and which limits are in force. Sizes in MiB and GiB as named. */
public record EngineInfo(
    String version,
    String accelerator,
    String acceleratorReason,
    String qemuVersion,
    String defaultTemplate,
    int defaultVcpus,
    int maxVcpus,
    int defaultMemoryMebibytes,
    int maxMemoryMebibytes,
    int defaultDiskGibibytes,
    int maxDiskGibibytes,
    Duration defaultTimeout,
    Duration maxTimeout,
    Duration defaultIdleTimeout,
    Duration maxIdleTimeout,
    int maxSandboxes,
    int maxQueuedExecutions,
    long maxCodeBytes,
    int maxFork,
    int maxUndo,
    int maxProcesses) {}
