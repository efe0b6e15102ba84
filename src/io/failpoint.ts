import { AppError } from '../core/errors.ts';

/**
 * Places where a test can make the process die or fail. Each is named after the durable step that was just done, or is
 * about to be. Without `enableFailpoints` they do nothing.
 */
interface Strike {
  action: 'kill' | 'throw';
  /** It strikes whoever comes by for this time, and everybody after that. */
  left: number;
}
const enabled = new Map<string, Strike>();

/** `spec`: `file.after-temp=kill,publish.after-release=kill@7`, the seventh time; the empty text switches all off. */
export function enableFailpoints(spec: string): void {
  const wanted = new Map<string, Strike>();
  for (const part of spec.split(',').filter((text) => text.trim() !== '')) {
    const [, name, action, time] = /^([^=]+)=(kill|throw)(?:@([1-9]\d*))?$/.exec(part.trim()) ?? [];
    if (name === undefined || action === undefined) {
      const message =
        'A failpoint is written as name=kill or name=throw, also with @ and which time; several with commas.';
      throw new AppError('INVALID_INPUT', message);
    }
    wanted.set(name, { action: action === 'kill' ? 'kill' : 'throw', left: Number(time ?? 1) });
  }
  enabled.clear();
  for (const [name, strike] of wanted) enabled.set(name, strike);
}

export function failpoint(name: string): void {
  const strike = enabled.get(name);
  if (strike === undefined) return;
  strike.left -= 1;
  if (strike.left > 0) return;
  const { action } = strike;
  // SIGKILL to oneself is delivered before the system call returns: nothing after this line runs.
  if (action === 'kill') process.kill(process.pid, 'SIGKILL');
  if (action === 'throw') throw new Error(`failpoint ${name}`);
}
