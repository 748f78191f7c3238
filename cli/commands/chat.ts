/** `chat MODEL`: a conversation in the terminal, or through a pipe. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import type { Command } from 'commander';
import {
  type Adapter,
  ChatSession,
  type ChatTemplate,
  type InterventionSet,
  loadState,
  type Model,
  type OpenedModel,
  readInterventions,
  saveState,
  UsageError,
  writeFileWhole,
} from '../../src/node.ts';
import { type AdapterFlags, adapterOf, adapterOption, checkAdapter } from '../adapter-option.ts';
import { messagesOf } from '../chat/lines.ts';
import { type GenerationFlags, generationFlags, generationOptions, SAMPLING_ABOUT } from '../generation.ts';
import { helpText } from '../help-text.ts';
import { catchInterrupts, interrupt } from '../interrupt.ts';
import { checkFits, type InterventionFlags, interventionsOf, interventionsOption } from '../interventions.ts';
import { withModel } from '../load.ts';
import { chosenTemplate, conversationOf, type TemplateFlags, templateOption } from '../messages.ts';
import { type ModelFlags, modelOptions, stateMemoryOption } from '../model-options.ts';

interface ChatFlags extends AdapterFlags, InterventionFlags, ModelFlags, GenerationFlags, TemplateFlags {
  readonly system?: string;
}

const COMMANDS = `/save FILE    write the conversation to FILE (JSON), and what the model remembers to FILE.safetensors
/load FILE    go on with a conversation that /save wrote
/undo         take back the last message and its answer
/retry        answer the last message again
/steer FILE   change values inside of the model, as a file of interventions says; /steer alone ends that
/stats        tokens and speed of the last answer
/help         this list
/quit         end; so do the end of the input and Ctrl-C twice at the prompt`;

export function addChat(program: Command): void {
  const model = adapterOption(interventionsOption(stateMemoryOption(modelOptions(program.command('chat')))));
  templateOption(generationFlags(model))
    .description('talk with a model, which needs a chat template: those of instruct models have one')
    .option('--system <text>', 'what the model is told first')
    .addHelpText(
      'after',
      helpText(`
Each line is a message. A line that ends with a backslash goes on in the next one; text between two lines of """ is one message. Lines that
begin with / are commands:
${COMMANDS}

Ctrl-C ends an answer, Ctrl-D the program. Between turns the state of the model is kept, so that each turn reads only what is new.

Examples:
  portmanteau chat ibm-granite/granite-3.1-1b-a400m-instruct --system 'Be brief.'
  portmanteau chat granite-tiny --chat-template template.jinja
  printf 'Hello\\n/stats\\n' | portmanteau chat ./my-instruct-model

${SAMPLING_ABOUT}`),
    )
    .action(chat);
}

async function chat(reference: string, flags: ChatFlags): Promise<void> {
  const interventions = await interventionsOf(flags);
  let template: ChatTemplate | undefined;
  const check = async (opened: OpenedModel) => {
    checkFits(opened, interventions);
    await checkAdapter(opened, flags);
    if (!opened.tokenizer)
      throw new UsageError('this model has no tokenizer, so it cannot take part in a conversation.');
    template = await chosenTemplate(opened, flags);
    template.render([...systemOf(flags), { role: 'user', content: 'Hello' }], { addGenerationPrompt: true });
  };
  await withModel(reference, { ...flags, generationConfig: flags.generationConfig ?? {} }, check, async (model) => {
    const session = new ChatSession(model, template as ChatTemplate, systemOf(flags));
    await new Terminal(model, session, flags, await adapterOf(model, flags), interventions).run();
  });
}

const systemOf = ({ system }: ChatFlags) => (system === undefined ? [] : [{ role: 'system', content: system }]);

/** Tells something that is no answer. */
const tell = (text: string): boolean => process.stderr.write(`${text}\n`);

class Terminal {
  readonly #model: Model;
  readonly #session: ChatSession;
  readonly #flags: ChatFlags;
  readonly #adapter: Adapter | undefined;
  #interventions: InterventionSet | undefined;
  #answering: AbortController | undefined;
  #stats = 'no answer yet.';

  constructor(
    model: Model,
    session: ChatSession,
    flags: ChatFlags,
    adapter: Adapter | undefined,
    interventions: InterventionSet | undefined,
  ) {
    this.#model = model;
    this.#session = session;
    this.#flags = flags;
    this.#adapter = adapter;
    this.#interventions = interventions;
  }

