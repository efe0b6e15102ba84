import { invalidInput } from '../../core/errors.ts';
import { escapeLiteral } from '../../core/references.ts';
import type { Parameter } from '../server.ts';
import type { Field } from './fields.ts';
import type { Findings, Path } from './part.ts';

/** A text of our template language, and the parameters that it is filled with. */
export interface Template {
  text: string;
  parameters: Parameter[];
}

interface Source {
  text: string;
  variables: ReadonlyMap<string, Field>;
  path: Path;
  /** What `{name}` is that nobody declared: the text that it is, or a value that somebody has to give. */
  undeclared: 'literal' | 'required';
}

const VARIABLE = /\{([^{}]*)\}/g;
/** What our own templates would fill in (template.ts). */
const OURS = /^[a-z][a-z0-9_]*(?:\.basename)?$/;
const NAME = /^[A-Za-z_][\w.-]*$/;
/** Means the version of the package in our templates. */
const RESERVED = 'package_version';

/** More than anybody gives to one server. */
const MOST = 256;

const slug = (name: string) => {
  const plain = name
    .replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replace(/^[^a-z]+/, '')
    .replace(/_+$/, '');
  return plain === '' ? 'value' : plain === RESERVED ? `${RESERVED}_` : plain;
};

/** The parameters of one transport, under names that our templates can hold; the document's own names are aliases. */
export class Parameters {
  readonly list: Parameter[] = [];
  /** With those of the document. */
  readonly #names = new Set<string>();
  readonly #variables = new Map<string, Parameter>();
  readonly findings: Findings;

  constructor(findings: Findings) {
    this.findings = findings;
  }

  /** A parameter of its own, whatever others are called. */
  own(name: string, field: Field, { repeated = false } = {}): Parameter {
    if (this.list.length === MOST) throw invalidInput('document', `has more than ${MOST} values that could be given`);
    const free = this.#freeName(slug(name));
    const isAlias = name !== '' && name !== free && !this.#names.has(name);
    const parameter: Parameter = {
      name: free,
      ...field,
      ...(isAlias && { aliases: [name] }),
      ...(repeated && { repeated }),
    };
    this.list.push(parameter);
    this.#names.add(free).add(name);
    return parameter;
  }

  /** The same name means the same value wherever it stands. */
  variable(name: string, field: Field, key = name): Parameter {
    const known = this.#variables.get(key);
    if (known !== undefined) {
      if (field.required) known.required = true;
      if (field.secret) known.secret = true;
      return known;
    }
    const parameter = this.own(name, field);
    this.#variables.set(key, parameter);
    return parameter;
  }

  /**
   * Our template of a text of the document. What is literal stays so: `${` never becomes a reference, because whoever wrote
   * the document must not be able to ask for the secrets of whoever uses it.
   */
  template(source: Source): Template {
    const { text, variables } = source;
    const parameters: Parameter[] = [];
    let result = '';
    let end = 0;
    for (const match of text.matchAll(VARIABLE)) {
      const [all, name = ''] = match;
      result += escapeLiteral(text.slice(end, match.index));
      end = match.index + all.length;
      const isShell = result.endsWith('$');
      if (isShell) result += '$';
      const known = isShell ? undefined : variables.get(name);
      const parameter = known === undefined ? this.#undeclared(name, source, isShell) : this.variable(name, known);
      if (parameter === undefined) result += all;
      else {
        result += `{${parameter.name}}`;
        parameters.push(parameter);
      }
    }
    return { text: result + escapeLiteral(text.slice(end)), parameters };
  }

  /** Undefined: the text can stand as it is. */
  #undeclared(name: string, { undeclared, path }: Source, isShell: boolean): Parameter | undefined {
    const asks = undeclared === 'required' && !isShell && NAME.test(name);
    if (!asks && !OURS.test(name) && !NAME.test(name)) return undefined;
    const meaning = asks ? 'it has to be given' : 'it stays as it is unless it is given';
    this.findings.warn('UNDECLARED_VARIABLE', path, `{${name}} is declared nowhere: ${meaning}`);
    if (!asks && !OURS.test(name)) return undefined;
    const description = `The document does not say what {${name}} is.`;
    if (asks) return this.variable(name, { type: 'string', description, required: true });
    return this.variable(name, { type: 'string', description, default: `{${name}}` }, `{${name}}`);
  }

  #freeName(wanted: string): string {
    for (let number = 1; ; number++) {
      const name = number === 1 ? wanted : `${wanted}_${number}`;
      if (!this.#names.has(name)) return name;
    }
  }
}
