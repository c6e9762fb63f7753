package dev.podflare.cli;

import dev.podflare.client.ClientConfig;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the daemon is told: options first, then the file, then defaults. Empty numbers are chosen
 * from the host's memory by the engine.
 *
 * @param templates folder of built templates; may be shared among data folders
 * @param template name of the default template
 * @param pool warm sandboxes of the default template
 * @param blanks machines that wait for a checkpoint, of the default template
 * @param more what only the file can say
 * @param network of the guests; the file alone says it
 * @param store where checkpoints are kept; the file alone says it
 * @param database of the records; without an address the data folder has it
 * @param webhooks where they may lead; the file alone says it
 * @param portsDomain below which guests' ports have host names
 */
record ServeConfig(
    ListenAddress listen,
    Path data,
    AcceleratorChoice accelerator,
    Optional<Path> templates,
    String template,
    OptionalInt pool,
    OptionalInt blanks,
    ServeFile.EnginePart more,
    ServeFile.NetworkPart network,
    ServeFile.StorePart store,
    ServeFile.DatabasePart database,
    ServeFile.WebhooksPart webhooks,
    Optional<String> region,
    Optional<String> endpoint,
    Optional<String> portsDomain,
    LogFormat logFormat,
    String logLevel) {

  /** From a file alone. */
  static ServeConfig of(ServeFile file) {
    ServeFile.ServerPart server = file.server().orElse(ServeFile.ServerPart.EMPTY);
    ServeFile.EnginePart engine = file.engine().orElse(ServeFile.EnginePart.EMPTY);
    ServeFile.LogPart log = file.log().orElse(ServeFile.LogPart.EMPTY);
    return new ServeConfig(
        ListenAddress.parse(server.listen().orElse(ClientConfig.DEFAULT_LISTEN)),
        file.data().orElseGet(DataFolder::standard),
        engine.accelerator().orElse(AcceleratorChoice.AUTO),
        engine.templates(),
        engine.template().orElse("default"),
        engine.pool(),
        engine.blanks(),
        engine,
        file.network().orElse(ServeFile.NetworkPart.EMPTY),
        file.store().orElse(ServeFile.StorePart.EMPTY),
        file.database().orElse(ServeFile.DatabasePart.EMPTY),
        file.webhooks().orElse(ServeFile.WebhooksPart.EMPTY),
        server.region(),
        server.endpoint(),
        server.portsDomain(),
        log.format().orElse(LogFormat.TEXT),
        log.level().orElse("info"));
  }

  /** The same on another data folder, emulated, so that nothing is probed. */
  ServeConfig on(Path folder) {
    return with(folder, AcceleratorChoice.TCG, templates, pool, blanks, network);
  }

  /** The same on another data folder, for guests that have no network. */
  ServeConfig withoutNetwork(Path folder, Path builtTemplates) {
    return with(
        folder, accelerator, Optional.of(builtTemplates), pool, blanks, ServeFile.NetworkPart.NONE);
  }

  ServeConfig withNetwork(ServeFile.NetworkPart other) {
    return with(data, accelerator, templates, pool, blanks, other);
  }

  ServeConfig withMachines(int newPool, int newBlanks) {
    return with(
        data, accelerator, templates, OptionalInt.of(newPool), OptionalInt.of(newBlanks), network);
  }

  private ServeConfig with(
      Path newData,
      AcceleratorChoice newAccelerator,
      Optional<Path> newTemplates,
      OptionalInt newPool,
      OptionalInt newBlanks,
      ServeFile.NetworkPart newNetwork) {
    return new ServeConfig(
        listen,
        newData,
        newAccelerator,
        newTemplates,
        template,
        newPool,
        newBlanks,
        more,
        newNetwork,
        store,
        database,
        webhooks,
        region,
        endpoint,
        portsDomain,
        logFormat,
        logLevel);
  }
}
