import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../operations/services.ts';
import type { UncleanStop } from '../stores/opened-store.ts';

/** Milliseconds. Who waited for the server to be ready again comes first. */
const LATER = 1_000;

/** A look that goes on. */
export interface Look {
  /** Ends it where it is; the next start looks again. */
  stop(): Promise<void>;
}

/**
 * The whole of the program that looks. It runs in a process of its own, so it can use nothing from around it: one
 * question blocks its thread until every page was read, and SQLite may not survive what it finds.
 */
function look(file: string): void {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const SQLITE_CORRUPT = 11;
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  const damage: unknown[] = [];
  try {
    for (const { quick_check } of database.prepare('pragma quick_check(20)').iterate()) {
      if (quick_check !== 'ok') damage.push(quick_check);
    }
  } catch (error) {
    // It gives up in the middle where a tree cannot be followed.
    const { errcode, message } = error as Error & { errcode?: number };
    if (((errcode ?? 0) & 0xff) !== SQLITE_CORRUPT) throw error;
    damage.push(message);
  }
  process.stdout.write(JSON.stringify(damage));
}

/** Reads every page of a file that was not closed, beside everything else, and tells what was found. */
export function lookAt(unclean: UncleanStop, log: Log): Look {
  log.info({}, 'the store was not closed when it was last used; its file is looked at');
  const stopping = new AbortController();
  let child: ChildProcess | undefined;
  const over = (async () => {
    await sleep(LATER, undefined, { signal: stopping.signal, ref: false });
    const { spawn } = await import('node:child_process');
    stopping.signal.throwIfAborted();
    child = spawn(process.execPath, ['-e', `(${look})(process.argv[1])`, unclean.file], {
      env: {},
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const outcome = await outcomeOf(child);
    if (!stopping.signal.aborted) tellOutcome(outcome, unclean, log);
  })().catch((err: unknown) => {
    if (!stopping.signal.aborted) log.error({ err }, 'the file of the store cannot be looked at');
  });
  return {
    async stop() {
      stopping.abort();
      child?.kill('SIGKILL');
      await over;
    },
  };
}

interface Outcome {
  code: number | null;
  signal: string | null;
  answer: string;
}

async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  let answer = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    answer += text;
  });
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  // Requests come first, for the processor at least.
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  const [code, signal] = await closed;
  return { code, signal, answer };
}

function tellOutcome({ code, signal, answer }: Outcome, unclean: UncleanStop, log: Log): void {
  if (code !== 0) {
    log.error({ code, signal }, 'the file of the store could not be looked at; the next start tries again');
    return;
  }
  const damage = JSON.parse(answer) as string[];
  if (damage.length === 0) {
    unclean.passed();
    log.info({}, 'the file of the store is whole');
  } else {
    unclean.failed();
    log.error({ damage }, 'the file of the store is damaged: stop this server and restore a backup');
  }
}
