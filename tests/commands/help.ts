/** What `verge help VERB` prints, for every verb at any depth. */
import { createProgram } from '../../apps/cli/src/program.js';

type Verb = ReturnType<typeof createProgram>;

export interface HelpText {
  readonly verb: string;
  readonly text: string;
}

function textsOf(command: Verb, path: readonly string[]): HelpText[] {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  const own = [...path, command.name()];
  return [{ verb: own.join(' '), text }, ...command.commands.flatMap((child) => textsOf(child, own))];
}

export const helpTexts = (): HelpText[] => textsOf(createProgram(), []);
