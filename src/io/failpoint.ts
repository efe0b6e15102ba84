import { AppError } from '../core/errors.ts';

/**
 * Places where a test can make the process die or fail. Each is named after the durable step that was just done, or is
 * about to be. Without `enableFailpoints` they do nothing.
 */
interface Strike {
  action: Action;
  /** It strikes whoever comes by for this time, and everybody after that. */
  left: number;
}
type Action = 'kill' | 'throw' | 'hold';
const ACTIONS: readonly string[] = ['kill', 'throw', 'hold'] satisfies Action[];
const enabled = new Map<string, Strike>();

/** `spec`: `file.after-temp=kill,publish.after-release=kill@7`, the seventh time; the empty text switches all off. */
export function enableFailpoints(spec: string): void {
  const wanted = new Map<string, Strike>();
  for (const part of spec.split(',').filter((text) => text.trim() !== '')) {
    const [, name, action, time] = /^([^=]+)=(\w+)(?:@([1-9]\d*))?$/.exec(part.trim()) ?? [];
    if (name === undefined || !isAction(action)) {
      const message =
        'A failpoint is written as name=kill, name=throw or name=hold, also with @ and which time; several with commas.';
      throw new AppError('INVALID_INPUT', message);
    }
    wanted.set(name, { action, left: Number(time ?? 1) });
  }
  enabled.clear();
  for (const [name, strike] of wanted) enabled.set(name, strike);
}

const isAction = (word: string | undefined): word is Action => word !== undefined && ACTIONS.includes(word);

export function failpoint(name: string): void {
  pass(name);
}

/**
 * A failpoint at the begin of one of several things that go on side by side. Held there, it never goes on, and neither
 * does whoever waits for it; the others come as far as they can. A process that has nothing else to do then ends.
 */
export async function holdpoint(name: string): Promise<void> {
  if (pass(name) === 'hold') await new Promise(() => undefined);
}

function pass(name: string): Action | undefined {
  const strike = enabled.get(name);
  if (strike === undefined) return undefined;
  strike.left -= 1;
  if (strike.left > 0) return undefined;
  const { action } = strike;
  // SIGKILL to oneself is delivered before the system call returns: nothing after this line runs.
  if (action === 'kill') process.kill(process.pid, 'SIGKILL');
  if (action === 'throw') throw new Error(`failpoint ${name}`);
  return action;
}
