import { dispatch } from './cli/dispatch.ts';
import { complain } from './cli/output.ts';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read the output has seen enough, as `| head` does: the status is that of a program that SIGPIPE ends.
  if (error.code === 'EPIPE') process.exit(128 + 13);
  complain(`hithe: what it says cannot be written: ${error.message}\n`);
  process.exit(1);
});

dispatch(process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    complain(`hithe: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
