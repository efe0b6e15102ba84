import { statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_WORKSPACE, UNBOUND } from '../core/binding.ts';
import { AppError, NEWER_SCHEMA } from '../core/errors.ts';
import { AGENT_SCOPES, SCOPES } from '../core/scopes.ts';
import { KeyDirectory } from '../io/keys.ts';
import { type Launcher, launcherIn } from '../io/launcher.ts';
import { machineId } from '../io/machine.ts';
import type { SharedRedis } from '../io/redis/redis.ts';
import { registryAt } from '../io/registry.ts';
import { openSecrets } from '../io/secrets/store.ts';
import { SignerCommand } from '../io/signer-command.ts';
import type { TargetRules } from '../io/webhooks/targets.ts';
import { type Observer, UNOBSERVED } from '../operations/observer.ts';
import type { Context, Door, Principal } from '../operations/operation.ts';
import type { Remote } from '../operations/pull/remote.ts';
import type { Log, Machine, Services } from '../operations/services.ts';
import { Bell } from '../stores/bell.ts';
import type { OpenedStore, Surroundings } from '../stores/opened-store.ts';
import { withSharedCache } from '../stores/shared-cache.ts';
import { makeDirectory } from '../stores/sqlite-file.ts';
import { IS_BUNDLED } from './build.ts';
import { type Config, userHome } from './config.ts';
import { openShared } from './shared.ts';
import { openStore } from './stores.ts';
import { VERSION } from './version.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface App {
  store: OpenedStore;
  /** What servers have in common, where a Redis is named. */
  shared?: Shared | undefined;
  services: Services;
  /** A context for one call of the person at this machine. */
  localContext(door: Door, kind?: Principal['kind']): Context;
  close(): Promise<void>;
}

export interface Shared {
  redis: SharedRedis;
  /** Artifacts that came from there, and those that had to be read from the store. */
  artifacts: { readonly hits: number; readonly misses: number };
}

export interface AppSettings {
  config: Config;
  env: Environment;
  log: Log;
  allow_http_deploy?: boolean;
  observer?: Observer;
  /** Whether the observer hears of every statement of the store, too. */
  observe_statements?: boolean;
  /** How often to look for what other processes have committed, in milliseconds, while somebody wants to know. */
  bell_ms?: number;
  /** A server that runs for long: it uses the Redis that is named. Short calls would be gone before it helped. */
  lasting?: boolean;
}

/** The script that starts this program; in a checkout the same one as in the package. */
const PROGRAM = fileURLToPath(
  new URL(IS_BUNDLED ? '../bin/mcp-orchestration.js' : '../../bin/mcp-orchestration.js', import.meta.url),
);

/** The launcher of a data directory; written elsewhere when it is made before the directory has its place. */
export const launcherAt = (data_dir: string, env: Environment, place = data_dir): Launcher =>
  launcherIn(place, {
    node: process.execPath,
    script: PROGRAM,
    os: thisSystem(),
    data_dir: data_dir === join(userHome(env), '.mcp-orchestration') ? undefined : data_dir,
  });

