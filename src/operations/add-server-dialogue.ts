import type { CatalogServer } from '../catalog/server.ts';
import { type GivenSecret, givenSecrets, type WantedField, wantedFields, withValue } from '../catalog/wanted.ts';
import { safeParse } from '../core/safe-parse.ts';
import { AddServerInput, absolutePaths, expandInput, plannedServer } from './add-server.ts';
import { catalogOf, findServer } from './added-servers.ts';
import type { Asker, Choice } from './asker.ts';
import { assertNotLinked } from './links.ts';
import type { Context } from './operation.ts';
import { offerToStore } from './secret-offer.ts';
import { findTarget } from './shapes.ts';

/** Adding a server in a terminal: asks for what is missing, and offers to keep the secrets that were given. */

type Input = Record<string, unknown>;

export async function addServerDialogue(given: Input, ask: Asker, context: Context): Promise<Input> {
  const catalog = await catalogOf(context);
  // What is known out of the box was seen to before; only here it can be asked what else there is.
  const typed = absolutePaths(given, ask.absolute, catalog);
  if (!ask.attended) return ask.yes ? withReferences(typed, ask, context) : typed;
  const { data } = safeParse(AddServerInput, { server_id: 'any', ...typed });
  if (data === undefined) return typed; // the operation says what is wrong
  await findTarget(context, data);
  await assertNotLinked(context, data);
  const chosen = typed['server_id'] === undefined ? await withServer(typed, ask, catalog) : typed;
  return withReferences(await withWanted(chosen, ask, context), ask, context);
}

const choiceOf = ({ server_id, display_name, description }: CatalogServer): Choice => ({
  value: server_id,
  hint: `${display_name}: ${description}`,
});

async function withServer(typed: Input, ask: Asker, catalog: readonly CatalogServer[]): Promise<Input> {
  const offered = catalog.filter(({ status }) => status !== 'archived' && status !== 'deprecated');
  const server_id = await ask.choose('Which server?', offered.map(choiceOf));
  return absolutePaths({ ...typed, server_id }, ask.absolute, catalog);
}

/** Asks for every value that the transport cannot do without. An input with other faults is left to the operation. */
async function withWanted(input: Input, ask: Asker, context: Context): Promise<Input> {
  const { data } = safeParse(AddServerInput, input);
  const server = data && (await findServer(context, data.server_id));
  if (data === undefined || server === undefined) return input;
  const given = expandInput(data);
  const { fields, groups } = wantedFields(server, given);
  const answers: Record<WantedField['map'], Record<string, unknown>> = {
    params: { ...given.params },
    env_vars: { ...given.env },
  };
  for (const wanted of [...fields, ...(await chosenGroup(groups, ask))]) {
    answers[wanted.map][wanted.field.name] = await answerFor(wanted, ask);
  }
  return { ...input, ...answers };
}

/** Where one of several groups of variables is enough: which one. */
async function chosenGroup(groups: readonly WantedField[][], ask: Asker): Promise<WantedField[]> {
  const [first, second] = groups;
  if (first === undefined || second === undefined) return first ?? [];
  const choices = groups.map((group, index) => ({
    value: String(index),
    label: group.map(({ field }) => field.name).join(' and '),
    hint: group.map(({ field }) => field.description).join(' '),
  }));
  return groups[Number(await ask.choose('One of these is needed. Which one do you have?', choices))] ?? [];
}

/** Asks for one value: by a list where there is one, unseen where it is a secret. */
export async function answerFor({ field, check }: WantedField, ask: Asker): Promise<string> {
  const question = `${field.name}: ${field.description}`;
  const choices = field.choices ?? (field.type === 'bool' ? ['true', 'false'] : undefined);
  if (field.secret) return ask.password(`${question} (the value, or a reference such as \${env:NAME})`, check);
  if (choices)
    return ask.choose(
      question,
      choices.map((value) => ({ value })),
    );
  if (field.type !== 'path') return ask.text(question, check);
  return ask.absolute(await ask.text(question, (answer) => check(ask.absolute(answer))));
}

/** Puts references in the places of literal secrets, when the person agrees to have those stored. */
async function withReferences(input: Input, ask: Asker, context: Context): Promise<Input> {
  const { data } = safeParse(AddServerInput, input);
  const server = data && (await findServer(context, data.server_id));
  if (data === undefined || server === undefined) return input;
  const given = expandInput(data);
  const secrets = givenSecrets(server, given);
  if (secrets.length === 0) return input;
  const withTexts = (texts: readonly string[]): Input => {
    const replaced = secrets.reduce((now, secret, index) => withValue(now, secret, texts[index] ?? ''), given);
    return { ...input, params: replaced.params, env_vars: replaced.env };
  };
  // A secret must not be left behind in the store by a call that is refused for another reason.
  await plannedServer(context, AddServerInput.parse(withTexts(secrets.map(() => '${secret:probe}'))));
  const server_name = data.server_name ?? data.server_id;
  const named = ({ name, value }: GivenSecret) => ({ server_name, field: name, value });
  const references = await offerToStore(secrets.map(named), ask, context);
  return references === undefined ? input : withTexts(references);
}
