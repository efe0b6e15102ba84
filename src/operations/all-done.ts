/**
 * Like `Promise.all`, but when it fails nothing is under way any more that could still write, and of several failures the
 * first in the list is told. What is asked of a transaction like this is sent all at once where the store is elsewhere.
 */
export async function allDone<const T extends readonly Promise<unknown>[]>(
  work: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
