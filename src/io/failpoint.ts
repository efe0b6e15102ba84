import { AppError } from '../core/errors.ts';

/**
 * Places where a test can make the process die or fail. Each is named after the durable step that was just done, or is
 * about to be. Without `enableFailpoints` they do nothing.
 */
const enabled = new Map<string, 'kill' | 'throw'>();

/** `spec`: `file.after-temp=kill,file.after-rename=throw`; the empty text switches all off. */
export function enableFailpoints(spec: string): void {
  const wanted = new Map<string, 'kill' | 'throw'>();
  for (const part of spec.split(',').filter((text) => text.trim() !== '')) {
    const [name, action, ...rest] = part.trim().split('=');
    if (!name || (action !== 'kill' && action !== 'throw') || rest.length > 0) {
      throw new AppError('INVALID_INPUT', 'A failpoint is written as name=kill or name=throw, several with commas.');
    }
    wanted.set(name, action);
  }
  enabled.clear();
  for (const [name, action] of wanted) enabled.set(name, action);
}

export function failpoint(name: string): void {
  const action = enabled.get(name);
  // SIGKILL to oneself is delivered before the system call returns: nothing after this line runs.
  if (action === 'kill') process.kill(process.pid, 'SIGKILL');
  if (action === 'throw') throw new Error(`failpoint ${name}`);
}
