import type { FastifyReply } from 'fastify';

/** Calls back when the connection of an answer is gone, also when that was so before anybody asked. */
export function whenGone({ raw }: FastifyReply, work: () => void): void {
  if (raw.closed) work();
  else raw.once('close', work);
}
