import type { Argument } from './arguments.ts';
import type { Environment } from './environment.ts';
import type { Findings } from './part.ts';

/** What is known of the programs that start packages, to tell their options from those of the server. */

export type PackageType = 'npm' | 'pypi' | 'oci' | 'nuget';

/** What is written anyway. */
const GIVEN: Readonly<Record<PackageType, ReadonlySet<string>>> = {
  npm: new Set(['-y', '--yes']),
  pypi: new Set(),
  oci: new Set(['run', '-i', '--interactive', '--rm', '-it']),
  nuget: new Set(['--yes', '-y', '--']),
};

const OPTIONS: Readonly<Record<Exclude<PackageType, 'oci'>, RegExp>> = {
  npm: /^(-p|--package|-c|--call|-q|--quiet|--registry|--node-options|--prefer-offline|--prefer-online|--ignore-scripts|--loglevel)=?$/,
  pypi: /^(--from|--with|--with-editable|-p|--python|--index|-i|--index-url|--default-index|--extra-index-url|--index-strategy|-n|--no-cache|--refresh|--isolated|--prerelease|-q|--quiet|--native-tls|--no-config|--upgrade|-U)=?$/,
  nuget: /^(--source|--add-source|--interactive|--prerelease|--verbosity|-v|--configfile|--ignore-failed-sources)=?$/,
};

/** Options with which something else runs than the package that the document names. */
const OTHER_CODE =
  /^(--package|-c|--call|--node-options|--from|--with|--with-editable|--registry|--index|-i|--index-url|--default-index|--extra-index-url|--source|--add-source|--configfile)=?$/;
/** Options that open the machine to a container. */
const OPENS_HOST =
  /^(--privileged|-v|--volume|--mount|--network|--net|--pid|--ipc|--uts|--userns|--cap-add|--device|--security-opt|--volumes-from|-p|--publish|--env-file|--entrypoint|-u|--user)=?$/;
/** The short ones, with their value right behind them or among others: `-v/:/host`, `-itv`. */
const OPENS_HOST_SHORT = /^-[a-zA-Z]*[vpu]/;

interface Sorted {
  /** For the runtime: in front of the package. */
  before: Argument[];
  /** Of the server, although the document has them among those of the runtime. */
  moved: Argument[];
}

/** Sorts what stands under `runtimeArguments`. Variables of a container go to its environment. */
export function runtimeArguments(
  type: PackageType,
  identifier: string,
  given: readonly Argument[],
  environment: Environment,
  findings: Findings,
): Sorted {
  const sorted: Sorted = { before: [], moved: [] };
  let ofRuntime = false;
  for (let index = 0; index < given.length; index++) {
    const argument = given[index];
    if (argument === undefined || isGiven(type, identifier, argument)) continue;
    if (type === 'oci') {
      index += intoContainer(argument, given[index + 1], sorted, environment, findings);
      continue;
    }
    const word = wordOf(argument);
    const known = OPTIONS[type].test(word.split('=')[0] ?? '');
    // What follows an option that stands as a positional one is its value.
    if (known || (ofRuntime && !word.startsWith('-'))) {
      sorted.before.push(argument);
      if (known && OTHER_CODE.test(word)) warnOfOtherCode(argument, findings);
    } else {
      findings.warn(
        'SERVER_ARGUMENT_AS_RUNTIME',
        argument.input.path,
        'is for the server; it was put after the package',
      );
      sorted.moved.push(argument);
    }
    ofRuntime = known && argument.kind === 'positional' && !word.includes('=');
  }
  return sorted;
}

const wordOf = ({ kind, name, input }: Argument): string => (kind === 'named' ? name : (input.value ?? ''));

function isGiven(type: PackageType, identifier: string, argument: Argument): boolean {
  const word = wordOf(argument);
  if (argument.kind === 'named') return GIVEN[type].has(word) && argument.input.value === undefined;
  return GIVEN[type].has(word) || (word !== '' && (word === identifier || word.startsWith(`${identifier}@`)));
}

function warnOfOtherCode({ input }: Argument, findings: Findings): void {
  const message = 'changes what is run: look at it before you use this server';
  findings.warn('RUNS_OTHER_CODE', input.path, message);
}

/** One argument of `docker run`. Answers how many more were used up with it. */
function intoContainer(
  argument: Argument,
  next: Argument | undefined,
  sorted: Sorted,
  environment: Environment,
  findings: Findings,
): number {
  const word = wordOf(argument);
  const { input } = argument;
  if (/^(-e|--env)=?$/.test(word)) {
    const isPair = argument.kind === 'positional';
    const assigned = isPair ? next?.input : input;
    if (assigned?.value !== undefined) environment.readAssignment(assigned.value, assigned, assigned.path);
    else findings.unusable('ENV_AS_ARGUMENT', input.path, 'names no environment variable');
    return isPair ? 1 : 0;
  }
  if (OPENS_HOST.test(word.split('=')[0] ?? '') || OPENS_HOST_SHORT.test(word)) {
    const message = 'gives the container more of the machine: look at it before you use this server';
    findings.warn('OPENS_HOST', input.path, message);
  }
  sorted.before.push(argument);
  return 0;
}

const PLACES: Readonly<Record<PackageType, RegExp | undefined>> = {
  npm: /^(-p|--package)=?/,
  pypi: /^--from=?/,
  oci: undefined,
  nuget: undefined,
};

/** Whether the program is named by itself, and the package only where it comes from (`uvx --from NAME SCRIPT`). */
export const startsOther = (type: PackageType, before: readonly Argument[]): boolean =>
  before.some((argument) => PLACES[type]?.test(wordOf(argument)));
