package dev.podflare.engine;

import dev.podflare.network.EgressPolicy;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.List;

/**
 * What the platform does, as its doors (HTTP, MCP, command line) see it. Every call may throw
 * {@link dev.podflare.common.PodflareException}; nothing else is thrown on purpose. Thread-safe;
 * calls block and are meant for virtual threads.
 *
 * <p>A sandbox of another key is reported as {@code SANDBOX_NOT_FOUND}; one that was closed within
 * the last day as {@code GONE} with {@code details.reason}.
 */
public interface Engine extends SavedStates, SandboxTerminals, SandboxProcesses, SandboxSecrets {
  /** How long a guest may take to accept a connection. */
  Duration PORT_PATIENCE = Duration.ofSeconds(5);

  /** Hands over a sandbox: from the warm pool, else restored, else booted for a new shape. */
  CreatedSandbox create(Caller caller, CreateRequest request);

  SandboxPage list(Caller caller, ListRequest request);

  SandboxView get(Caller caller, String sandboxId);

  SandboxView patch(Caller caller, String sandboxId, PatchRequest request);

  /** What the sandbox's guest may reach, what it has moved, and what it was refused. */
  NetworkView network(Caller caller, String sandboxId);

  /**
   * Changes that; in force when this returns, also for connections that are open. The answer has no
   * figures.
   */
  NetworkView setNetwork(Caller caller, String sandboxId, EgressPolicy policy);

  /**
   * The guest stands still, in the host's memory: it costs no processor time, and lifetime and
   * calls' time limits stand still too. It can still be forked and compared. Repeating it is no
   * error.
   */
  SandboxView pause(Caller caller, String sandboxId);

  /** A paused sandbox goes on. One that runs is left as it is. */
  SandboxView resume(Caller caller, String sandboxId);

  /**
   * Takes the sandbox back to before its last {@code calls} of Python or bash: memory, disk and
   * processes are those of then. It keeps id, deadlines, metadata and network policy. Calls that
   * run end; those that ran at that moment go on, under new ids. {@code NOTHING_TO_UNDO}, with the
   * number that can be taken back, if there are fewer. On failure it goes on as it was.
   */
  SandboxView undo(Caller caller, String sandboxId, int calls);

  /** Ends the sandbox and frees what it held before it returns. Repeating it is no error. */
  void delete(Caller caller, String sandboxId);

  /**
   * Makes children of a running sandbox: copies of its memory, disk and processes of one instant.
   * All children or none; the sandbox itself goes on in any case.
   */
  ForkedSandboxes fork(Caller caller, String sandboxId, ForkRequest request);

  /**
   * The winner, a fork of the sandbox or a fork of its forks, goes on under the sandbox's id,
   * deadlines and metadata, with whatever runs in it; the sandbox's own machine ends, and the
   * winner's id is gone. All of that or nothing. {@code INVALID_FIELD} if the winner is the sandbox
   * itself or no fork of it; {@code SANDBOX_NOT_FOUND} if one of them was merged already.
   *
   * @param closeSiblings also ends the sandbox's other children
   */
  void merge(Caller caller, String sandboxId, String winnerId, boolean closeSiblings);

  /**
   * Forks a sandbox and starts one call in each child. The children are closed if the fan-out does
   * not reach its end.
   */
  default FanOut fanOut(Caller caller, String sandboxId, FanOutRequest request) {
    return LocalFanOut.start(this, caller, sandboxId, request);
  }

  /**
   * What the second sandbox's files have that the first's have not, as both are now. {@code
   * PAYLOAD_TOO_LARGE} if there are too many files below the paths.
   */
  FileDiff diff(Caller caller, String sandboxId, String otherId, DiffRequest request);

  /** Somebody is busy with the sandbox: its idle time starts anew. */
  void touch(Caller caller, String sandboxId);

  /**
   * A sandbox's ancestors, oldest first, then itself, then all that were forked from it, over
   * generations, in order of creation. Closed ones are remembered for a day.
   */
  List<FamilyMember> tree(Caller caller, String sandboxId);

  /**
   * A connection to a TCP port of the guest, which is woken if it sleeps. While it is open the
   * sandbox is not idle; when the guest's machine ends, it is closed. Throws {@code
   * PORT_NOT_LISTENING}; {@code TIMED_OUT} after {@link #PORT_PATIENCE}; {@code WRONG_STATE} where
   * the host gives guests no network.
   *
   * @param port 1 to 65535
   * @return in blocking mode; the caller's to close
   */
  SocketChannel connectPort(Caller caller, String sandboxId, int port);

  /** The sandbox's files; nothing is asked of it before the first call. */
  SandboxFiles files(Caller caller, String sandboxId);

  /** Starts (or queues) code. The execution goes on whether or not anybody reads its stream. */
  Execution exec(Caller caller, String sandboxId, ExecRequest request);

  /** The contexts of a sandbox, which is woken as by {@link #exec}. */
  Contexts contexts(Caller caller, String sandboxId);

  /** Executions of the sandbox, newest first; the last 1,000 are kept. */
  List<ExecutionView> executions(Caller caller, String sandboxId);

  Execution execution(Caller caller, String sandboxId, String executionId);

  /** The last 1,000 events of all executions of the sandbox, oldest first. */
  List<ReplayEvent> replay(Caller caller, String sandboxId);

  /**
   * Makes a volume: a folder that many sandboxes mount, and that outlives them. {@code
   * VOLUME_EXISTS} if the caller has one of this name; {@code TOO_MANY_VOLUMES}.
   */
  VolumeView createVolume(Caller caller, VolumeRequest request);

  /** By name. */
  List<VolumeView> volumes(Caller caller);

  /** {@code VOLUME_NOT_FOUND}. */
  VolumeView volume(Caller caller, String idOrName);

  /**
   * Deletes a volume and all that is in it; one that is not there is no error. {@code
   * VOLUME_IN_USE}, with the sandboxes, while some have it mounted.
   *
   * @param force also then; they find it stale
   */
  void deleteVolume(Caller caller, String idOrName, boolean force);

  CapacityView capacity();

  EngineInfo info();
}
