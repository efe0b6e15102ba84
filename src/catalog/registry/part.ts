import { invalidInput } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import { jsonPointer } from '../../core/json-value.ts';
import type { JsonValue } from '../../core/payload.ts';
import { visible } from '../../core/validation/invisible.ts';

/**
 * Reading a server.json of any release and make: what is meant is taken, and everything that is not as the schema has it
 * is reported with its place in the document as it came. Nothing is thrown but for a list that is too long to be meant.
 */

export type Path = readonly (string | number)[];
export type JsonObject = { readonly [key: string]: JsonValue };

const LONGEST_MESSAGE = 300;
/** More than any document has that somebody wrote for others. Each costs time, and is kept and sent on. */
const MOST = { items: 256, findings: 500 };

/** A value, and where it is in the document. */
interface Located {
  value: JsonValue;
  path: Path;
}

export class Findings {
  readonly list: Finding[] = [];

  warn(code: string, path: Path, message: string): void {
    this.#add(code, path, message, 'warning');
  }

  /** A part of the document that cannot be used here, and is left out of the definition. */
  unusable(code: string, path: Path, message: string): void {
    this.#add(code, path, message, 'error');
  }

  /** Messages quote the document, which somebody else wrote. */
  #add(code: string, path: Path, message: string, severity: Finding['severity']): void {
    if (this.list.length > MOST.findings) return;
    if (this.list.length === MOST.findings) {
      const text = 'more is not as the schema has it; only the first findings are listed';
      this.list.push({ code: 'TOO_MANY_FINDINGS', message: text, severity: 'warning', path: '' });
      return;
    }
    this.list.push({ code, message: visible(message.slice(0, LONGEST_MESSAGE)), severity, path: jsonPointer(path) });
  }
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Names that stand in real documents in the place of the ones of the schema. Variables have names of their authors. */
const OTHER_NAMES: ReadonlyMap<string, readonly string[]> = new Map([
  ['isRequired', ['required']],
  ['isSecret', ['secret']],
  ['registryType', ['registry_name', 'registry']],
  ['identifier', ['name']],
  ['type', ['transport_type']],
  ['icons', ['icon']],
  ['environmentVariables', ['env']],
]);

/** Left out they would change what is started, so the document is refused. */
function few<T>(items: readonly T[], path: Path): readonly T[] {
  if (items.length <= MOST.items) return items;
  throw invalidInput(
    ['document', ...path].join('.'),
    `has ${items.length} items; more than ${MOST.items} are not read`,
  );
}

/** One object of the document. What nobody has asked for in the end is unknown to the schema. */
export class Part {
  readonly path: Path;
  readonly findings: Findings;
  readonly #value: JsonObject;
  readonly #taken = new Set<string>();

  constructor(value: JsonObject, path: Path, findings: Findings) {
    this.#value = value;
    this.path = path;
    this.findings = findings;
  }

  at(name: string): Path {
    return [...this.path, name];
  }

  /** The value of a field under whichever of its names, and where it is. */
  take(name: string): Located | undefined {
    const names = [...new Set([name, snake(name), ...(OTHER_NAMES.get(name) ?? [])])];
    const found = names.filter((one) => Object.hasOwn(this.#value, one) && !this.#taken.has(one));
    const [used] = found;
    if (used === undefined) return undefined;
    this.#taken.add(used);
    if (used !== name) this.findings.warn('RENAMED_FIELD', this.at(used), `is called "${name}" in the schema`);
    return { value: this.#value[used] ?? null, path: this.at(used) };
  }

  text(name: string, limits: { max?: number; pattern?: RegExp; form?: string } = {}): string | undefined {
    const found = this.take(name);
    if (found === undefined) return undefined;
    const { value, path } = found;
    if (typeof value === 'number' || typeof value === 'boolean') {
      this.findings.warn('WRONG_TYPE', path, 'is no text; it was taken as one');
      return String(value);
    }
    if (typeof value !== 'string') {
      this.findings.warn('WRONG_TYPE', path, 'is no text, and was passed over');
      return undefined;
    }
    const { max, pattern, form } = limits;
    if (max !== undefined && value === '') this.findings.warn('TOO_SHORT', path, 'is empty');
    if (max !== undefined && value.length > max)
      this.findings.warn('TOO_LONG', path, `has ${value.length} characters; the schema allows ${max}`);
    if (pattern !== undefined && !pattern.test(value))
      this.findings.warn('BAD_FORMAT', path, `is not ${form ?? 'of the form that the schema asks for'}`);
    return value;
  }

  /** As `text`, of a field that has to be there and hold something. */
  needed(name: string, limits: { max?: number; pattern?: RegExp; form?: string } = {}): string | undefined {
    const text = this.text(name, limits);
    if (text !== undefined && text !== '') return text;
    this.findings.warn('MISSING_FIELD', this.at(name), 'is missing');
    return undefined;
  }

  flag(name: string): boolean {
    const found = this.take(name);
    if (found === undefined) return false;
    if (typeof found.value === 'boolean') return found.value;
    this.findings.warn('WRONG_TYPE', found.path, 'is neither true nor false');
    return found.value === 'true';
  }

  part(name: string): Part | undefined {
    const found = this.take(name);
    return found === undefined ? undefined : this.nested(found);
  }

  nested({ value, path }: Located): Part | undefined {
    if (isObject(value)) return new Part(value, path, this.findings);
    this.findings.warn('WRONG_TYPE', path, 'is no object, and was passed over');
    return undefined;
  }

  /** The objects of a list. One object alone is taken as a list of one. */
  parts(name: string): Part[] {
    return this.items(name).flatMap((item) => this.nested(item) ?? []);
  }

  texts(name: string): string[] {
    return this.items(name).flatMap(({ value, path }) => {
      if (typeof value === 'string') return [value];
      this.findings.warn('WRONG_TYPE', path, 'is no text');
      return typeof value === 'number' || typeof value === 'boolean' ? [String(value)] : [];
    });
  }

  items(name: string): Located[] {
    const found = this.take(name);
    if (found === undefined) return [];
    if (Array.isArray(found.value))
      return few(found.value, found.path).map((value, index) => ({ value, path: [...found.path, index] }));
    this.findings.warn('WRONG_TYPE', found.path, 'is no list; it was taken as a list of one');
    return [found];
  }

  /** The members of a map, by name. */
  members(name: string): { name: string; part: Part }[] {
    const found = this.part(name);
    if (found === undefined) return [];
    return few(Object.keys(found.#value), found.path).flatMap((key) => {
      const part = found.part(key);
      return part === undefined ? [] : [{ name: key, part }];
    });
  }

  /** Reports what is left. Such fields are legal; they stay in the document and mean nothing here. */
  end(): void {
    for (const name of Object.keys(this.#value)) {
      if (!this.#taken.has(name)) this.findings.warn('UNKNOWN_FIELD', this.at(name), 'is no field of the schema');
    }
  }
}
