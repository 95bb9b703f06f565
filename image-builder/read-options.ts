import { type ParseArgsConfig, parseArgs } from 'node:util';

/**
 * The options of an npm script, beside `--help` and `-h`, which print `help` and end it. What it does not take ends it with
 * 2, and one line that says so.
 */
export function readOptions<Config extends ParseArgsConfig>(help: string, config: Config) {
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    process.stdout.write(help);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    const [usage] = help.split('\n');
    const reason = error instanceof Error ? error.message.replace(/ To specify a positional.*$/, '') : error;
    process.stderr.write(`${reason}\n${usage}   (--help tells more)\n`);
    process.exit(2);
  }
}
