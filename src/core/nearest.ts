/** Longer words are cut: nobody mistypes more than this, and the work per pair stays bounded. */
const MAX_LENGTH = 64;
/** More candidates than this are not looked at. */
const MAX_CANDIDATES = 5_000;

/** Upper case, underscores, dots and spaces are the usual slips: they cost nothing. */
const normal = (word: string): string =>
  word
    .slice(0, MAX_LENGTH)
    .toLowerCase()
    .replace(/[_.\s]/g, '-');

/**
 * How many insertions, deletions, replacements and swaps of neighbours lead from `a` to `b` (optimal string alignment).
 * Keeps three rows, so memory is linear in `b`.
 */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const steps = [at(above, column) + 1, at(current, column - 1) + 1, at(above, column - 1) + (same ? 0 : 1)];
      if (swapped) steps.push(at(before, column - 2) + 1);
      current.push(Math.min(...steps));
    }
    before = above;
    above = current;
  }
  return at(above, b.length);
}

const at = (row: readonly number[], column: number): number => row[column] ?? Number.POSITIVE_INFINITY;

/** Lower is nearer; undefined is too far to be of help. */
function score(word: string, candidate: string): number | undefined {
  const distance = editDistance(word, candidate);
  if (distance === 0) return 0;
  const tolerated = Math.max(1, Math.floor(Math.min(word.length, candidate.length) / 3));
  if (distance <= tolerated) return distance;
  // A word inside another one ("maps", "google") ranks behind every plausible slip of the fingers.
  const [short, long] = word.length < candidate.length ? [word, candidate] : [candidate, word];
  return short.length >= 3 && long.includes(short) ? MAX_LENGTH + distance : undefined;
}

/** The candidates that somebody who wrote `word` most likely meant, nearest first; equal ones keep their order. */
export function nearest(word: string, candidates: readonly string[], max = 3): string[] {
  const wanted = normal(word);
  if (wanted === '') return [];
  return candidates
    .slice(0, MAX_CANDIDATES)
    .flatMap((candidate) => {
      const points = score(wanted, normal(candidate));
      return points === undefined ? [] : [{ candidate, points }];
    })
    .sort((a, b) => a.points - b.points)
    .slice(0, max)
    .map(({ candidate }) => candidate);
}
