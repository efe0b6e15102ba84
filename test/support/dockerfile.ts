/** One instruction: its lines joined, without comments. */
interface Instruction {
  name: string;
  words: string;
}

/** One part of a Dockerfile that begins with FROM. */
export interface Stage {
  image: string;
  /** Empty for the last one, which is the image. */
  name: string;
  instructions: Instruction[];
}

export function stagesOf(dockerfile: string): Stage[] {
  const lines = dockerfile.replaceAll(/^\s*#.*\n/gm, '').replaceAll(/\\\n\s*/g, '');
  const stages: Stage[] = [];
  for (const [, name = '', words = ''] of lines.matchAll(/^([A-Z]+) +(.+)$/gm)) {
    const [, image = '', as = ''] = /^(\S+)(?: AS (\S+))?$/.exec(words) ?? [];
    if (name === 'FROM') stages.push({ image, name: as, instructions: [] });
    else stages.at(-1)?.instructions.push({ name, words });
  }
  return stages;
}

/** The words of every instruction of a name. */
export const wordsOf = ({ instructions }: Stage, name: string): string[] =>
  instructions.filter((one) => one.name === name).map(({ words }) => words);

export interface Copy {
  /** The stage that is copied from; the context when undefined. */
  from: string | undefined;
  sources: string[];
  target: string;
}

export function copiesOf(stage: Stage): Copy[] {
  return wordsOf(stage, 'COPY').map((words) => {
    const parts = words.split(/ +/);
    const from = parts.find((part) => part.startsWith('--from='))?.slice('--from='.length);
    const paths = parts.filter((part) => !part.startsWith('--'));
    return { from, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' };
  });
}

/** What ENV sets: names and values without quotes, as ours are. */
export const environmentOf = (stage: Stage): Record<string, string> =>
  Object.fromEntries(
    wordsOf(stage, 'ENV')
      .flatMap((words) => words.split(/ +/))
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );

/** Does a .dockerignore keep this file of the context away from the build? The last pattern that matches decides. */
export function isIgnored(dockerignore: string, path: string): boolean {
  const patterns = dockerignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const matching = patterns.filter((line) => matches(path, line.replace(/^!/, '')));
  return matching.at(-1)?.startsWith('!') === false;
}

/** A pattern is about what it names and everything below it; names that begin with a dot are names as others are. */
function matches(path: string, pattern: string): boolean {
  const words = pattern
    .split('**/')
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*'));
  return new RegExp(`^${words.join('(.*/)?')}(/.*)?$`).test(path);
}
