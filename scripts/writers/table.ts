import { HARMS, type Harm } from '../../test/witness/witness.ts';
import type { FileResult, Outcome } from './compare.ts';

/** docs/evidence/writers.json: everything that the table is made of. */
export interface Results {
  date: string;
  command: string;
  versions: Record<string, string>;
  /** By the name of the file. */
  files: Record<string, FileResult>;
}

export const BEGIN = '<!-- table: npm run compare:writers -->';
export const END = '<!-- end of the table -->';

const WORDS: Record<Harm, string> = HARMS;
const tried = ({ what }: Outcome) => what !== 'unsupported' && what !== 'elsewhere';
const touched = ({ what }: Outcome) => what === 'written' || what === 'changed';

/** The table of the page, from counts alone. */
export function tableOf({ versions, files }: Results): string {
  const names = Object.keys(versions);
  const all = Object.values(files);
  const cells = (label: string, from: readonly FileResult[], counts: (outcome: Outcome) => boolean) => {
    const numbers = names.map((name) => from.filter(({ outcomes: { [name]: one } }) => one && counts(one)).length);
    return `| ${[label, ...numbers].join(' | ')} |`;
  };
  const [sound, broken] = [all.filter((file) => file.sound), all.filter((file) => !file.sound)];
  const harmed = (harm: Harm) =>
    cells(`- ${WORDS[harm]}`, sound, (one) => touched(one) && one.harms?.includes(harm) === true);
  return [
    `| | ${names.map((name) => `${name} ${versions[name]}`).join(' | ')} |`,
    `| --- | ${names.map(() => '---:').join(' | ')} |`,
    cells('files of clients that it writes', all, tried),
    cells('**files that their client can read**', sound, tried),
    cells('refused, nothing changed', sound, ({ what }) => what === 'refused'),
    cells('written, the new server is there', sound, ({ what }) => what === 'written'),
    cells('of these, every other byte as it was', sound, (one) => one.what === 'written' && one.harms?.length === 0),
    cells('of these, as at the start once the server is out again', sound, (one) => one.restored === true),
    cells('written, the new server is not there', sound, ({ what }) => what === 'changed'),
    ...(Object.keys(HARMS) as Harm[]).map(harmed),
    cells('**files that their client cannot read**', broken, tried),
    cells('left alone', broken, ({ what }) => what === 'refused'),
    cells('changed', broken, touched),
  ].join('\n');
}

/** The page with the table of these results in it. */
export function withTable(page: string, results: Results): string {
  const [head, rest] = page.split(BEGIN);
  const tail = rest?.split(END)[1];
  if (head === undefined || tail === undefined) throw new Error(`the page has no ${BEGIN} ... ${END}`);
  const files = Object.keys(results.files).length;
  const said = `Counted on ${results.date} over ${files} files.`;
  return `${head}${BEGIN}\n\n${said}\n\n${tableOf(results)}\n\n${END}${tail}`;
}
