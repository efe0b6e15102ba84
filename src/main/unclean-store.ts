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

/** What the program that looks has to say: what is damaged, or why it cannot tell. */
type Answer = { damage: string[] } | { reason: string };

/**
 * The whole of the program that looks. It runs in a process of its own, so it can use nothing from around it: one
 * question blocks its thread until every page was read, and SQLite may not survive what it finds.
 */
function look(file: string): void {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const [SQLITE_CORRUPT, SQLITE_NOTADB] = [11, 26];
  const damage: string[] = [];
  let answer: Answer = { damage };
  try {
    const database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
    for (const { quick_check } of database.prepare('pragma quick_check(20)').iterate()) {
      if (quick_check !== 'ok') damage.push(String(quick_check));
    }
  } catch (error) {
    const { errcode, message } = error as Error & { errcode?: number };
    const code = (errcode ?? 0) & 0xff;
    // It gives up in the middle where a tree cannot be followed.
    if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) damage.push(message);
    else answer = { reason: message };
  }
  process.stdout.write(JSON.stringify(answer));
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
  text: string;
}

async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  // Requests come first, for the processor at least.
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  const [code, signal] = await closed;
  return { code, signal, text };
}

const UNKNOWN = 'the file of the store could not be looked at; the next start tries again';

function tellOutcome({ code, signal, text }: Outcome, unclean: UncleanStop, log: Log): void {
  if (code !== 0) {
    log.error({ code, signal }, UNKNOWN);
    return;
  }
  const answer = JSON.parse(text) as Answer;
  if ('reason' in answer) {
    log.error({ reason: answer.reason }, UNKNOWN);
  } else if (answer.damage.length > 0) {
    unclean.failed();
    log.error({ damage: answer.damage }, 'the file of the store is damaged: stop this server and restore a backup');
  } else {
    unclean.passed();
    log.info({}, 'the file of the store is whole');
  }
}
