package dev.podflare.tests;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;

/**
 * Tests with real guests: skipped, with the reason, where none can run. A parameter of type {@link
 * TestPlatform} is the daemon that all of them share. Which of them run side by side: {@link
 * Lanes}.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(PlatformExtension.class)
@ResourceLock(providers = Lanes.class)
@interface OnPlatform {}
