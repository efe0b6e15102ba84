import { FileWatch } from '../../io/client-files/watch.ts';
import type { Context, Watch } from '../operation.ts';

/** How often it is looked although nothing was heard. */
const POLL_MS = 30_000;
/** Left after an event, so that a file is not looked at while it is written, and several events are one look. */
const SETTLE_MS = 150;
/** A file that changes so often within a minute is rewritten by a program that keeps it open. */
const OFTEN = 10;
const OFTEN_MS = 60_000;

interface Watched {
  /** The files of the deployments, as they are now. */
  files(): Promise<string[]>;
  now: Context['now'];
  pause: Context['services']['pause'];
  /** Ends it. */
  signal: AbortSignal;
  /** What is worth telling again when it is another. */
  gist(output: Record<string, unknown>): string;
}

/** Says when to look again: as soon as a file changes, else twice a minute. */
export function watchFiles({ files, now, pause, signal, gist }: Watched): Watch {
  let bell = new AbortController();
  const watch = new FileWatch(() => bell.abort());
  signal.addEventListener('abort', () => watch.close());
  const rewrites = new Rewrites();
  let remarks: string[] = [];
  const told = onceEach(gist);
  return {
    async next() {
      for (let settled = false; ; settled = true) {
        bell = new AbortController();
        const followed = await files();
        watch.follow(followed);
        const changed = watch.changes(followed);
        remarks = changed.flatMap(({ file, first }) => (first ? [] : rewrites.note(file, now().getTime())));
        if (signal.aborted) watch.close();
        if (changed.length > 0 && !settled) await pause(SETTLE_MS, signal);
        if (signal.aborted || changed.length > 0) return !signal.aborted;
        await pause(POLL_MS, AbortSignal.any([signal, bell.signal]));
        if (!bell.signal.aborted) return !signal.aborted;
        await pause(SETTLE_MS, signal);
      }
    },
    isNews: told,
    remarks: () => remarks,
  };
}

/** True for an output whose gist differs from that of the one before; the same answer for the same output. */
function onceEach(gist: Watched['gist']): (output: Record<string, unknown>) => boolean {
  let last = '';
  let judged: { output: Record<string, unknown>; news: boolean } | undefined;
  return (output) => {
    if (judged?.output === output) return judged.news;
    const now = gist(output);
    judged = { output, news: now !== last };
    last = now;
    return judged.news;
  };
}

/** Counts how often each file changes, and says it once when it is often. */
class Rewrites {
  readonly #times = new Map<string, number[]>();
  readonly #told = new Set<string>();

  note(file: string, at: number): string[] {
    const times = [...(this.#times.get(file) ?? []), at].filter((time) => at - time < OFTEN_MS);
    this.#times.set(file, times);
    if (times.length < OFTEN) {
      this.#told.delete(file);
      return [];
    }
    if (this.#told.has(file)) return [];
    this.#told.add(file);
    return [
      `${file} is rewritten again and again (${times.length} times within a minute): a program keeps its content in memory, and may undo what is written there. Close it before you deploy.`,
    ];
  }
}