  async run(): Promise<void> {
    const isTerminal = Boolean(process.stdin.isTTY && process.stdout.isTTY);
    const lines = createInterface({
      input: process.stdin,
      ...(isTerminal ? { output: process.stdout, terminal: true } : { terminal: false }),
      prompt: isTerminal ? '> ' : '',
    });
    let pressed = false;
    const stop = (): boolean => {
      if (this.#answering) this.#answering.abort();
      else if (pressed) lines.close();
      else {
        pressed = true;
        tell('\n(Ctrl-C again, or /quit, ends)');
        if (isTerminal) lines.prompt();
      }
      return true;
    };
    lines.on('SIGINT', stop);
    catchInterrupts(stop);
    const ended = () => lines.close();
    interrupt.signal.addEventListener('abort', ended);
    let isClosed = false;
    lines.once('close', () => {
      isClosed = true;
      if (isTerminal) this.#answering?.abort(); // Ctrl-D, or a terminal whose user has gone: nobody waits for the answer
    });
    try {
      const ask = (isMore = false) => {
        lines.setPrompt(isTerminal ? (isMore ? '. ' : '> ') : '');
        if (isTerminal) lines.prompt();
      };
      ask();
      for await (const message of messagesOf(lines, (isMore) => isMore && ask(true))) {
        pressed = false;
        if (/^\/(quit|exit)\s*$/.test(message)) return;
        await this.#take(message);
        if (interrupt.signal.aborted || (isTerminal && isClosed)) return;
        ask();
      }
    } finally {
      catchInterrupts(undefined);
      interrupt.signal.removeEventListener('abort', ended);
      lines.close();
      this.#session.dispose();
    }
  }

  /** A message or a command. What goes wrong is told, and the conversation goes on. */
  async #take(message: string): Promise<void> {
    const [, command, argument = ''] = /^\/(\w*)\s*(.*?)\s*$/s.exec(message) ?? [];
    try {
      if (command !== undefined) await this.#command(command, argument);
      else if (message.trim() !== '') await this.#answer(message);
    } catch (error) {
      tell(`portmanteau: ${(error as Error).message}`);
    }
  }

  async #answer(message: string): Promise<void> {
    const answering = new AbortController();
    this.#answering = answering;
    const signal = AbortSignal.any([answering.signal, interrupt.signal]);
    const begin = performance.now();
    let first = 0;
    let tokens = 0;
    try {
      const options = {
        ...generationOptions(this.#flags),
        interventions: this.#interventions,
        adapter: this.#adapter,
        signal,
      };
      for await (const { id, text } of this.#session.send(message, options)) {
        first ||= performance.now();
        if (id !== undefined) tokens++;
        process.stdout.write(text);
        await setImmediate(); // so that Ctrl-C is heard
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      tell('\n(stopped)');
    } finally {
      this.#answering = undefined;
      if (first > 0) process.stdout.write('\n');
    }
    const seconds = (performance.now() - first) / 1000;
    const speed = tokens > 1 ? `, ${((tokens - 1) / seconds).toFixed(1)} tokens/s` : '';
    this.#stats =
      `read ${this.#session.readTokens} tokens in ${Math.round(first - begin)} ms, wrote ${tokens}${speed}; ` +
      `the state has read ${this.#session.state?.length ?? 0} tokens and takes ${this.#session.state?.bytes ?? 0} bytes.`;
  }

  async #command(name: string, argument: string): Promise<void> {
    const session = this.#session;
    switch (name) {
      case 'help':
        tell(COMMANDS);
        return;
      case 'stats':
        tell(this.#stats);
        return;
      case 'undo':
        tell(session.undo() === undefined ? 'there is nothing to undo.' : 'took back the last message and its answer.');
        return;
      case 'retry': {
        const message = session.undo();
        if (message === undefined) tell('there is no message to answer again.');
        else await this.#answer(message);
        return;
      }
      case 'steer': {
        const given = argument === '' ? undefined : await readInterventions(argument);
        if (given) this.#model.checkInterventions(given);
        this.#interventions = given;
        session.reset(); // what was read under others cannot be continued
        tell(given ? `steered by ${argument} from the next answer on.` : 'not steered any more.');
        return;
      }
      case 'save':
        return this.#save(argument);
      case 'load':
        return this.#load(argument);
      default:
        tell(`there is no command /${name}; /help lists them. A message that begins with / goes between lines of """.`);
    }
  }

  async #save(file: string): Promise<void> {
    if (file === '') throw new UsageError('/save needs the name of a file.');
    const { messages, state } = this.#session;
    if (messages.length === 0) throw new UsageError('there is nothing to save yet.');
    if (state) await saveState(this.#model, state, stateFile(file));
    await writeFileWhole(file, [new TextEncoder().encode(`${JSON.stringify({ messages }, undefined, 2)}\n`)]);
    tell(`saved ${messages.length} messages to ${file}.`);
  }

  async #load(file: string): Promise<void> {
    if (file === '') throw new UsageError('/load needs the name of a file.');
    const { messages } = conversationOf(await readFile(file, 'utf8'));
    const state = existsSync(stateFile(file)) ? await loadState(this.#model, stateFile(file)) : undefined;
    this.#session.restore(messages, state);
    tell(`loaded ${messages.length} messages from ${file}.`);
  }
}

const stateFile = (file: string): string => `${file}.safetensors`;
