package dev.podflare.client;

import java.net.URI;
import java.time.Instant;

/**
 * A link to a port of a sandbox: whoever has it gets in, until it expires. Immutable.
 *
 * @param url for a browser; holds the token
 * @param token alone, to be given as {@code pf_token}
 */
public record PortLink(URI url, String token, Instant expiresAt) {}
