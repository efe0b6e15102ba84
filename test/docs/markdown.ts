import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const ELSEWHERE = new Set(['node_modules', 'dist', 'coverage', '.git', '.tmp', '.tools', '.release']);

/** Every Markdown file of the checkout, relative to it. */
export function markdownFiles(under = ''): string[] {
  return readdirSync(join(ROOT, under), { withFileTypes: true })
    .filter(({ name }) => !ELSEWHERE.has(name))
    .flatMap((entry) => {
      const path = join(under, entry.name);
      if (entry.isDirectory()) return markdownFiles(path);
      return entry.name.endsWith('.md') ? [path] : [];
    })
    .sort();
}

export interface ShellBlock {
  /** Of the first line of the block, from 1. */
  line: number;
  /** The nearest heading above it. */
  heading: string;
  text: string;
  /** What the comment just before the block says: why it is not run, or with which code it must exit. */
  not_run?: string;
  exits?: number;
}

/** The ```sh blocks of a document, in order. */
export function shellBlocks(markdown: string): ShellBlock[] {
  const blocks: ShellBlock[] = [];
  let heading = '';
  let note = '';
  let open: { line: number; info: string; lines: string[] } | undefined;
  for (const [index, line] of markdown.split('\n').entries()) {
    const fence = /^```(.*)$/.exec(line);
    if (open === undefined) {
      if (fence) open = { line: index + 2, info: fence[1] ?? '', lines: [] };
      else if (/^#+ /.test(line)) heading = line.replace(/^#+ /, '');
      else if (line !== '') note = line;
    } else if (fence) {
      if (open.info === 'sh') blocks.push({ line: open.line, heading, text: open.lines.join('\n'), ...marks(note) });
      [open, note] = [undefined, ''];
    } else open.lines.push(line);
  }
  return blocks;
}

function marks(note: string): Pick<ShellBlock, 'not_run' | 'exits'> {
  const reason = /^<!-- not run: (.+) -->$/.exec(note)?.[1];
  const exits = /^<!-- exits (\d+) -->$/.exec(note)?.[1];
  return { ...(reason !== undefined && { not_run: reason }), ...(exits !== undefined && { exits: Number(exits) }) };
}

/** Markdown without fenced code, where nothing is a link or a heading. */
export const withoutCode = (markdown: string): string => markdown.replaceAll(/^```[\s\S]*?^```$/gm, '');

/** The anchors that a forge gives the headings of a document. */
export const anchorsOf = (markdown: string): ReadonlySet<string> =>
  new Set(
    [...withoutCode(markdown).matchAll(/^#+ (.+)$/gm)].map((match) =>
      (match[1] ?? '')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
