/** Real servers that the tests of this and other modules start for themselves. */
@org.jspecify.annotations.NullMarked
package dev.podflare.store.testing;
