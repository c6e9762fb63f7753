package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.image.BuiltTemplate;
import dev.podflare.image.FetchedShapes;
import dev.podflare.image.FrozenShape;
import dev.podflare.image.Progress;
import dev.podflare.image.Shape;
import dev.podflare.image.ShapePins;
import dev.podflare.image.ShapeStore;
import dev.podflare.image.TemplateStore;
import dev.podflare.qemu.Hypervisor;
import dev.podflare.qemu.Machine;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The shapes that can be handed out, each loaded once and kept with its pool. A shape that was
 * never asked for is booted once, in the background, however many callers wait for it. Thread-safe.
 */
final class Shapes implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Shapes.class);

  private static final Duration FRESH = Duration.ofSeconds(2);
  private static final Duration IN_USE = Duration.ofMinutes(1);

  /** So long a shape of another node stays in memory for who needs it next. */
  private static final Duration FETCHED_IDLE = Duration.ofMinutes(5);

  private final EngineConfig config;
  private final TemplateStore templates;
  private final ShapeStore frozen;
  private final FetchedShapes fetched;
  private final Optional<ShapeVault> vault;
  private final Ids ids;
  private final String fingerprint;
  private final Blanks starter;
  private final RestoreGate gate =
      new RestoreGate(Math.max(2, Runtime.getRuntime().availableProcessors()));
  private final Semaphore booting = new Semaphore(1);
  private final Map<String, Known> current = new ConcurrentHashMap<>();
  private final Map<Key, CompletableFuture<ShapePool>> pools = new ConcurrentHashMap<>();

  /**
   * A template's build and a size of machine.
   *
   * @param fetched the very image, of a shape that was booted elsewhere; empty for our own
   */
  private record Key(
      String template, String digest, Shape shape, DataSize disk, Optional<String> fetched) {
    static Key own(BuiltTemplate template, Shape shape, DataSize disk) {
      return new Key(template.name(), template.digest(), shape, disk, Optional.empty());
    }

    static Key fetched(Standing on) {
      return new Key(on.template(), on.digest(), on.shape(), on.disk(), Optional.of(on.image()));
    }
  }

  private record Known(BuiltTemplate template, long at) {}

  /** A pool, and whether its shape had to be booted for this caller. */
  record Found(ShapePool pool, boolean booted) {}

  /** {@code vault}: where those that are not here may be; empty: nowhere. */
  Shapes(
      EngineConfig config,
      Hypervisor hypervisor,
      Ids ids,
      Blanks starter,
      FetchedShapes fetched,
      Optional<ShapeVault> vault) {
    this.fetched = fetched;
    this.vault = vault;
    this.config = config;
    this.templates = new TemplateStore(config.templatesFolder());
    this.frozen = new ShapeStore(hypervisor, config.deadlines().boot());
    this.ids = ids;
    this.fingerprint = hypervisor.fingerprint();
    this.starter = starter;
  }

  /** The build that a name means; looked up anew when the last answer is two seconds old. */
  BuiltTemplate template(String name) {
    Known known = current.get(name);
    if (known != null && System.nanoTime() - known.at() < FRESH.toNanos()) {
      return known.template();
    }
    BuiltTemplate found = lookUp(name);
    current.put(name, new Known(found, System.nanoTime()));
    return found;
  }

  private BuiltTemplate lookUp(String name) {
    return templates
        .find(name)
        .orElseThrow(() ->
            name.equals(config.defaultTemplate())
                ? new PodflareException(
                    ErrorCode.TEMPLATE_NOT_BUILT,
                    "template "
                        + name
                        + " is not built yet: the daemon builds it at its first start, and its log"
                        + " tells how far it is; or run: podflare template build "
                        + name)
                : new PodflareException(
                    ErrorCode.TEMPLATE_NOT_FOUND,
                    "no template '" + name + "' is built here",
                    Map.of(
                        "templates", templates.list().stream().map(BuiltTemplate::name).toList())));
  }

  Optional<BuiltTemplate> ifBuilt(String name) {
    return templates.find(name);
  }

  /** Loads the own shapes of the templates that have pools, so that these fill up. */
  void preload() {
    for (String name : config.pools().keySet()) {
      templates.find(name).ifPresent(this::preload);
    }
  }

  private void preload(BuiltTemplate template) {
    LOG.info("loading template {} ({})", template.name(), template.shape());
    find(template, template.shape(), template.diskSize(), config.deadlines().boot());
  }

  /** The pool of a shape; loads it, or boots it if it is new, within the deadline. */
  Found find(BuiltTemplate template, Shape shape, DataSize disk, Duration deadline) {
    Key key = Key.own(template, shape, disk);
    boolean boot = false;
    CompletableFuture<ShapePool> known = pools.get(key);
    if (known == null || !known.isDone()) {
      boot = frozen.find(template, shape, disk).isEmpty();
      known = begin(template, key, boot);
    }
    return new Found(await(known, key, deadline), boot);
  }

  /**
   * The pool of the frozen shape that a checkpoint stands on; that very one, since no two boots
   * leave the same memory.
   */
  ShapePool standing(String checkpoint, CheckpointNeeds needs, Duration deadline) {
    if (!needs.hypervisor().equals(fingerprint)) {
      throw CheckpointNeeds.unfit(
          checkpoint,
          "it was frozen by another hypervisor ("
              + needs.hypervisor()
              + ") than this host's ("
              + fingerprint
              + ")");
    }
    return standing(checkpoint, Standing.of(needs), deadline);
  }

  /** The pool of the frozen shape that a running machine stands on. */
  ShapePool standing(MachineNote note, Duration deadline) {
    return standing(note.sandbox(), Standing.of(note), deadline);
  }

  /** Fetches the shape if it was booted elsewhere, once for all who wait for it. */
  private ShapePool standing(String what, Standing on, Duration deadline) {
    Optional<BuiltTemplate> build = templates.find(on.template(), on.digest());
    if (build.flatMap(it -> own(it, on)).isPresent()) {
      return find(build.get(), on.shape(), on.disk(), deadline).pool();
    }
    Key key = Key.fetched(on);
    CompletableFuture<ShapePool> known = pools.get(key);
    if (known == null) {
      requireSomewhere(what, on, build);
      known = begin(key, () -> fetchedShape(what, on, build));
    }
    return await(known, key, deadline);
  }

  private Optional<FrozenShape> own(BuiltTemplate build, Standing on) {
    return frozen.find(build, on.shape(), on.disk()).filter(it -> it.image().equals(on.image()));
  }

  private Optional<FrozenShape> alreadyFetched(Standing on, Optional<BuiltTemplate> build) {
    return build
        .or(() -> fetched.build(on.template(), on.digest()))
        .flatMap(it -> fetched.find(it, on.shape(), on.disk(), on.image()));
  }

  /** Where nobody shares the store, one that is not here is nowhere. */
  private void requireSomewhere(String what, Standing on, Optional<BuiltTemplate> build) {
    if (vault.isEmpty() && alreadyFetched(on, build).isEmpty()) {
      throw CheckpointNeeds.unfit(
          what,
          build.isEmpty()
              ? "its build " + on.digest() + " of template " + on.template() + " is not here"
              : "the memory image that it differs from is not here any more");
    }
  }

  private FrozenShape fetchedShape(String what, Standing on, Optional<BuiltTemplate> build) {
    return alreadyFetched(on, build).orElseGet(() -> vault.orElseThrow().fetch(what, on, build));
  }

  /** Those of these images that are on this host's disk. */
  List<FrozenShape> here(Set<String> images) {
    return templates.list().stream()
        .flatMap(current -> templates.builds(current.name()).stream())
        .flatMap(build -> frozen.list(build).stream())
        .filter(shape -> images.contains(shape.image()))
        .toList();
  }

  /**
   * Removes fetched shapes but for those of these images, those in memory, and young ones: what one
   * of these is for may not be recorded yet.
   */
  synchronized void keepFetched(Set<String> images, Instant before) {
    Set<String> needed = new HashSet<>(images);
    Set<String> builds = new HashSet<>();
    for (Key key : pools.keySet()) {
      key.fetched()
          .ifPresent(image -> {
            needed.add(image);
            builds.add(key.digest());
          });
    }
    fetched.keepOnly(needed, builds, before);
  }

  /** Forgets which frozen shapes must stay, but for those of these images and young ones. */
  void keepPinned(String holder, Set<String> images, Instant before) {
    templates.list().stream()
        .flatMap(current -> templates.builds(current.name()).stream())
        .forEach(build -> ShapePins.keepOnly(build, holder, images, before));
  }

  String fingerprint() {
    return fingerprint;
  }

  /** Loads or boots the shape unless that is under way; one at a time decides about room. */
  private synchronized CompletableFuture<ShapePool> begin(
      BuiltTemplate template, Key key, boolean boot) {
    CompletableFuture<ShapePool> known = pools.get(key);
    if (known != null) {
      return known;
    }
    if (boot) {
      makeRoom(template);
    }
    return begin(key, () -> foundOrBooted(template, key));
  }

  private synchronized CompletableFuture<ShapePool> begin(Key key, Supplier<FrozenShape> shape) {
    CompletableFuture<ShapePool> known = pools.get(key);
    if (known != null) {
      return known;
    }
    CompletableFuture<ShapePool> fresh = new CompletableFuture<>();
    pools.put(key, fresh);
    Thread.ofVirtual().name("shape " + key.shape()).start(() -> make(key, shape, fresh));
    return fresh;
  }

  /** At most so many shapes are kept; the one that was not used for longest gives way. */
  private void makeRoom(BuiltTemplate template) {
    long booting =
        pools.entrySet().stream()
            .filter(it -> it.getKey().fetched().isEmpty() && !it.getValue().isDone())
            .count();
    List<FrozenShape> kept = frozen.list(template);
    if (kept.size() + booting < config.caps().shapes()) {
      return;
    }
    FrozenShape oldest =
        kept.stream()
            .filter(shape -> !isOwn(template, shape.shape(), shape.disk()))
            .filter(shape -> !ShapePins.pinned(shape))
            .min(Comparator.comparingLong(this::lastUsed))
            .filter(shape -> System.nanoTime() - lastUsed(shape) > IN_USE.toNanos())
            .orElseThrow(() ->
                new PodflareException(
                    ErrorCode.HOST_FULL,
                    "template "
                        + template.name()
                        + " already has "
                        + config.caps().shapes()
                        + " shapes in use, the most that are kept; use one of them",
                    Map.of("shapes", kept.stream().map(FrozenShape::key).toList())));
    LOG.info("shape {} gives way to a new one", oldest.key());
    CompletableFuture<ShapePool> pool = pools.remove(keyOf(oldest));
    if (pool != null) {
      closeLater(pool);
    }
    frozen.delete(oldest); // sandboxes that run keep their files open
  }

  private long lastUsed(FrozenShape shape) {
    CompletableFuture<ShapePool> pool = pools.get(keyOf(shape));
    return pool != null && pool.isDone() && !pool.isCompletedExceptionally()
        ? pool.join().lastUsed()
        : System.nanoTime() - 2 * IN_USE.toNanos();
  }

  private static Key keyOf(FrozenShape shape) {
    return Key.own(shape.template(), shape.shape(), shape.disk());
  }

  private static boolean isOwn(BuiltTemplate template, Shape shape, DataSize disk) {
    return shape.equals(template.shape()) && disk.equals(template.diskSize());
  }

  private FrozenShape foundOrBooted(BuiltTemplate template, Key key) {
    return frozen
        .find(template, key.shape(), key.disk())
        .orElseGet(() -> {
          LOG.info(
              "booting template {} once in shape {} with {} disk",
              key.template(),
              key.shape(),
              key.disk());
          return boot(template, key);
        });
  }

  private void make(Key key, Supplier<FrozenShape> source, CompletableFuture<ShapePool> result) {
    try {
      FrozenShape shape = source.get();
      ShapePool pool =
          new ShapePool(
              LoadedShape.load(shape),
              starter,
              ids,
              config.deadlines().guest(),
              gate,
              poolSize(key, shape));
      pool.start();
      result.complete(pool);
    } catch (Throwable e) {
      LOG.warn("shape {} of template {}: {}", key.shape(), key.template(), e.toString());
      pools.remove(key);
      result.completeExceptionally(e);
    }
  }

  private EngineConfig.PoolSize poolSize(Key key, FrozenShape shape) {
    return key.fetched().isEmpty() && isOwn(shape.template(), key.shape(), key.disk())
        ? config.pools().getOrDefault(key.template(), EngineConfig.PoolSize.NONE)
        : EngineConfig.PoolSize.NONE;
  }

  /** One at a time: a boot is busy for many seconds. */
  private FrozenShape boot(BuiltTemplate template, Key key) {
    booting.acquireUninterruptibly();
    try {
      return frozen.build(template, key.shape(), key.disk(), Progress.none());
    } finally {
      booting.release();
    }
  }

  private static ShapePool await(CompletableFuture<ShapePool> coming, Key key, Duration deadline) {
    try {
      ShapePool pool = coming.get(deadline.toNanos(), TimeUnit.NANOSECONDS);
      pool.used();
      return pool;
    } catch (TimeoutException e) {
      throw new PodflareException(
          ErrorCode.SHAPE_PREPARING,
          "shape "
              + key.shape()
              + " of template "
              + key.template()
              + (key.fetched().isEmpty() ? " is being booted" : " is being fetched from the store")
              + "; ask again",
          e);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof PodflareException coded
          ? coded
          : new PodflareException(ErrorCode.INTERNAL, "cannot load shape " + key.shape(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", e);
    }
  }

  /**
   * Lets go of the pools of builds that their template's name no longer means, and of other nodes'
   * shapes that nobody has asked for lately.
   */
  void retireOldBuilds() {
    for (Key key : List.copyOf(pools.keySet())) {
      CompletableFuture<ShapePool> pool = pools.get(key);
      if (pool != null && pool.isDone() && isOver(key, pool) && pools.remove(key, pool)) {
        LOG.info("the pool of shape {} of template {} is closed", key.shape(), key.template());
        // Machines that were handed out keep what they map of the old image.
        closeLater(pool);
      }
    }
  }

  private boolean isOver(Key key, CompletableFuture<ShapePool> pool) {
    if (key.fetched().isPresent()) {
      return pool.isCompletedExceptionally()
          || System.nanoTime() - pool.join().lastUsed() > FETCHED_IDLE.toNanos();
    }
    return templates
        .find(key.template())
        .filter(current -> !current.digest().equals(key.digest()))
        .isPresent();
  }

  private static void closeLater(CompletableFuture<ShapePool> pool) {
    Thread.ofVirtual()
        .name("close old pool")
        .start(() -> {
          try {
            pool.thenAccept(Shapes::close).join();
          } catch (RuntimeException e) {
            LOG.warn("while closing a pool: {}", e.toString());
          }
        });
  }

  private static void close(ShapePool pool) {
    pool.close();
    pool.shape().close();
  }

  /** A caller is being served: the next call of the same is near. */
  void served() {
    gate.served();
  }

  /** A create begins or ends. */
  void creates() {
    gate.creates();
  }

  /** How long at least until no create has begun or ended for some milliseconds. */
  Duration untilCalm() {
    return gate.untilCalm();
  }

  /** While somebody waits for a copy of a machine the pools leave the processors to it. */
  void copyBegins() {
    gate.copyBegins();
  }

  void copyEnds() {
    gate.copyEnds();
  }

  /** Blanks of a shape that are ready, so many or fewer. */
  List<Machine> takeBlanks(LoadedShape shape, int count) {
    return poolOf(shape).map(pool -> pool.takeBlanks(count)).orElse(List.of());
  }

  /** One that is ready, or else one that is started now, on the caller's thread. */
  Machine blank(LoadedShape shape) {
    return takeBlanks(shape, 1).stream().findFirst().orElseGet(() -> startBlank(shape));
  }

  /** Starts a blank now, on the caller's thread. */
  Machine startBlank(LoadedShape shape) {
    return starter.start(shape);
  }

  /** A blank that was not used after all. */
  void giveBack(LoadedShape shape, Machine blank) {
    poolOf(shape).ifPresentOrElse(pool -> pool.giveBack(blank), blank::kill);
  }

  /** Empty for a shape of a build that was replaced. */
  private Optional<ShapePool> poolOf(LoadedShape shape) {
    return ready().stream().filter(pool -> pool.shape() == shape).findFirst();
  }

  /** A machine of a pool ended by itself. */
  void discard(Machine machine) {
    ready().forEach(pool -> pool.discard(machine));
  }

  /** Pools of the shapes in memory. */
  List<ShapePool> ready() {
    return pools.values().stream()
        .filter(future -> future.isDone() && !future.isCompletedExceptionally())
        .map(CompletableFuture::join)
        .toList();
  }

  @Override
  public void close() {
    ready().forEach(Shapes::close);
  }
}
