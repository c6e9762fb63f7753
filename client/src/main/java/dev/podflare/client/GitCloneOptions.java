package dev.podflare.client;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A repository to clone into a sandbox.
 *
 * @param path absolute folder; empty: named as the repository, in {@code /root}
 * @param ref branch, tag or commit; empty: the repository's own branch
 * @param depth commits of history; empty: all
 * @param username with a password or token; it stays outside of the sandbox
 * @param timeout until it is given up
 */
public record GitCloneOptions(
    String url,
    Optional<String> path,
    Optional<String> ref,
    Optional<Integer> depth,
    Optional<String> username,
    Optional<String> password,
    Optional<String> token,
    Optional<Duration> timeout) {

  /** The whole repository, without a credential. */
  public static GitCloneOptions of(String url) {
    return new GitCloneOptions(
        url,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  public GitCloneOptions into(String folder) {
    return new GitCloneOptions(
        url, Optional.of(folder), ref, depth, username, password, token, timeout);
  }

  public GitCloneOptions at(String branchTagOrCommit) {
    return new GitCloneOptions(
        url, path, Optional.of(branchTagOrCommit), depth, username, password, token, timeout);
  }

  public GitCloneOptions withDepth(int commits) {
    return new GitCloneOptions(
        url, path, ref, Optional.of(commits), username, password, token, timeout);
  }

  public GitCloneOptions withToken(String value) {
    return new GitCloneOptions(
        url, path, ref, depth, username, password, Optional.of(value), timeout);
  }

  public GitCloneOptions withPassword(String user, String value) {
    return new GitCloneOptions(
        url, path, ref, depth, Optional.of(user), Optional.of(value), token, timeout);
  }

  public GitCloneOptions withTimeout(Duration value) {
    return new GitCloneOptions(
        url, path, ref, depth, username, password, token, Optional.of(value));
  }

  Map<String, Object> body() {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("url", url);
    path.ifPresent(it -> body.put("path", it));
    ref.ifPresent(it -> body.put("ref", it));
    depth.ifPresent(it -> body.put("depth", it));
    timeout.ifPresent(it -> body.put("timeout_seconds", Wire.seconds(it)));
    Map<String, Object> credential = new LinkedHashMap<>();
    username.ifPresent(it -> credential.put("username", it));
    password.ifPresent(it -> credential.put("password", it));
    token.ifPresent(it -> credential.put("token", it));
    if (!credential.isEmpty()) {
      body.put("credential", credential);
    }
    return body;
  }

  /** Without the credential. */
  @Override
  public String toString() {
    return "GitCloneOptions[" + url + "]";
  }
}
