import { machineId } from '../io/machine.ts';
import type { SharedRedis } from '../io/redis/redis.ts';
import type { Log } from '../operations/services.ts';
import type { Config } from './config.ts';

/** Redis, where one is named. The driver is loaded only then. */
export async function openShared(config: Config, log: Log): Promise<SharedRedis | undefined> {
  if (config.REDIS_URL === undefined) return undefined;
  const { namespaceOf, openRedis } = await import('../io/redis/redis.ts');
  return openRedis({ url: config.REDIS_URL, namespace: namespaceOf(await identityOf(config)), log });
}

/** Where everything is kept, without what says who asks. Servers of one installation name their database alike. */
async function identityOf({ database, home }: Config): Promise<string> {
  if (database.kind === 'sqlite') return `sqlite ${await machineId(home)} ${database.path}`;
  const { host, pathname, searchParams } = new URL(database.url);
  const place = ['host', 'port', 'options'].map((name) => searchParams.get(name) ?? '');
  return ['postgres', host, pathname, ...place].join(' ');
}
