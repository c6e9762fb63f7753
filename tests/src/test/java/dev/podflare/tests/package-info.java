/** Tests of the whole, on real guests. */
@org.jspecify.annotations.NullMarked
package dev.podflare.tests;
