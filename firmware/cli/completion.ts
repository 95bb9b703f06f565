import { readArguments, UsageError } from './arguments.ts';
import { type Command, commands } from './commands.ts';
import { say } from './output.ts';

/** What may follow a verb: its own verbs, options, and the values of those that take one of a few words. */
export interface Words {
  readonly verbs: readonly string[];
  readonly options: readonly string[];
  readonly values: Readonly<Record<string, readonly string[]>>;
}

const shells = ['bash', 'zsh'] as const;

export async function completion(args: readonly string[]): Promise<number> {
  const { positionals } = readArguments(args, {});
  const shell = shells.find((name) => name === positionals[0]);
  if (shell === undefined || positionals.length > 1)
    throw new UsageError(`completion takes: ${shells.join(' or ')}`);
  say(completionScript(shell, await wordsOf(commands)));
  return 0;
}

/** By path: `policy`, and `hip decode` where a verb has help of its own. All of it is read from usage and help. */
export async function wordsOf(table: Readonly<Record<string, Command>>): Promise<ReadonlyMap<string, Words>> {
  const found = new Map<string, Words>();
  for (const [name, command] of Object.entries(table)) {
    const common = await textOf(command, []);
    const words = readWords(name, common);
    found.set(name, words);
    for (const verb of words.verbs) {
      const own = await textOf(command, [verb]);
      if (own !== common) found.set(`${name} ${verb}`, { ...readWords(name, own), verbs: [] });
    }
  }
  return found;
}

async function textOf(command: Command, args: readonly string[]): Promise<string> {
  return `${command.usage}\n${(await command.help?.(args)) ?? ''}`;
}

function readWords(name: string, text: string): Words {
  const options = new Set<string>();
  const values: Record<string, readonly string[]> = {};
  for (const [, option = '', value = ''] of text.matchAll(/(--[a-z][a-z-]*)(?: ([A-Za-z|]+))?/g)) {
    options.add(option);
    const choices = value.split('|').filter((word) => /^[a-z]/.test(word));
    if (choices.length > 1) values[option] = choices;
  }
  options.add('--help');
  return { verbs: readVerbs(name, text), options: [...options].sort(), values };
}

/** `policy list | policy stage|enforce RULE…` in a usage, and lines such as `  get [PATH]   …` where help tells of verbs. */
function readVerbs(name: string, text: string): string[] {
  const verbs = new Set<string>();
  const [usage = '', ...help] = text.split('\n');
  const written = help
    .filter((line) => /^(Usage:| {2,}) ?hithe /.test(line))
    .map((line) => line.replace(/^.*?hithe /, ''));
  const tellsVerbs = help.includes(`Usage: hithe ${name} VERB`);
  const listed = tellsVerbs
    ? help.filter((line) => /^ {2}[a-z]/.test(line)).map((line) => `${name}${line.slice(1)}`)
    : [];
  for (const line of [usage, ...written, ...listed])
    for (const part of line.split(' | ')) {
      const [first = '', second = ''] = part.split(' ');
      const word = first === name ? second : tellsVerbs && listed.includes(line) ? first : '';
      for (const verb of word.replaceAll(/[[\]]/g, '').split('|'))
        if (/^[a-z][a-z-]*$/.test(verb)) verbs.add(verb);
    }
  return [...verbs].sort();
}

/** A script for the shell to read, in words of bash that zsh's bashcompinit understands too. */
function completionScript(shell: (typeof shells)[number], words: ReadonlyMap<string, Words>): string {
  const names = [...words.keys()].filter((path) => !path.includes(' '));
  const lists = [...words].map(([path, { verbs, options }]) => {
    const ofVerbs = path.includes(' ') ? '' : ` verbs='${verbs.join(' ')}'`;
    return `    '${path}') options='${options.join(' ')}'${ofVerbs} ;;`;
  });
  const values = [...words].flatMap(([path, { values: ofOptions }]) =>
    Object.entries(ofOptions).map(
      ([option, choices]) => `    '${path} ${option}') values='${choices.join(' ')}' ;;`,
    ),
  );
  return `${shell === 'zsh' ? 'autoload -U +X compinit bashcompinit && compinit && bashcompinit\n' : ''}_hithe_words() {
  case "$1" in
${lists.join('\n')}
  esac
}
_hithe_values() {
  case "$1" in
${values.join('\n')}
  esac
}
_hithe() {
  local options='' verbs='' values='' offered=''
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local name="\${COMP_WORDS[1]}" verb="\${COMP_WORDS[2]:-}"
  _hithe_words "$name"
  _hithe_words "$name $verb"
  _hithe_values "$name $previous"
  _hithe_values "$name $verb $previous"
  if [[ $COMP_CWORD -eq 1 ]]; then offered='${[...names, 'help'].join(' ')}'
  elif [[ -n $values ]]; then offered=$values
  elif [[ $current == -* ]]; then offered=$options
  elif [[ $COMP_CWORD -eq 2 ]]; then offered=$verbs
  fi
  COMPREPLY=( $(compgen -W "$offered" -- "$current") )
}
complete -o bashdefault -o default -F _hithe hithe
`;
}
