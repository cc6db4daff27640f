/** `verge completion SHELL`: a script that completes verbs, options and the values that an option takes. */
import { Argument, type Command } from 'commander';
import { createOutput } from './output.js';

export const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

/** A place on the command line: the verbs so far, as `devices list`, and what may come next. */
export interface Place {
  readonly path: string;
  readonly verbs: readonly { name: string; description: string }[];
  readonly options: readonly { flag: string; description: string; choices: readonly string[]; takesValue: boolean }[];
  /** Values of the first argument, where they are known. */
  readonly values: readonly string[];
}

/** Every place of a program, the root first. */
export function places(program: Command): Place[] {
  const all: Place[] = [];
  const visit = (command: Command, path: string): void => {
    const help = command.createHelp();
    const visible = help.visibleCommands(command).filter((c) => c.name() !== 'help');
    const inherited = path === '' ? [] : help.visibleGlobalOptions(command);
    const options = [...help.visibleOptions(command), ...program.options.filter(() => path !== ''), ...inherited];
    const seen = new Set<string>();
    all.push({
      path,
      verbs: visible.map((c) => ({ name: c.name(), description: c.description() })),
      options: options.flatMap(({ long, description, argChoices, required, optional }) => {
        if (!long || seen.has(long)) return [];
        seen.add(long);
        return [{ flag: long, description, choices: argChoices ?? [], takesValue: required || optional }];
      }),
      values: command.registeredArguments[0]?.argChoices ?? [],
    });
    for (const child of visible) visit(child, `${path} ${child.name()}`.trim());
  };
  visit(program, '');
  return all;
}

const words = (place: Place): string =>
  [...place.verbs.map((v) => v.name), ...place.values, ...place.options.map((o) => o.flag)].join(' ');

const valueCases = (all: readonly Place[]): string[] =>
  all.flatMap((place) =>
    place.options
      .filter((o) => o.choices.length > 0)
      .map((o) => `    '${place.path}|${o.flag}') words='${o.choices.join(' ')}' ;;`),
  );

/** Flags whose next word is their value, and so no verb. */
const valued = (all: readonly Place[]): string =>
  [...new Set(all.flatMap((p) => p.options.filter((o) => o.takesValue).map((o) => o.flag)))].join('|');

function bash(all: readonly Place[]): string {
  return [
    '_verge() {',
    '  local path="" words="" word i skip=0 current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    word="${COMP_WORDS[i]}"',
    '    if ((skip)); then skip=0; continue; fi',
    '    case "$word" in',
    `      ${valued(all)}) skip=1 ;;`,
    '      -*) ;;',
    '      *) case "$path $word" in',
    ...all
      .filter((p) => p.path)
      .map((p) => `        '${p.path.includes(' ') ? p.path : ` ${p.path}`}') path='${p.path}' ;;`),
    '      esac ;;',
    '    esac',
    '  done',
    '  case "$path|$before" in',
    ...valueCases(all),
    '    *)',
    '      case "$before" in',
    `        ${valued(all)}) COMPREPLY=(); return ;;`,
    '      esac',
    '      case "$path" in',
    ...all.map((p) => `        '${p.path}') words='${words(p)}' ;;`),
    '      esac ;;',
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -o default -F _verge verge',
  ].join('\n');
}

const zsh = (all: readonly Place[]): string => ['autoload -U +X bashcompinit && bashcompinit', bash(all)].join('\n');

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function fish(all: readonly Place[]): string {
  const lines = [
    '# The verbs so far, without options and their values.',
    'function __verge_path',
    '  set -l skip 0',
    '  set -l path',
    '  for word in (commandline -opc)[2..-1]',
    '    if test $skip = 1; set skip 0; continue; end',
    `    if string match -qr -- '^(${valued(all)})$' $word; set skip 1; continue; end`,
    `    if contains -- (string trim "$path $word") ${all.map((p) => quoted(p.path)).join(' ')}; set -a path $word; end`,
    '  end',
    '  echo "$path"',
    'end',
    `function __verge_at; test (__verge_path) = "$argv"; end`,
  ];
  for (const { path, verbs, options, values } of all) {
    const at = `-n ${quoted(`__verge_at ${path}`.trim())}`;
    for (const v of verbs) lines.push(`complete -c verge -f ${at} -a ${quoted(v.name)} -d ${quoted(v.description)}`);
    for (const v of values) lines.push(`complete -c verge -f ${at} -a ${quoted(v)}`);
    for (const o of options) {
      const value = o.choices.length > 0 ? ` -xa ${quoted(o.choices.join(' '))}` : o.takesValue ? ' -r' : '';
      lines.push(`complete -c verge ${at} -l ${o.flag.slice(2)}${value} -d ${quoted(o.description)}`);
    }
  }
  return lines.join('\n');
}

const scripts: Record<Shell, (all: readonly Place[]) => string> = { bash, zsh, fish };

export function completionCommand(program: Command): void {
  program
    .command('completion')
    .description('print a script that completes verbs and options')
    .addArgument(new Argument('<shell>', 'the shell that is to complete').choices(shells))
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  source <(verge completion bash)',
        '  source <(verge completion zsh)',
        '  verge completion fish | source',
      ].join('\n'),
    )
    .action((shell: Shell, _options: unknown, command: Command) => {
      const script = scripts[shell](places(program));
      createOutput(command.optsWithGlobals<{ json?: boolean }>().json === true).result({ shell, script }, script);
    });
}
