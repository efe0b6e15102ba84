import type { Finding } from '../finding.ts';
import type { DraftPayload } from '../payload.ts';
import { jsonPointer } from '../references.ts';

/** A report is for people: of each code this many findings are kept, so that a hostile payload cannot blow it up. */
export const MAX_PER_CODE = 200;

export type Keys = readonly (string | number)[];

export interface Complaint {
  message: string;
  hint?: string;
  severity?: Finding['severity'];
}

/** Gathers findings; `keys` lead from the payload root to the place, `mcpServers` and the server's name included. */
export class Collector {
  readonly #found: { finding: Finding; keys: Keys }[] = [];
  readonly #counts = new Map<string, number>();

  /** True when more of this code would be dropped: loops over many items stop here. */
  isFull(code: string): boolean {
    return (this.#counts.get(code) ?? 0) >= MAX_PER_CODE;
  }

  add(code: string, keys: Keys, { message, hint, severity = 'error' }: Complaint): void {
    if (this.isFull(code)) return;
    const server = keys[0] === 'mcpServers' && keys.length > 1 ? { server: String(keys[1]) } : {};
    const finding = {
      code,
      message,
      severity,
      ...server,
      path: jsonPointer(...keys),
      ...(hint === undefined ? {} : { hint }),
    };
    this.addFinding(finding, keys);
  }

  addFinding(finding: Finding, keys: Keys = keysOf(finding.path)): void {
    if (this.isFull(finding.code)) return;
    this.#counts.set(finding.code, (this.#counts.get(finding.code) ?? 0) + 1);
    this.#found.push({ finding, keys });
  }

  /** In payload order: a place before what is inside it, what is missing after what is there. */
  inOrderOf(payload: DraftPayload): Finding[] {
    const rank = ranking(payload);
    return this.#found
      .map(({ finding, keys }) => ({ finding, at: rank(keys) }))
      .sort((a, b) => compare(a.at, b.at))
      .map(({ finding }) => finding);
  }
}

const keysOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));

/** Turns keys into the numbers of the members they name; the members of an object are counted once. */
function ranking(root: unknown): (keys: Keys) => number[] {
  const positions = new Map<object, Map<string, number>>();
  const positionIn = (parent: object, key: string | number): number | undefined => {
    if (Array.isArray(parent)) return Number(key) < parent.length ? Number(key) : undefined;
    const known = positions.get(parent) ?? new Map(Object.keys(parent).map((name, index) => [name, index]));
    positions.set(parent, known);
    return known.get(String(key));
  };
  return (keys) => {
    let node: unknown = root;
    return keys.map((key) => {
      const position = typeof node === 'object' && node !== null ? positionIn(node, key) : undefined;
      node = position === undefined ? undefined : (node as Record<string, unknown>)[key];
      return position ?? Number.POSITIVE_INFINITY;
    });
  };
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index];
    if (right === undefined) return 1;
    if (left !== right) return left < right ? -1 : 1;
  }
  return a.length - b.length;
}
