/** Folders that many guests mount at once, and the server that they reach them by. */
@org.jspecify.annotations.NullMarked
package dev.podflare.volume;
