import type { Context, Target, Watch } from '../operation.ts';
import type { Remote } from './remote.ts';

/** How often it is asked although nothing was heard: for pointers, which come without an event, and where no stream gets through. */
const POLL_MS = 60_000;
/** Left between two pulls of which the first brought nothing: a server that tells of releases all the time would else be asked all the time. */
const REST_MS = 500;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 5 * 60_000;

/** Between a half and the whole, so that machines which were cut off together do not come back together. */
const spread = (ms: number) => ms * (0.5 + Math.random() / 2);
const backoff = (failures: number) => spread(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1)));

export interface Watched {
  remote: Remote;
  target: Target;
  pause: Context['services']['pause'];
  /** Ends it. */
  signal: AbortSignal;
}

/**
 * Says when to pull again: as soon as the server tells of a release, else every minute; after a failure at growing
 * intervals. It never gives up: whoever was away for a month comes back alone.
 */
export function watchRemote(watched: Watched): Watch {
  const { pause, signal } = watched;
  let bell = new AbortController();
  void listen(watched, () => bell.abort());
  let failures = 0;
  return {
    async next(before) {
      const failed = before === 'failed';
      failures = failed ? failures + 1 : 0;
      if (before !== 'news') await pause(REST_MS, signal);
      await pause(failed ? backoff(failures) : spread(POLL_MS), AbortSignal.any([signal, bell.signal]));
      bell = new AbortController();
      return !signal.aborted;
    },
    isNews: ({ status }) => status !== 'unchanged',
  };
}

/** Rings for every release that is published, and when some may have been missed. Without a stream, polling goes on alone. */
async function listen({ remote, target, pause, signal }: Watched, ring: () => void): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      for await (const _release of remote.published(target, signal)) {
        failures = 0;
        ring();
      }
    } catch {
      // Whatever is wrong with the server, the pulls say it.
    }
    failures += 1;
    await pause(backoff(failures), signal);
  }
}
