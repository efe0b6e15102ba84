import type { Document, Glue, ObjectNode } from '../../core/splice/types.ts';

const same = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((segment, i) => segment === b[i]);

export const blankGlue = (glue: Glue | null): Glue => glue ?? { root: null, created: [], interiors: [] };

/** Null when there is nothing left to remember. */
export const compactGlue = (glue: Glue): Glue | null =>
  glue.root === null && glue.created.length === 0 && glue.interiors.length === 0 ? null : glue;

export const isCreated = (glue: Glue | null, path: readonly string[]): boolean =>
  glue?.created.some((created) => same(created, path)) ?? false;

export const interiorOf = (glue: Glue | null, path: readonly string[]): string | null =>
  glue?.interiors.find((interior) => same(interior.path, path))?.text ?? null;

/** Remembers that the containers from `depth` down to the pointer are ours. */
export function createdAlso(glue: Glue | null, pointer: readonly string[], depth: number): Glue {
  const paths = pointer.map((_, i) => pointer.slice(0, i + 1)).filter((path) => path.length >= depth);
  const added = depth === 0 ? [[], ...paths] : paths;
  const { root, created, interiors } = added.reduce(forgetPath, blankGlue(glue));
  return { root, created: [...created, ...added], interiors };
}

/**
 * Remembers what stood inside a container that gets its first member now. Whoever made it before, it was there without
 * our entries, so it stays when they go. The same is true of a container from which the way to our entries was missing.
 */
export function openedAlso(
  glue: Glue | null,
  { text }: Document,
  node: ObjectNode,
  path: string[],
  way_missing: boolean,
): Glue | null {
  const empty = node.members.length === 0;
  if (!empty && !way_missing) return glue;
  const { root, created, interiors } = forgetPath(blankGlue(glue), path);
  const interior = { path, text: text.slice(node.start + 1, node.end - 1) };
  return { root, created, interiors: empty ? [...interiors, interior] : interiors };
}

export function forgetPath(glue: Glue, path: readonly string[]): Glue {
  return {
    root: path.length === 0 ? null : glue.root,
    created: glue.created.filter((created) => !same(created, path)),
    interiors: glue.interiors.filter((interior) => !same(interior.path, path)),
  };
}
