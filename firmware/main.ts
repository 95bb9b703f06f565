import { UsageError } from './cli/arguments.ts';
import { commands, help } from './cli/commands.ts';

/** @returns the exit status: 0 well, 1 not, 2 wrong use */
async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === 'help') {
    process.stdout.write(help());
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    process.stderr.write(`hithe: there is no command ${JSON.stringify(name)}\n\n${help()}`);
    return 2;
  }
  if (args.includes('--help')) {
    const help = await command.help?.(args);
    process.stdout.write(help ?? `Usage: hithe ${command.usage}\n\n${command.tells}\n`);
    return 0;
  }
  try {
    return await command.run(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`hithe: ${error.message}\nUsage: hithe ${command.usage}\n`);
    return 2;
  }
}

// Whoever read the output has seen enough, as `| head` does: the status is that of a program that SIGPIPE ends.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(128 + 13);
});

main(process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    process.stderr.write(
      `hithe: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exit(1);
  },
);
