package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.network.Destination;
import dev.podflare.network.SecretRule;
import dev.podflare.network.SecretUse;
import dev.podflare.store.Change;
import dev.podflare.store.SandboxRecord;
import dev.podflare.store.SandboxRecords;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Changes the secrets of live sandboxes, in the records and at the gate. Thread-safe. */
final class Secrets {
  private static final Duration TRUST_PATIENCE = Duration.ofSeconds(20);

  private final SecretVault vault;
  private final SandboxRecords records;
  private final InstantSource clock;

  Secrets(SecretVault vault, SandboxRecords records, InstantSource clock) {
    this.vault = vault;
    this.records = records;
    this.clock = clock;
  }

  SecretVault vault() {
    return vault;
  }

  /** Text of a new sandbox's record. */
  String seal(List<SecretRequest> requests, boolean networked) {
    if (!requests.isEmpty() && !networked) {
      throw noNetwork();
    }
    return vault.seal(requests, clock.instant());
  }

  private static PodflareException noNetwork() {
    return new PodflareException(
        ErrorCode.WRONG_STATE, "this server gives sandboxes no network: a secret would go nowhere");
  }

  static List<SecretView> list(SandboxRecord record, Map<String, SecretUse> uses) {
    return SecretText.parse(record.secrets()).stream().map(it -> view(it, uses)).toList();
  }

  private static SecretView view(SecretText.Entry entry, Map<String, SecretUse> uses) {
    SecretRule rule = entry.rule();
    return new SecretView(
        rule.name(),
        rule.hosts().stream().map(Destination.Domain::toString).toList(),
        rule.place(),
        rule.placeholder(),
        entry.createdAt(),
        entry.changedAt(),
        uses.getOrDefault(rule.name(), SecretUse.NONE));
  }

  static PodflareException notThere(String name) {
    return SecretVault.notThere(name);
  }

  /** Refuses a guest in whose requests the gate could put nothing. */
  void requireGate(Sandbox sandbox) {
    if (sandbox.guest().port().isEmpty()) {
      throw noNetwork();
    }
    sandbox.guest().requireTrust();
  }

  /** False if the sandbox has closed, or is another, since a moment. */
  boolean put(Sandbox sandbox, String sandboxId, SecretRequest request) {
    requireGate(sandbox);
    boolean done = change(sandbox, sandboxId, text -> vault.put(text, request, clock.instant()));
    if (done && sandbox.state() == SandboxState.READY) {
      sandbox.guest().trustNow(TRUST_PATIENCE); // else the first call sees to it
    }
    return done;
  }

  boolean delete(Sandbox sandbox, String sandboxId, String name) {
    return change(sandbox, sandboxId, text -> SecretVault.remove(text, name));
  }

  /** First the gate, then the records; the gate goes back if these cannot be written. */
  private boolean change(Sandbox sandbox, String sandboxId, UnaryOperator<String> change) {
    synchronized (sandbox) {
      if (!sandbox.is(sandboxId)) {
        return false;
      }
      SandboxRecord old = sandbox.record();
      SandboxRecord changed = old.withSecrets(change.apply(old.secrets()));
      sandbox.applyAccess(changed);
      try {
        if (!records.update(changed, Change.SETTINGS)) {
          throw new PodflareException(ErrorCode.GONE, sandboxId + " was closed just now");
        }
        sandbox.replaceRecord(changed);
      } catch (RuntimeException e) {
        sandbox.applyAccess(old);
        throw e;
      }
    }
    sandbox.touch();
    return true;
  }
}
