/**
 * Waits for all of it, also when one fails: nothing goes on behind the back of the caller, who clears away what was begun.
 * Throws what the first in the list has thrown that failed.
 */
export async function sideBySide(...work: (Promise<unknown> | undefined)[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}
