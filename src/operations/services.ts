import type { Keys } from '../io/keys.ts';
import type { Launcher } from '../io/launcher.ts';
import type { Registry } from '../io/registry.ts';
import type { SecretStore } from '../io/secrets/store.ts';
import type { Bell } from '../stores/bell.ts';
import type { Inspection } from '../stores/inspect/inspect.ts';
import type { Observer } from './observer.ts';
import type { Remote } from './pull/remote.ts';

/** The little that the product needs of a logger; pino fits. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The machine and account that a deployment writes on. */
export interface Machine {
  /** Random and kept in the data directory: the ledger of one machine is never applied on another. */
  machine_id: string;
  os: 'linux' | 'macos' | 'windows';
  env: Readonly<Record<string, string | undefined>>;
  home: string;
  /** Numeric owner that links and files must have; undefined on Windows. */
  uid: number | undefined;
}

/** What operations need besides the store; made once per process by main/compose.ts. */
export interface Services {
  log: Log;
  observer: Observer;
  mode: 'local' | 'server';
  /** False: deploying over HTTP is refused, because the files would be those of the server machine. */
  allow_http_deploy: boolean;
  version: string;
  /** The system this process runs on. */
  os: Machine['os'];
  keys: Keys;
  secrets: SecretStore;
  /** The program that entries call whose references the client cannot resolve; `ensure` makes the file when it is missing. */
  launcher: Launcher;
  /** What entries call; null where the launcher could not read the store, which is in no file. */
  launcher_path: string | null;
  /** Rings when anything was committed to the store. */
  bell: Bell;
  /** The URL of a webhook in its normal form. Throws WEBHOOK_TARGET_REFUSED when nothing may be sent there. */
  checkTarget(url: string): Promise<string>;
  /** The registry of MCP servers that may be asked; null when none is set up, which is the rule. */
  registry: Registry | null;
  /**
   * The server to pull from; the one of the settings when none is named. Throws INVALID_INPUT when that cannot be, and
   * for http to another machine unless that is allowed.
   */
  remote(url: string | undefined, allow_http: boolean): Promise<Remote>;
  /** Waits; ends early, without an error, when the signal is aborted. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
  machine(): Promise<Machine>;
  /** Walks through every row of the store as it is at one instant. */
  inspectStore(progress?: (doing: string) => void): Promise<Inspection>;
  /** Absolute path of the data directory. */
  data_dir: string;
  /** Where backups of client files and the lock of the writer live. */
  backups_dir: string;
  writer_lock: string;
  /** What this server offers, for the capabilities resource; filled by compose, since only it knows the list of operations. */
  describeSelf(): Promise<{ tools: string[]; resources: string[]; toolsets: string[] }>;
}
