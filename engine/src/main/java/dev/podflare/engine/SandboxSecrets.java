package dev.podflare.engine;

import java.util.List;

/**
 * Secrets of sandboxes. Their values never enter a guest: the gate puts them into its requests to
 * the hosts that they are for. Children, Spaces and snapshots have copies; a merge, a rollback and
 * an undo leave the id's own. Thread-safe.
 */
public interface SandboxSecrets {
  /** By name; without values. */
  List<SecretView> secrets(Caller caller, String sandboxId);

  /**
   * Adds a secret, or changes the one of that name, from the next request on. {@code GUEST_TOO_OLD}
   * if the guest's agent cannot be told to trust the gate; {@code WRONG_STATE} where guests have no
   * network.
   */
  SecretView putSecret(Caller caller, String sandboxId, SecretRequest request);

  /**
   * Takes a secret away: no request gets it any more when this returns, and connections that it
   * went over are cut. {@code SECRET_NOT_FOUND}.
   */
  void deleteSecret(Caller caller, String sandboxId, String name);

  /**
   * Clones a repository into the sandbox, as a call of bash, with a credential that stays outside.
   * {@code GIT_NOT_AVAILABLE}, {@code GIT_ACCESS_REFUSED}, {@code GIT_REPOSITORY_NOT_FOUND}, {@code
   * GIT_REF_NOT_FOUND}, {@code DIRECTORY_NOT_EMPTY}, {@code TIMED_OUT}, or {@code GIT_FAILED} with
   * git's own words; then nothing of it stays.
   */
  ClonedRepository cloneRepository(Caller caller, String sandboxId, GitCloneRequest request);
}
