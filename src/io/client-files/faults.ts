import { AppError } from '../../core/errors.ts';

/** The system's name of the fault (`ENOSPC`), or `unexpected`. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unexpected';
}

/** Runs one step on the disk; a fault becomes WRITE_FAILED and says which step it was. */
export async function step<T>(name: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw writeFailed(name, path, error);
  }
}

export function writeFailed(name: string, path: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const reason = codeOf(cause);
  const message = `The step "${name}" failed for ${path} (${reason}).`;
  return new AppError('WRITE_FAILED', message, { reason, step: name, path }, { cause });
}
