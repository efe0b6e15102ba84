/** Which of two versions is the later one, as the registry recommends it. */

export interface Versioned {
  version: string;
  /** RFC 3339. */
  published_at: string;
}

const SEMVER = /^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

interface Semver {
  numbers: number[];
  /** Empty for a release. */
  before: string[];
}

function semverOf(version: string): Semver | undefined {
  const match = SEMVER.exec(version);
  if (match === null) return undefined;
  return { numbers: match.slice(1, 4).map(Number), before: match[4]?.split('.') ?? [] };
}

function compareIdentifiers(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => (/^\d+$/.test(text) ? Number(text) : undefined));
  if (left !== undefined && right !== undefined) return left - right;
  if (left === undefined && right === undefined) return a < b ? -1 : a > b ? 1 : 0;
  return left === undefined ? 1 : -1;
}

/** SemVer 2.0.0, section 11. */
function compareSemver(a: Semver, b: Semver): number {
  for (const [index, number] of a.numbers.entries()) {
    const difference = number - (b.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  if (a.before.length === 0 || b.before.length === 0) return b.before.length - a.before.length;
  for (const [index, identifier] of a.before.entries()) {
    const other = b.before[index];
    if (other === undefined) return 1;
    const difference = compareIdentifiers(identifier, other);
    if (difference !== 0) return difference;
  }
  return a.before.length - b.before.length;
}

/** Two SemVer numbers compare as such; two others by their time; a SemVer number is later than anything else. */
export function compareVersions(a: Versioned, b: Versioned): number {
  const [left, right] = [semverOf(a.version), semverOf(b.version)];
  const byTime = a.published_at < b.published_at ? -1 : a.published_at > b.published_at ? 1 : 0;
  if (left === undefined && right === undefined) return byTime;
  if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
  return compareSemver(left, right) || byTime;
}