export const now = (): Date => new Date();
/** A UUID that has only to differ from others: `node:crypto` would be loaded for it by every short command. */
export function newRequestId(): string {
  const hex = () =>
    Math.floor(Math.random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  const [a, b, c, d] = [hex(), hex(), hex(), hex()];
  const variant = '89ab'[Math.floor(Math.random() * 4)];
  return `req_${a}-${b.slice(0, 4)}-4${b.slice(5)}-${variant}${c.slice(1, 4)}-${c.slice(4)}${d}`;
}

/** The system in the words of the client registry. */
export const thisSystem = (): Machine['os'] =>
  process.platform === 'win32' ? 'windows' : process.platform === 'darwin' ? 'macos' : 'linux';

/** Makes everything that an operation needs. The only caller of constructors. */
export async function compose(settings: AppSettings): Promise<App> {
  const { config } = settings;
  makePrivateDirectory(config.home);
  const redis = settings.lasting ? await openShared(config, settings.log) : undefined;
  const opened = await openStore(config.database, { around: aroundStore(settings), fan_out: redis, log: settings.log });
  if (opened.refusal) {
    const words = 'a newer version has added to the database: it is only read, and every change is refused';
    settings.log.warn({ reason: NEWER_SCHEMA }, words);
  }
  const cached = redis && withSharedCache(opened, redis.texts);
  const store = cached?.store ?? opened;
  const bell = new Bell(store.dataVersion, settings.bell_ms);
  store.onChange?.(() => bell.hurry());
  const services = servicesOf(settings, bell, store);
  const localContext = (door: Door, kind: Principal['kind'] = 'user'): Context => ({
    store,
    services,
    workspace: DEFAULT_WORKSPACE,
    principal: {
      actor: `local:${userName()}`,
      kind,
      scopes: kind === 'agent' ? AGENT_SCOPES : new Set(SCOPES),
      binding: UNBOUND,
    },
    door,
    request_id: newRequestId(),
    now,
  });
  const close = async () => {
    await store.close();
    await redis?.close();
  };
  return { store, shared: redis && cached && { redis, artifacts: cached.counts }, services, localContext, close };
}

function aroundStore({ observer = UNOBSERVED, observe_statements = false }: AppSettings): Surroundings {
  return {
    transaction: (work) => observer.during({ kind: 'transaction' }, work),
    ...(observe_statements && { statement: (verb, work) => observer.during({ kind: 'statement', verb }, work) }),
  };
}

function servicesOf(
  { config, env, log, allow_http_deploy = true, observer = UNOBSERVED }: AppSettings,
  bell: Bell,
  store: Pick<OpenedStore, 'snapshot'>,
): Services {
  let machine: Promise<Machine> | undefined;
  const launcher = launcherAt(config.home, env);
  /** Kept, because each knows what was answered before, so that its server may say that nothing is new. */
  const remotes = new Map<string | undefined, Remote>();
  const os = thisSystem();
  const findMachine = async (): Promise<Machine> => ({
    machine_id: await machineId(config.home),
    os,
    env,
    home: userHome(env),
    uid: process.getuid?.(),
  });
  return {
    log,
    observer,
    mode: config.mode,
    allow_http_deploy,
    version: VERSION,
    os,
    keys: config.SIGNER_COMMAND
      ? new SignerCommand(config.SIGNER_COMMAND, env, observer.signed)
      : new KeyDirectory(join(config.home, 'keys'), observer.signed),
    bell,
    secrets: openSecrets({ data_dir: config.home, passphrase_file: config.KEY_PASSPHRASE_FILE }),
    launcher,
    launcher_path: config.database.kind === 'sqlite' ? launcher.path : null,
    checkTarget: async (url) => {
      const { WebhookTargets } = await import('../io/webhooks/targets.ts');
      return new WebhookTargets(targetRules(config)).check(url);
    },
    registry: config.REGISTRY_URL === undefined ? null : registryAt(config.REGISTRY_URL, targetRules(config)),
    remote: async (url = config.SERVER, allow_http = false) => {
      const { remoteAt } = await import('./remote.ts');
      const remote = remotes.get(url) ?? remoteAt(url, config.TOKEN, allow_http);
      remotes.set(url, remote);
      return remote;
    },
    pause: async (ms, signal) => {
      const { setTimeout: sleep } = await import('node:timers/promises');
      await sleep(ms, undefined, { signal }).catch(() => undefined);
    },
    machine: () => {
      machine ??= findMachine();
      return machine;
    },
    inspectStore: async (progress) => {
      const { inspect } = await import('../stores/inspect/inspect.ts');
      return store.snapshot((snapshot) => inspect(snapshot, progress));
    },
    data_dir: config.home,
    backups_dir: join(config.home, 'backups'),
    writer_lock: join(config.home, 'writer.lock'),
    describeSelf,
  };
}

/** Where webhooks may go. */
export const targetRules = ({ mode, WEBHOOK_ALLOW }: Config): TargetRules => ({
  mode,
  allow: new Set(WEBHOOK_ALLOW.map((place) => place.toLowerCase())),
});

async function describeSelf(): ReturnType<Services['describeSelf']> {
  const { OPERATIONS } = await import('../operations/index.ts');
  const bound = OPERATIONS.flatMap(({ mcp }) => (mcp ? [mcp] : []));
  return {
    tools: bound.flatMap(({ tool }) => tool ?? []),
    resources: bound.flatMap(({ resource }) => resource?.uri ?? []),
    toolsets: [...new Set(bound.map(({ toolset }) => toolset ?? 'core'))],
  };
}

/**
 * Only its owner may look inside: what it holds decides what programs start. A directory that exists is never changed;
 * one that belongs to somebody else, or that others may write, is refused.
 */
function makePrivateDirectory(path: string): void {
  try {
    makeDirectory(path);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw unusable(path, `cannot be made (${reason})`, reason, cause);
  }
  const { uid, mode } = statSync(path);
  const self = process.getuid?.();
  if (self === undefined) return;
  if (uid !== self) throw unusable(path, 'belongs to somebody else', 'foreign_owner');
  if ((mode & 0o022) !== 0) throw unusable(path, 'may be written by others', 'writable_by_others');
}

function unusable(path: string, what: string, reason: string, cause?: unknown): AppError {
  const hint = 'Set MCP_ORCHESTRATION_HOME to a directory that belongs to you, and that nobody else may write.';
  return new AppError('WRITE_FAILED', `The data directory ${path} ${what}.`, { reason, path }, { cause, hint });
}

/** The name that audit rows show. An account without a name (a container's `--user 1000`) goes by its number. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
