/**
 * A fake engine for the server's own logic, the contract's validator and the malformed requests.
 */
@org.jspecify.annotations.NullMarked
package dev.podflare.server.testing;
