import type { Store } from '../store.ts';
import type { Nouns } from './index.ts';

/** Methods that are about more than one workspace, or find out which one. All others take theirs as first argument. */
const ACROSS: Readonly<Partial<Record<keyof Nouns, readonly string[]>>> = {
  events: ['newest'],
  pointers: ['due', 'overview'],
  tokens: ['byDigest', 'count'],
  webhooks: ['claim', 'settle', 'backlog', 'release'],
  workspaces: ['create', 'get', 'list'],
} satisfies { [N in keyof Nouns]?: readonly (keyof Store[N])[] };

/** Makes a call where only the rows of a workspace can be seen; undefined: those of every one. */
export type Through = <T>(workspace: string | undefined, call: (nouns: Nouns) => Promise<T>) => Promise<T>;

type Methods = Record<string, (...args: unknown[]) => Promise<unknown>>;

/** The same nouns, every call of them `through` a wall that hides the rows of other workspaces. `shape` has the names. */
export function behindWall(shape: Nouns, through: Through): Nouns {
  const walled = Object.entries(shape).map(([noun, methods]) => {
    const across = new Set(ACROSS[noun as keyof Nouns]);
    const calls = Object.keys(methods).map((method) => [
      method,
      (...args: unknown[]) => {
        const workspace = across.has(method) ? undefined : String(args[0]);
        return through(workspace, (nouns) => callOf(nouns, noun, method, args));
      },
    ]);
    return [noun, Object.fromEntries(calls)];
  });
  return Object.fromEntries(walled) as Nouns;
}

async function callOf(nouns: Nouns, noun: string, method: string, args: unknown[]): Promise<unknown> {
  const methods = (nouns as unknown as Record<string, Methods>)[noun];
  return methods?.[method]?.(...args);
}
