import {
  createRequestStateCodec,
  type InputRequests,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { capabilitiesOf, text } from './content.ts';

/** Tools and prompts of the public conformance suite that ask the client back, by whatever way its era has for that. */

interface State {
  round: number;
}
export const STATES = createRequestStateCodec<State>({ key: 'made-up-key-for-tests-of-thirty-two-bytes' });

type Schema = Extract<Parameters<typeof inputRequired.elicit>[0]['requestedSchema'], { type: 'object' }>;
const field = (name: string, type: 'string' | 'boolean' = 'string') =>
  ({ type: 'object', properties: { [name]: { type } }, required: [name] }) as Schema;
const elicit = (message: string, requestedSchema: Schema) => inputRequired.elicit({ message, requestedSchema });
const sample = (prompt: string, maxTokens = 100) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: text(prompt) }], maxTokens });

const done = (words: string) => ({ content: [text(words)] });

/** Whether everything that was asked has an answer. */
const isAnswered = ({ mcpReq }: ServerContext, questions: InputRequests): boolean =>
  Object.keys(questions).every((key) => inputResponse(mcpReq.inputResponses, key).kind !== 'missing');

const ask = (questions: InputRequests): InputRequiredResult => inputRequired({ inputRequests: questions });

const askWithState = async (questions: InputRequests, round = 1): Promise<InputRequiredResult> =>
  inputRequired({ inputRequests: questions, requestState: await STATES.mint({ round }) });

function answerTo({ mcpReq }: ServerContext, key: string): string {
  const view = inputResponse(mcpReq.inputResponses, key);
  if (view.kind === 'sampling') {
    const content = [view.result.content].flat()[0];
    return content?.type === 'text' ? content.text : '';
  }
  return view.kind === 'elicit' ? `action=${view.action}, content=${JSON.stringify(view.content ?? {})}` : view.kind;
}

const NAME = { user_name: elicit('What is your name?', field('name')) };
const ROOTS = { client_roots: inputRequired.listRoots() };
const CONFIRM = { confirm: elicit('Please confirm', field('ok', 'boolean')) };
const CAPITAL = { capital_question: sample('What is the capital of France?') };
const MANY = { ...NAME, greeting: sample('Generate a greeting', 50), ...ROOTS };

/** What a client of 2026-07-28 is asked. */
export function registerRounds(server: McpServer): void {
  const asking = (name: string, questions: InputRequests, withState = false) =>
    server.registerTool(`test_input_required_result_${name}`, { description: `Asks for ${name}` }, (context) => {
      if (isAnswered(context, questions)) return done(withState ? 'state-ok' : 'Thank you.');
      return withState ? askWithState(questions) : ask(questions);
    });
  asking('elicitation', NAME);
  asking('sampling', CAPITAL);
  asking('list_roots', ROOTS);
  asking('request_state', CONFIRM, true);
  asking('tampered_state', CONFIRM, true);
  asking('multiple_inputs', MANY, true);
  server.registerTool('test_input_required_result_multi_round', { description: 'Asks twice' }, (context) => {
    const { round } = context.mcpReq.requestState<State>() ?? { round: 0 };
    if (round === 0) return askWithState({ step1: elicit('Step 1: What is your name?', field('name')) }, 1);
    if (round === 1) return askWithState({ step2: elicit('Step 2: What is your favorite color?', field('color')) }, 2);
    return done('Thank you.');
  });
  server.registerTool('test_input_required_result_capabilities', { description: 'Asks what it may' }, (context) => {
    const { elicitation, sampling, roots } = capabilitiesOf(server, context);
    const questions = { ...(elicitation ? NAME : {}), ...(sampling ? CAPITAL : {}), ...(roots ? ROOTS : {}) };
    return isAnswered(context, questions) ? done('Thank you.') : ask(questions);
  });
  const CONTEXT = { user_context: elicit('What context should the prompt use?', field('context')) };
  server.registerPrompt('test_input_required_result_prompt', { description: 'Asks first' }, (context) =>
    isAnswered(context, CONTEXT)
      ? { messages: [{ role: 'user' as const, content: text(answerTo(context, 'user_context')) }] }
      : ask(CONTEXT),
  );
  server.registerTool('test_streaming_elicitation', { description: 'Asks on a stream' }, (context) =>
    isAnswered(context, NAME) ? done('Thank you.') : ask(NAME),
  );
  server.registerTool('test_missing_capability', { description: 'Needs a client with a model' }, (context) =>
    isAnswered(context, CAPITAL) ? done('Thank you.') : ask(CAPITAL),
  );
}

const USER = {
  type: 'object',
  properties: {
    username: { type: 'string', description: "User's response" },
    email: { type: 'string', description: "User's email address" },
  },
  required: ['username', 'email'],
} as Schema;

const DEFAULTS = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
} as Schema;

const titled = (word: string) =>
  ['First', 'Second', 'Third'].map((nth, at) => ({ const: `value${at + 1}`, title: `${nth} ${word}` }));
const OPTIONS = ['option1', 'option2', 'option3'];
const ENUMS = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: OPTIONS },
    titledSingle: { type: 'string', oneOf: titled('Option') },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: OPTIONS } },
    titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
  },
} as Schema;

/** What a client of the 2025 revisions is asked, while its call is open. */
export function registerServerRequests(server: McpServer): void {
  const prompt = z.object({ prompt: z.string() });
  server.registerTool(
    'test_sampling',
    { description: 'Asks the model', inputSchema: prompt },
    ({ prompt }, context) => {
      const questions = { answer: sample(prompt) };
      return isAnswered(context, questions) ? done(`LLM response: ${answerTo(context, 'answer')}`) : ask(questions);
    },
  );
  const message = z.object({ message: z.string() });
  server.registerTool(
    'test_elicitation',
    { description: 'Asks the user', inputSchema: message },
    ({ message }, context) => {
      const questions = { answer: elicit(message, USER) };
      return isAnswered(context, questions) ? done(`User response: ${answerTo(context, 'answer')}`) : ask(questions);
    },
  );
  const form = (name: string, schema: Schema) => {
    const questions = { answer: elicit('Please fill in the form', schema) };
    server.registerTool(name, { description: 'Shows a form' }, (context) =>
      isAnswered(context, questions) ? done(`Elicitation completed: ${answerTo(context, 'answer')}`) : ask(questions),
    );
  };
  form('test_elicitation_sep1034_defaults', DEFAULTS);
  form('test_elicitation_sep1330_enums', ENUMS);
}
