import type { Log } from './services.ts';

const PAUSE_MS = 60_000;
const told = new WeakMap<Log, Map<string, number>>();

/** A warning of something that is tried several times a second, such as while the store is away: each at most once a minute. */
export function warnRarely(log: Log, fields: object, message: string): void {
  const before = told.get(log) ?? new Map<string, number>();
  told.set(log, before);
  const at = performance.now();
  if (at - (before.get(message) ?? Number.NEGATIVE_INFINITY) < PAUSE_MS) return;
  before.set(message, at);
  log.warn(fields, message);
}
