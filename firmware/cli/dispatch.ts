import { UsageError } from './arguments.ts';
import { commands, help } from './commands.ts';
import { complain, say } from './output.ts';

const helpWords = ['help', '--help', '-h'];

/** @returns the exit status: 0 well, 1 not, 2 wrong use, 3 where the box does not say */
export async function dispatch([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined) {
    say(help());
    return 2;
  }
  if (helpWords.includes(name)) {
    const [about, ...verbs] = args.filter((word) => !helpWords.includes(word));
    if (about !== undefined) return dispatch([about, ...verbs, '--help']);
    say(help());
    return 0;
  }
  if (name === '--version' || name === '-V') return dispatch(['version', ...args]);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    complain(
      `hithe: there is no command ${JSON.stringify(name)}${similarTo(name)}; hithe --help lists them\n`,
    );
    return 2;
  }
  if (asksForHelp(args)) {
    say((await command.help?.(args)) ?? `Usage: hithe ${command.usage}\n\n${command.tells}\n`);
    return 0;
  }
  try {
    return await command.run(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complain(`hithe: ${error.message}\nUsage: hithe ${command.usage}\n`);
    return 2;
  }
}

/** Behind `--` everything is a value. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const options = end === -1 ? args : args.slice(0, end);
  return options.includes('--help') || options.includes('-h');
}

function similarTo(typed: string): string {
  const start = typed.toLowerCase().slice(0, 2);
  const names = start.length < 2 ? [] : Object.keys(commands).filter((name) => name.startsWith(start));
  return names.length === 0 ? '' : `; there is ${names.join(', ')}`;
}
