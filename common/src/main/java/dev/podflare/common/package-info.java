/** Words that every module shares: coded errors, data sizes, identifiers. */
@org.jspecify.annotations.NullMarked
package dev.podflare.common;
