import { escapeLiteral } from '../../core/references.ts';
import type { Variable } from '../server.ts';
import { type Field, type Input, readInput } from './fields.ts';
import type { Findings, Part, Path } from './part.ts';

/** The environment of a package, each variable once. */
export class Environment {
  readonly list: Variable[] = [];
  readonly #names = new Set<string>();
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** A member of `environmentVariables`. */
  read(part: Part): void {
    const name = part.needed('name') ?? '';
    const input = readInput(part, name);
    part.end();
    if (name !== '') this.#add(name, input.value, input.variables, input.field, part.path);
  }

  /** `NAME=value` or `NAME` after `-e` of docker: the same thing in another place, where a secret would be seen by all. */
  readAssignment(text: string, { variables, field }: Input, path: Path): void {
    const [, name = '', , value] = /^([^=]*)(=([\s\S]*))?$/.exec(text) ?? [];
    this.#findings.warn(
      'ENV_AS_ARGUMENT',
      path,
      'is an environment variable as an argument; it was taken as a variable',
    );
    if (value === undefined && this.#names.has(name)) return;
    this.#add(name, value, variables, field, path);
  }

  #add(name: string, value: string | undefined, variables: Input['variables'], own: Field, path: Path): void {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      this.#findings.unusable('BAD_FORMAT', path, 'has a name that no environment variable can have');
      return;
    }
    if (this.#names.has(name)) {
      this.#findings.warn('NAMED_TWICE', path, 'names a variable that is there already; the first one counts');
      return;
    }
    this.#names.add(name);
    this.list.push({ name, ...this.#meaning(name, value, variables, own, path) });
  }

  #meaning(name: string, value: string | undefined, variables: Input['variables'], own: Field, path: Path) {
    if (value === undefined) return own;
    const whole = /^\{([^{}]+)\}$/.exec(value)?.[1];
    const variable = whole === undefined ? undefined : variables.get(whole);
    if (whole !== undefined && variable !== undefined)
      return { ...variable, ...(whole !== name && { aliases: [whole] }) };
    const names = [...variables.keys()].filter((one) => value.includes(`{${one}}`));
    if (names.length === 0) return fixed(value, own, path, this.#findings);
    this.#findings.warn(
      'VALUE_IN_PARTS',
      path,
      `is put together of ${names.join(', ')}; it has to be given as a whole`,
    );
    const secret = own.secret === true || names.some((one) => variables.get(one)?.secret);
    const { default: _, choices: __, ...rest } = own;
    return { ...rest, type: 'string' as const, example: value, ...(secret && { secret }) };
  }
}

/** Nobody may change it: it is the only choice, and is written because it is required. A secret is never taken over. */
function fixed(value: string, own: Field, path: Path, findings: Findings): Omit<Variable, 'name'> {
  if (own.secret) {
    findings.warn('SECRET_WITH_VALUE', path, 'is a secret with a value for everybody; it is not used');
    return own;
  }
  const text = escapeLiteral(value);
  const { example: _, ...rest } = own;
  return { ...rest, type: 'enum', choices: [text], default: text, required: true };
}
