package dev.podflare.tests;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/**
 * The house of ARCHITECTURE.md. Think before you change this file: a new arrow makes two modules
 * one. If a class needs something from above, it is most often in the wrong module, or wants an
 * interface that the module above implements.
 */
class LayersTest {
  private static final String ROOT = "dev.podflare.";

  @Test
  void arrowsPointDownOnly() {
    JavaClasses classes =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.podflare");
    layeredArchitecture()
        .consideringOnlyDependenciesInAnyPackage("dev.podflare..")
        .layer("common")
        .definedBy(ROOT + "common..")
        .layer("linux")
        .definedBy(ROOT + "linux..")
        .layer("network")
        .definedBy(ROOT + "network..")
        .layer("qemu")
        .definedBy(ROOT + "qemu..")
        .layer("guest")
        .definedBy(ROOT + "guest..")
        .layer("image")
        .definedBy(ROOT + "image..")
        .layer("store")
        .definedBy(ROOT + "store..")
        .layer("webhook")
        .definedBy(ROOT + "webhook..")
        .layer("volume")
        .definedBy(ROOT + "volume..")
        .layer("engine")
        .definedBy(ROOT + "engine..")
        .layer("client")
        .definedBy(ROOT + "client..")
        .layer("mcp")
        .definedBy(ROOT + "mcp..")
        .layer("frameworks")
        .definedBy(ROOT + "langchain4j..", ROOT + "springai..")
        .layer("server")
        .definedBy(ROOT + "server..")
        .layer("cli")
        .definedBy(ROOT + "cli..")
        .whereLayer("linux")
        .mayOnlyBeAccessedByLayers("network", "qemu", "engine", "cli")
        .whereLayer("network")
        .mayOnlyBeAccessedByLayers("webhook", "engine", "server", "cli")
        .whereLayer("qemu")
        .mayOnlyBeAccessedByLayers("image", "engine", "cli")
        .whereLayer("guest")
        .mayOnlyBeAccessedByLayers("image", "engine", "cli")
        .whereLayer("image")
        .mayOnlyBeAccessedByLayers("engine", "cli")
        .whereLayer("store")
        .mayOnlyBeAccessedByLayers("webhook", "engine", "server", "cli")
        .whereLayer("webhook")
        .mayOnlyBeAccessedByLayers("server", "cli")
        .whereLayer("volume")
        .mayOnlyBeAccessedByLayers("engine", "cli")
        .whereLayer("engine")
        .mayOnlyBeAccessedByLayers("server", "cli")
        .whereLayer("server")
        .mayOnlyBeAccessedByLayers("cli")
        .whereLayer("client")
        .mayOnlyBeAccessedByLayers("mcp", "frameworks", "server", "cli")
        .whereLayer("mcp")
        .mayOnlyBeAccessedByLayers("frameworks", "server", "cli")
        .whereLayer("frameworks")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("cli")
        .mayNotBeAccessedByAnyLayer()
        .check(classes);
  }
}
