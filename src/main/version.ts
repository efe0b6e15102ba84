import { readFileSync } from 'node:fs';

/** The version of the package, read from the package.json beside `src` and `dist`. */
export const VERSION: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
